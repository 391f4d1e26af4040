"""HTTP contract, section 7: names that dashboards may rely on."""

import re

from deadline import poll
from peers import Client
from processes import Sandbox
from raw import Connection, request

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


# contract: 2.28, 7.2, 7.6, 7.13, 7.14, 7.15
def test_the_names_of_the_contract_are_there_with_type_and_help(run, sandbox, name):
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


# contract: 7.4, 7.5, 7.13
def test_counters_count(run, sandbox, name):
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


def labels(samples, metric):
    """The labels of each sample of a metric."""
    found = [re.fullmatch(metric + r"\{(.*)\}", name) for name in samples]
    return [dict(re.findall(r'(\w+)="([^"]*)"', match[1])) for match in found if match]


# contract: 7.1, 7.3, 7.7, 7.9, 7.10, 7.11, 7.12
def test_what_happened_is_counted_under_its_labels(run, start, name):
    upstream = start(Sandbox)
    daemon, channel = run(upstream=upstream), name("private-")
    stream = daemon.subscribed(channel)
    assert daemon.trigger(channel, "client-x", 1).status_code == 202
    assert daemon.trigger(channel, "wrong", 1).status_code == 422
    daemon.events(channel, headers={"Last-Event-ID": "1-1"}).next()
    assert daemon.get("/nothing").status_code == 404
    assert daemon.get("/apps", headers={"Host": "evil.test"}).status_code == 421
    upstream.kill()
    start(Sandbox, port=upstream.port)
    stream.until("bridge:gap", 35)
    version = daemon.get("/healthz").json()["version"]
    _, samples = read(daemon)
    assert samples[f'apinatord_build_info{{version="{version}"}}'] == 1
    assert samples['apinatord_gaps_total{app="main",reason="unknown_id"}'] == 1
    assert samples['apinatord_gaps_total{app="main",reason="upstream_reconnect"}'] >= 1
    assert samples['apinatord_client_events_total{app="main",result="accepted"}'] == 1
    assert samples['apinatord_client_events_total{app="main",result="event_not_allowed"}'] == 1
    assert samples['apinatord_http_requests_total{method="GET",code="404"}'] == 1
    assert samples['apinatord_http_requests_total{method="POST",code="202"}'] == 1
    assert samples['apinatord_refused_total{reason="host_not_allowed"}'] == 1
    for metric, more in [("reconnects", "reason"), ("auth_requests", "result")]:
        found = labels(samples, f"apinatord_{metric}_total")
        assert found and all(set(each) == {"app", more} and each["app"] == "main" for each in found), metric


# contract: 7.8
def test_a_reader_that_was_dropped_is_counted(run, sandbox, name):
    daemon, channel = run(limits="reader_backlog_bytes = 65536"), name()
    slow = Connection(daemon, receive_buffer=4096).send(request(path=f"/channels/{channel}/events"))
    slow.head()
    poll(lambda: daemon.channel(channel)["subscribed"])
    server = sandbox.server()

    def is_dropped():
        server.trigger("step", "x" * 9500, channel=channel)
        return daemon.channel(channel)["streams"] == 0

    poll(is_dropped, 60)
    slow.close()
    _, samples = read(daemon)
    assert samples['apinatord_dropped_streams_total{reason="slow_consumer"}'] == 1


# contract: 7.15
def test_no_label_grows_with_what_clients_make_up(run, sandbox, name):
    daemon = run(app="client_events_per_second = 1000")

    def make_up(number):
        channel = name("private-")
        with Client(sandbox) as other:
            other.subscribe(channel)
            stream = daemon.subscribed(channel)
            sandbox.publish(channel, f"event-{number}", "{}")
            stream.until(f"event-{number}")
        assert daemon.trigger(channel, f"client-{number}", 1).status_code == 202
        with Connection(daemon).send(request(f"METHOD{number}", "/healthz")) as connection:
            assert connection.response()[0] == 405
        for path, fields in [(f"/{number}", {}), ("/", {"Host": f"h{number}"}), ("/", {"Origin": f"http://o{number}"}),
                             (f"/apps/{number}", {}),
                             (f"/channels/x?{number}", {"User-Agent": str(number)})]:  # fmt: skip
            daemon.get(path, headers=fields)

    make_up(0)
    read(daemon)
    names = set(read(daemon)[1])
    for number in range(1, 6):
        make_up(number)
    assert set(read(daemon)[1]) == names


# contract: 2.28, 7.15
def test_the_text_is_what_prometheus_reads(daemon):
    text, _ = read(daemon)
    family, seen = None, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in seen, f"{family} is not in one piece"
            seen.add(family)
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family and line.split()[3] in ("counter", "gauge", "histogram")
        else:
            assert re.match(rf"{family}(_bucket|_sum|_count)?[{{ ]", line), line
    buckets = re.findall(r'apinatord_delivery_seconds_bucket\{le="([^"]+)"\} (\d+)', text)
    assert [float(bound) for bound, _ in buckets] == sorted(float(bound) for bound, _ in buckets)
    assert buckets[-1][0] == "+Inf"
    counts = [int(count) for _, count in buckets]
    assert counts == sorted(counts) and f"apinatord_delivery_seconds_count {counts[-1]}\n" in text
