"""HTTP contract, section 7: names that dashboards may rely on."""

import re

NAMES = """
apinatord_build_info apinatord_upstream_state apinatord_reconnects_total apinatord_events_total apinatord_deliveries_total
apinatord_delivered_bytes_total apinatord_streams apinatord_channels apinatord_gaps_total apinatord_dropped_streams_total
apinatord_auth_requests_total apinatord_client_events_total apinatord_http_requests_total apinatord_refused_total
apinatord_delivery_seconds process_start_time_seconds process_open_fds process_resident_memory_bytes
process_cpu_seconds_total
""".split()


def read(daemon):
    """The samples by their name with labels."""
    text = daemon.get("/metrics").text
    assert text.endswith("\n")
    samples = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = re.fullmatch(r"([a-z_]+(?:\{.*\})?) ([-+0-9.eE]+|NaN|\+Inf)", line).groups()
            assert name not in samples, f"twice: {name}"
            samples[name] = float(value)
    return text, samples


def test_the_names_of_the_contract_are_there_with_type_and_help(run, sandbox, name):  # §7
    daemon, channel = run(), name("private-")
    stream = daemon.subscribed(channel)
    daemon.trigger(channel, "client-x", 1)
    sandbox.publish(channel, "news", "{}")
    stream.until("news")
    text, samples = read(daemon)
    for metric in NAMES:
        assert f"# TYPE {metric} " in text, metric
        assert f"# HELP {metric} " in text, metric
    assert samples['apinatord_upstream_state{app="main",state="connected"}'] == 1
    assert sum(v for n, v in samples.items() if n.startswith("apinatord_upstream_state")) == 1
    assert samples['apinatord_streams{app="main"}'] == 1
    assert samples['apinatord_channels{app="main"}'] == 1
    assert samples['apinatord_deliveries_total{app="main"}'] >= 1
    assert samples["apinatord_delivery_seconds_count"] >= 1
    assert daemon.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")


def test_counters_count(run, sandbox, name):  # §7
    daemon, channel = run(), name()
    streams = [daemon.subscribed(channel) for _ in range(3)]
    _, before = read(daemon)
    for _ in range(10):
        sandbox.publish(channel, "news", "{}")
    for stream in streams:
        for _ in range(10):
            stream.until("news")
    _, after = read(daemon)
    grown = lambda metric: after[metric] - before[metric]  # noqa: E731
    assert grown('apinatord_events_total{app="main"}') == 10
    assert grown('apinatord_deliveries_total{app="main"}') == 30
    assert grown("apinatord_delivery_seconds_count") == 30
    assert grown('apinatord_delivered_bytes_total{app="main"}') > 30 * len("event: news\ndata: {}\n\n")
