"""The reverse proxies of deploy/proxies: events pass at once, and resuming and triggering work through them."""

import contextlib
import re

import pytest
from httpx_sse import connect_sse

from deadline import poll
from peers import Client
from problems import problem
from processes import ROOT, Daemon, configuration
from proxies import Caddy, Nginx


@pytest.fixture(params=[Nginx, Caddy], ids=lambda kind: kind.program)
def proxied(request, sandbox, start, tmp_path):
    """A daemon behind a proxy that its group is the only credential of."""
    proxy = request.param()
    try:
        (tmp_path / "token").write_text("for the test alone")
        (tmp_path / "token").chmod(0o600)
        access = f"""
[[peer]]
group = "{proxy.group}"
channels = ["private-*"]
allow = ["read", "trigger"]
[[token]]
name = "test"
secret = {{ file = "{tmp_path}/token" }}
allow = ["read", "admin"]
"""
        text = configuration(sandbox, rest=access).replace('"127.0.0.1:0"', f'"127.0.0.1:0", "unix:{proxy.socket}"')
        daemon = start(Daemon, text)
        daemon.client.headers["Authorization"] = "Bearer for the test alone"
        daemon.wait_for_state("connected")
        proxy.start()
        yield proxy, daemon
    finally:
        proxy.stop()


@contextlib.contextmanager
def stream(proxy, path, headers=()):
    """The events of a stream over HTTP/2, as a browser reads them, on a connection that ends with it."""
    with proxy.open(http2=True) as client, connect_sse(client, "GET", path, headers=dict(headers)) as source:
        assert source.response.http_version == "HTTP/2"
        yield source.iter_sse()


def until(events, name):
    return next(event for event in events if event.event == name)


# An event that a proxy holds back comes with the next comment at the earliest, after 15 s: the client waits 10 s.
def test_events_pass_at_once_and_a_stream_resumes(proxied, sandbox, name):
    proxy, daemon = proxied
    channel = name("private-")
    path = f"/channels/{channel}/events"
    with stream(proxy, path) as events:
        until(events, "realtime:subscription_succeeded")
        for number in range(3):
            sandbox.publish(channel, "news", f'{{"n":{number}}}')
            assert (last := until(events, "news")).data == f'{{"n":{number}}}'
        # Held by a pin while nobody reads.
        daemon.put(f"/channels/{channel}").raise_for_status()
    poll(lambda: daemon.channel(channel)["streams"] == 0)
    sandbox.publish(channel, "news", '{"n":3}')
    poll(lambda: daemon.channel(channel)["last_event_id"] != last.id)
    with stream(proxy, path, {"Last-Event-ID": last.id}) as events:
        first = [next(events), next(events)]
    assert [event.event for event in first] == ["bridge:open", "news"] and first[1].data == '{"n":3}'


def test_lines_pass_at_once(proxied, sandbox, name):
    proxy, _ = proxied
    channel = name("private-")
    fields = {"Accept": "application/x-ndjson"}
    with proxy.client.stream("GET", f"/channels/{channel}/events", headers=fields) as answer:
        lines = (line for line in answer.iter_lines() if line)
        while "subscription_succeeded" not in next(lines):
            pass
        sandbox.publish(channel, "news", '{"n":1}')
        assert '"data":{"n":1}' in next(lines)


def test_a_client_event_passes(proxied, sandbox, name):
    proxy, _ = proxied
    channel = name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        body = {"event": "client-hello", "data": {"n": 1}}
        # What a page of the proxy's own may send along: credentials for the proxy, and its origin.
        fields = {"Authorization": "Basic dXNlcjpwYXNz", "Origin": f"https://{proxy.name}"}
        assert proxy.client.post(f"/channels/{channel}/events", json=body, headers=fields).status_code == 202
        assert other.until("client-hello")["data"] == '{"n":1}'
    fields = {"Origin": "https://elsewhere.example"}
    problem(proxy.client.post(f"/channels/{channel}/events", json=body, headers=fields), 403, "origin_not_allowed")
    problem(proxy.client.get("/channels/presence-other/events"), 403, "channel_not_allowed")
    assert proxy.client.post(f"/channels/{channel}/events", content=b"x" * 65537).status_code == 413


@pytest.mark.parametrize("kind", [Nginx, Caddy], ids=lambda kind: kind.program)
def test_timeouts_go_with_those_of_the_bridge(kind):
    source = (ROOT / "Sources/Bridge/Bridge.swift").read_text()
    comment = int(re.search(r"keepAliveInterval = Duration\.seconds\((\d+)\)", source)[1])
    idle = int(re.search(r'idle_timeout = "(\d+)s"', (ROOT / "config/apinatord.toml").read_text())[1])
    text = kind.source.read_text()
    waits = re.findall(r"^\s*((?:proxy_)?(?:read|send)_timeout) (\d+)s", text, re.MULTILINE)
    assert waits and all(int(seconds) >= 2 * comment for _, seconds in waits), waits
    (kept,) = re.findall(r"^\s*(?:keepalive_timeout|keepalive) (\d+)s", text, re.MULTILINE)
    assert int(kept) < idle
