"""HTTP contract, section 3, where a caller is careless or hostile."""

import json
import threading

import pytest

from deadline import poll
from peers import Client, ScriptedUpstream
from problems import problem
from processes import Sandbox
from raw import Connection, request


def lines_until(stream, event):
    """The messages of an NDJSON stream up to the one called `event`."""
    found = []
    while not found or found[-1]["event"] != event:
        found.append(json.loads(stream.line()))
    return found


# contract: 3.37
@pytest.mark.parametrize(
    ("accept", "kind"),
    [("application/x-ndjson", "lines"), ("APPLICATION/X-NDJSON", "lines"), ("application/x-ndjson;q=0.5", "lines"),
     ("application/x-ndjson; charset=utf-8", "lines"), ("application/x-ndjson, text/event-stream;q=0.5", "lines"),
     ("text/event-stream;q=0.1, application/x-ndjson", "lines"), ("application/x-ndjson, */*", "lines"),
     ("text/html\r\nAccept: application/x-ndjson", "lines"), ("application/x-ndjson;q=0", "events"),
     ("text/event-stream, application/x-ndjson;q=0.5", "events"), ("*/*", "events"), ("application/*", "events"),
     ("application/x-ndjson;q=abc", "events"), ("application/json", "events"), ("", "events"),
     ("application/x-ndjson2", "events")])  # fmt: skip
@pytest.mark.parametrize("path", ["/channels/x/events", "/events"])
def test_what_accept_prefers_is_what_comes(daemon, path, accept, kind):
    stream = daemon.stream(path, {"Accept": accept})
    assert stream.status == 200
    assert stream.headers["content-type"] == {"lines": "application/x-ndjson", "events": "text/event-stream"}[kind]
    assert stream.headers["cache-control"] == "no-store" and stream.headers["x-accel-buffering"] == "no"
    if kind == "lines":
        assert json.loads(stream.line())["event"] == "bridge:open"
    else:
        stream.next()


# contract: 3.31, 3.32, 3.37
@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [("format=message", "application/x-ndjson", "lines"), ("format=event", "application/x-ndjson", "lines"),
     ("format=event", "application/x-ndjson, text/event-stream;q=0.1", "event"), ("format=message", "*/*", "message"),
     ("%66ormat=m%65ssage", "*/*", "message"), ("format=message&x=1", "text/event-stream", "message")])  # fmt: skip
def test_format_and_accept_agree(daemon, query, accept, kind):
    for path in ("/channels/x/events", "/events"):
        stream = daemon.stream(f"{path}?{query}", {"Accept": accept})
        if kind == "lines":
            assert json.loads(stream.line())["event"] == "bridge:open"
        else:
            assert stream.next().event == ("bridge:open" if kind == "event" else None)


# contract: 3.34
@pytest.mark.parametrize(
    "query",
    ["format=", "format", "format=MESSAGE", "format=ndjson", "since=", "since=5", "since=-5m", "since=5d", "since=1.5h",
     "since=8785h", "since=99999999999999999999h", "since=5%20m", "since=m",
     "last_event_id=0-0&since=nonsense"])  # fmt: skip
def test_a_parameter_that_is_none_is_said(daemon, name, query):
    channel = name()
    for path in (f"/channels/{channel}/events", f"/events?channel={channel}"):
        problem(daemon.get(f"{path}{'&' if '?' in path else '?'}{query}"), 400, "invalid_request")
    # Nothing was subscribed to on the way.
    problem(daemon.get(f"/channels/{channel}"), 404, "unknown_channel")


# contract: 2.7
def test_a_channel_named_twice_counts_once(run, sandbox, name):
    daemon, one, two = run(), name(), name()
    stream = daemon.stream(f"/events?channel={one}&channel={two}&channel={one}&channel={one}")
    assert stream.next().json["data"]["channels"] == sorted([one, two])
    poll(lambda: daemon.channel(one)["subscribed"] and daemon.channel(two)["subscribed"])
    assert daemon.channel(one)["streams"] == 1
    for channel in (one, two):
        sandbox.publish(channel, "step", "{}")
    events = [frame for frame in (stream.next().json for _ in range(4)) if frame["event"] == "step"]
    assert [frame["channel"] for frame in events] == [one, two]
    # A name among good ones that is none subscribes to nothing.
    other = name()
    for bad in ("", "a%20b", "x" * 201):
        problem(daemon.get(f"/events?channel={other}&channel={bad}"), 400, "invalid_channel_name")
    problem(daemon.get(f"/channels/{other}"), 404, "unknown_channel")


# contract: 3.30
@pytest.mark.parametrize(
    ("query", "expected"),
    [("event=*", ["a", "ab", "a*", "b:x"]), ("event=a*", ["a", "ab", "a*"]), ("event=a", ["a"]),
     ("event=a%2A", ["a", "ab", "a*"]), ("event=a**", ["a*"]), ("event=", []), ("event=b", []), ("event=A", []),
     ("event=bridge:*", []), ("event=ab&event=a", ["a", "ab"]), ("event=a*&event=a", ["a", "ab", "a*"]),
     ("event=b:*", ["b:x"])])  # fmt: skip
def test_filters(daemon, sandbox, name, query, expected):
    channel = name()
    daemon.subscribed(channel)
    before = daemon.get(f"/channels/{channel}").headers["last-event-id"]
    live = daemon.events(channel, f"?{query}")
    assert live.next().event == "bridge:open"
    for event in ("a", "ab", "a*", "b:x"):
        sandbox.publish(channel, event, "{}")
    resumed = daemon.events(channel, f"?{query}", {"Last-Event-ID": before})
    assert resumed.next().event == "bridge:open"
    assert daemon.delete(f"/channels/{channel}?force=true").status_code == 204
    wanted = [*expected, "bridge:unsubscribed"]
    assert [frame.event for frame in resumed.rest()] == wanted
    first = [frame.event for frame in live.rest()]
    assert [event for event in first if event != "realtime:subscription_succeeded"] == wanted


# contract: 3.30
def test_a_filter_compares_bytes(daemon, sandbox, name):
    channel, sign = name(), "\u0600"  # which makes one character with what follows it
    stream = daemon.events(channel, "?event=%D8%80*&event=end")
    daemon.subscribed(channel)
    for event in ("*", f"{sign}x", sign, "end"):
        sandbox.publish(channel, event, "1")
    stream.until("end")
    assert [frame.event for frame in stream.seen] == ["bridge:open", f"{sign}x", sign, "end"]


# contract: 3.30, 3.37
def test_a_filter_on_lines(daemon, sandbox, name):
    channel = name()
    daemon.subscribed(channel)
    stream = daemon.events(channel, "?event=wanted", {"Accept": "application/x-ndjson"})
    for event in ("other", "wanted"):
        sandbox.publish(channel, event, "1")
    assert [message["event"] for message in lines_until(stream, "wanted")] == ["bridge:open", "wanted"]


# contract: 3.15, 3.21
def test_a_confirmation_is_an_event_with_an_id_and_replayed(daemon, name):
    channel, before = name(), daemon.get("/channels").headers["last-event-id"]
    confirmed = daemon.subscribed(channel).seen[-1]
    assert confirmed.event == "realtime:subscription_succeeded" and confirmed.id
    again = daemon.events(channel, headers={"Last-Event-ID": before})
    # Of what was before it was subscribed to, nobody knows.
    assert [again.next().event, again.next().event] == ["bridge:open", "bridge:gap"]
    late = daemon.events(channel, "?since=1h")
    late.next()
    assert confirmed.id in [late.next().id, late.next().id]


# contract: 3.7
@pytest.mark.parametrize(
    ("event", "delivered"),
    [("\r\nid: 1", "id: 1"), ("a\n\nb", "ab"), ("\x00", ""), ("a\rb", "ab"), (": c", ": c"), (" a", " a"), ("é☃", "é☃"),
     ("\u2028", "\u2028"), ("\ufeff", "\ufeff")])  # fmt: skip
def test_a_name_is_one_line(daemon, sandbox, name, event, delivered):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, event, '"x"')
    frame = stream.next()
    assert (frame.event, frame.data) == (delivered, '"x"')
    assert frame.fields == ("id", "event", "data")


# contract: 3.8
@pytest.mark.parametrize("form", ["event", "message", "lines"])
def test_no_form_lets_an_event_pass_for_the_bridges_own(daemon, sandbox, name, form):
    channel, names = name(), ["bridge:gap", "bridge:", "state_change", "bridge:open", "BRIDGE:x", "state_changes"]
    daemon.subscribed(channel)
    accept = {"Accept": "application/x-ndjson"} if form == "lines" else {}
    stream = daemon.events(channel, "" if form == "lines" else f"?format={form}", accept)
    for event in [*names, "marker"]:
        sandbox.publish(channel, event, "{}")
    seen = []
    while not seen or seen[-1] != "marker":
        frame = json.loads(stream.line()) if form == "lines" else stream.next()
        seen.append(frame.event if form == "event" else frame["event"] if form == "lines" else frame.json["event"])
    assert seen[2:-1] == [f"upstream:{n}" if n.startswith(("bridge:", "state_change")) and n != "state_changes" else n
                          for n in names]  # fmt: skip


# contract: 3.20, 3.21
@pytest.mark.parametrize(
    ("data", "delivered"),
    [('{"code":1,"message":"m"}', None), ('"text"', "text"), ('"{\\"code\\":1e0}"', '{"code":1e0}'), ("null", None),
     ("[1]", None),
     ('{ "message" : 7 }', None)])  # fmt: skip
def test_errors_of_upstream_come_as_they_are(run, name, data, delivered):
    with ScriptedUpstream() as upstream:
        daemon, channel = run(upstream=upstream, auth=False), name()
        stream = daemon.subscribed(channel)
        before = stream.seen[-1].id
        upstream.connection().send(json.dumps({"event": "realtime:error", "data": "?"}).replace('"?"', data))
        frame = stream.until("realtime:error")
        assert frame.id and frame.data == (delivered or data)
        again = daemon.events(channel, headers={"Last-Event-ID": before})
        assert again.until("realtime:error").id == frame.id


# contract: 3.40, 3.41
def test_last_event_id_in_every_spelling(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    for number in range(3):
        sandbox.publish(channel, "step", str(number))
    first, *_ = [stream.until("step").id for _ in range(3)]
    for query, fields in [("", {"last-event-id": first}), ("", {"LAST-EVENT-ID": f"  {first} "}),
                          (f"?last_event_id={first}", {}), (f"?last_event_id={first.replace('-', '%2D')}", {}),
                          (f"?last_event_id={first}", {"Last-Event-ID": ""}), (f"?since=1h&last_event_id={first}", {}),
                          (f"?format=event&last_event_id={first}", {})]:  # fmt: skip
        again = daemon.events(channel, query, fields)
        assert [again.next().event, again.next().data, again.next().data] == ["bridge:open", "1", "2"], (query, fields)
        again.close()


# contract: 3.40
def test_lines_resume_as_frames_do(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    for number in range(5):
        sandbox.publish(channel, "step", str(number))
    identifiers = [stream.until("step").id for _ in range(5)]
    again = daemon.events(channel, headers={"Accept": "application/x-ndjson", "Last-Event-ID": identifiers[1]})
    messages = [json.loads(again.line()) for _ in range(4)]
    assert [message["event"] for message in messages] == ["bridge:open", "step", "step", "step"]
    assert [message.get("id") for message in messages[1:]] == identifiers[2:]


# contract: 3.43
def test_since_no_time_at_all_replays_nothing(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "old", "{}")
    stream.until("old")
    again = daemon.events(channel, "?since=0s")
    sandbox.publish(channel, "new", "{}")
    again.until("new")
    assert "old" not in [frame.event for frame in again.seen]


# contract: 3.44
def test_state_then_stream_for_every_answer_about_state(daemon, sandbox, name):
    channel = name("presence-")
    daemon.subscribed(channel)
    for method, path in [("GET", f"/channels/{channel}/members/me"), ("GET", "/apps/main"), ("HEAD", "/channels"),
                         ("PUT", f"/channels/{channel}"),
                         ("GET", f"/apps/main/channels/{channel}/members")]:  # fmt: skip
        last = daemon.client.request(method, path).headers["last-event-id"]
        sandbox.publish(channel, "news", f'"{path}"')
        stream = daemon.events(channel, headers={"Last-Event-ID": last})
        assert [stream.next().event, stream.next().json] == ["bridge:open", path]


# contract: 3.3
def test_a_stream_on_http_1_0_that_wants_to_be_kept_alive_ends_all_the_same(run, name):
    daemon, channel = run(), name()
    text = request(path=f"/channels/{channel}/events", version="1.0", fields="Connection: keep-alive\r\n")
    with Connection(daemon).send(text) as connection:
        status, fields = connection.head()
        assert status == 200 and "transfer-encoding" not in fields and fields["connection"] == "close"
        poll(lambda: daemon.channel(channel).get("subscribed"))
        daemon.delete(f"/channels/{channel}?force=true")
        while connection.receive():
            pass
        assert connection.bytes.endswith(b"event: bridge:unsubscribed\ndata: {}\n\n")


# contract: 3.14, 3.46
def test_what_is_sent_on_a_connection_that_streams_changes_nothing(daemon, sandbox, name):
    channel = name()
    daemon.subscribed(channel)
    text = request(path=f"/channels/{channel}/events")
    with Connection(daemon).send(text + request(path="/healthz") * 50 + "nonsense" * 500) as connection:
        assert connection.head()[0] == 200
        sandbox.publish(channel, "news", "{}")
        while b"event: news" not in connection.bytes:
            assert connection.receive(), connection.bytes
        assert b"HTTP/1.1" not in connection.bytes
    assert daemon.get("/healthz").status_code == 200


# contract: 3.23, 3.19
@pytest.mark.parametrize("form", ["?format=message", "lines"])
def test_a_reconnect_is_told_in_every_form(run, start, name, form):
    upstream = start(Sandbox)
    daemon, channel = run(upstream=upstream), name()
    daemon.subscribed(channel)
    accept = {"Accept": "application/x-ndjson"} if form == "lines" else {}
    stream = daemon.events(channel, "" if form == "lines" else form, accept)
    upstream.kill()
    start(Sandbox, port=upstream.port)

    def message():
        return json.loads(stream.line(35)) if form == "lines" else stream.next(35).json

    seen = [message()]
    while seen[-1]["event"] != "bridge:gap":
        seen.append(message())
    assert [m["data"]["current"] for m in seen if m["event"] == "state_change"] == ["connecting", "connected"]
    assert seen[-1]["data"]["reason"] == "upstream_reconnect" and seen[-1]["id"]


# contract: 3.14
def test_no_connection_gets_what_was_for_the_one_before_it(run, sandbox, name):
    # The number of a descriptor is another connection's as soon as it is closed.
    daemon, channels, over, wrong = run(app='linger = "0s"'), [name("private-"), name()], threading.Event(), []

    def publish():
        server = sandbox.server()
        while not over.is_set():
            for channel in channels:
                server.trigger("step", '"x"', channel=channel)

    def come_and_go(channel):
        for number in range(150):
            version = "1.0" if number % 3 == 0 else "1.1"
            with Connection(daemon).send(request(path=f"/channels/{channel}/events", version=version)) as connection:
                while b"\r\n\r\n" not in connection.bytes and connection.receive():
                    pass
                if not connection.bytes.startswith(b"HTTP/1.1 200 "):
                    wrong.append(connection.bytes)

    readers = [threading.Thread(target=come_and_go, args=(channel,)) for channel in channels * 3]
    publishers = [threading.Thread(target=publish) for _ in range(2)]
    for thread in readers + publishers:
        thread.start()
    for thread in readers:
        thread.join()
    over.set()
    for thread in publishers:
        thread.join()
    assert not wrong, wrong[0]
