"""HTTP contract, section 3: streams."""

import json

import pytest

from deadline import poll
from flood import metric
from peers import Client, ScriptedUpstream
from processes import Daemon, Sandbox, configuration


# contract: 3.1, 3.2, 3.3
def test_a_stream_answers_at_once_before_upstream_has_confirmed_anything(run, start):
    gone = start(Sandbox)
    gone.kill()
    daemon = run(upstream=gone, connected=False)
    stream = daemon.events("public")
    assert stream.headers["content-type"] == "text/event-stream"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    assert stream.headers["transfer-encoding"] == "chunked"
    first = stream.next()
    assert first.event == "bridge:open"
    assert first.json["subscribed"] is False
    assert first.json["state"] in ("connecting", "unavailable")


# contract: 3.9
def test_the_first_frame_is_bridge_open_and_its_block_begins_with_retry_2000(daemon, name):
    channel = name()
    stream = daemon.events(channel)
    frame = stream.next()
    assert frame.fields == ("retry", "event", "data")
    assert (frame.retry, frame.event) == ("2000", "bridge:open")
    assert list(frame.json.items()) == [
        ("app", "main"), ("channel", channel), ("state", "connected"), ("subscribed", False)]  # fmt: skip


# contract: 3.11, 3.12
def test_a_confirmed_channel_is_followed_by_the_current_presence_snapshot_without_an_id(daemon, sandbox, name):
    channel = name("presence-")
    first = daemon.subscribed(channel)
    with Client(sandbox) as other:
        other.subscribe(channel, "ada", {"name": "Ada", "n": 1})
        first.until("realtime:member_added")
        stream = daemon.events(channel)
        assert stream.next().json["subscribed"] is True
        snapshot = stream.next()
        assert (snapshot.event, snapshot.id) == ("realtime:subscription_succeeded", None)
        presence = snapshot.json["presence"]
        assert presence["count"] == 2
        assert sorted(presence["ids"]) == ["ada", "sandbox-user"]
        assert presence["hash"]["ada"] == {"name": "Ada", "n": 1}


# contract: 3.11
def test_the_snapshot_of_another_channel_is_an_empty_object(daemon, name):
    channel = name()
    daemon.subscribed(channel)
    stream = daemon.events(channel)
    stream.next()
    snapshot = stream.next()
    assert (snapshot.event, snapshot.data, snapshot.id) == ("realtime:subscription_succeeded", "{}", None)


# contract: 3.4
def test_frames_are_id_then_event_then_data(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "news", '{"n":1}')
    frame = stream.until("news")
    assert frame.fields == ("id", "event", "data")


# contract: 3.17
def test_members_that_come_and_go_are_events(daemon, sandbox, name):
    channel = name("presence-")
    stream = daemon.subscribed(channel)
    with Client(sandbox) as other:
        other.subscribe(channel, "bob", {"name": "Bob"})
        added = stream.until("realtime:member_added")
        assert added.json == {"user_id": "bob", "user_info": {"name": "Bob"}}
        assert added.id
    removed = stream.until("realtime:member_removed")
    assert removed.json["user_id"] == "bob"


def test_one_member_added_for_each_user_and_not_for_each_connection(daemon, sandbox, name):  # issue 2, the sandbox
    channel = name("presence-")
    stream = daemon.subscribed(channel)
    with Client(sandbox) as one, Client(sandbox) as two:
        one.subscribe(channel, "eve")
        two.subscribe(channel, "eve")
        sandbox.publish(channel, "marker", "{}")
        events = [stream.until("realtime:member_added").event]
        stream.until("marker")
        events = [frame.event for frame in stream.seen]
        assert events.count("realtime:member_added") == 1


# contract: 3.14
def test_client_events_of_others_are_delivered(daemon, sandbox, name):
    channel = name("private-")
    stream = daemon.subscribed(channel)
    with Client(sandbox) as other:
        other.subscribe(channel)
        other.trigger(channel, "client-typing", '{"who":"other"}')
        assert stream.until("client-typing").data == '{"who":"other"}'


# contract: 2.3, 3.14
def test_fifty_readers_of_one_channel_make_one_upstream_subscription(daemon, sandbox, name):  # issue 2
    channel = name("private-")
    streams = [daemon.events(channel) for _ in range(50)]
    for stream in streams:
        stream.until("realtime:subscription_succeeded")
    assert daemon.channel(channel)["streams"] == 50
    assert sandbox.server().get_channel(channel)["subscription_count"] == 1
    server = sandbox.server()
    for number in range(40):
        server.trigger("step", json.dumps({"n": number}), channel=channel)
    for stream in streams:
        frames = [stream.until("step") for _ in range(40)]
        assert [frame.json["n"] for frame in frames] == list(range(40))
        assert len({frame.id for frame in frames}) == 40


# contract: 3.39
def test_all_readers_see_an_event_under_the_same_id(daemon, sandbox, name):
    channel = name()
    streams = [daemon.subscribed(channel) for _ in range(3)]
    sandbox.publish(channel, "news", "{}")
    assert len({stream.until("news").id for stream in streams}) == 1


# contract: 3.8
def test_an_event_from_upstream_cannot_pass_for_the_bridges_own(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "bridge:shutdown", '{"x":1}')
    sandbox.publish(channel, "state_change", '{"previous":"a","current":"b"}')
    assert stream.until("upstream:bridge:shutdown").data == '{"x":1}'
    assert stream.until("upstream:state_change").json["current"] == "b"


# contract: 3.7
def test_an_event_name_can_never_inject_a_line(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "a\r\ndata: forged\r\nevent: b\x00c", "{}")
    frame = stream.until("adata: forgedevent: bc")
    assert frame.data == "{}"


# contract: 3.7, 3.8
def test_a_name_that_becomes_the_bridges_own_without_its_line_ends_is_marked_as_well(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "bri\ndge:open", "{}")
    sandbox.publish(channel, "marker", "{}")
    stream.until("marker")
    assert [frame.event for frame in stream.seen[-2:]] == ["upstream:bridge:open", "marker"]


# contract: 3.30
def test_event_keeps_only_those_events_and_the_bridges_own(daemon, sandbox, name):
    channel = name()
    everything = daemon.subscribed(channel)
    stream = daemon.events(channel, "?event=order-*&event=exact")
    assert stream.next().event == "bridge:open"
    for event in ("order-1", "other", "exact", "exact-not", "order-2", "exact"):
        sandbox.publish(channel, event, "{}")
    assert [stream.next().event for _ in range(4)] == ["order-1", "exact", "order-2", "exact"]
    everything.until("order-2")


# contract: 3.31
def test_format_message_sends_every_frame_without_an_event_line(daemon, sandbox, name):
    channel = name()
    stream = daemon.events(channel, "?format=message")
    opened = stream.next()
    assert opened.fields == ("retry", "data")
    assert list(opened.json) == ["app", "channel", "event", "data", "id"][: len(opened.json)]
    assert opened.json["event"] == "bridge:open"
    while stream.next().json["event"] != "realtime:subscription_succeeded":
        pass
    sandbox.publish(channel, "news", '{"n":9223372036854775808}')
    sandbox.publish(channel, "text", "no JSON")
    frame = stream.next()
    assert frame.fields == ("id", "data")
    assert frame.data == (
        f'{{"app":"main","channel":"{channel}","event":"news","data":{{"n":9223372036854775808}},"id":"{frame.id}"}}'
    )
    assert stream.next().json["data"] == "no JSON"


# contract: 3.37
def test_accept_ndjson_sends_one_json_object_a_line(daemon, sandbox, name):
    channel = name()
    stream = daemon.events(channel, headers={"Accept": "application/x-ndjson"})
    assert stream.headers["content-type"] == "application/x-ndjson"
    opened = json.loads(stream.line())
    assert opened["event"] == "bridge:open"
    while json.loads(stream.line())["event"] != "realtime:subscription_succeeded":
        pass
    sandbox.publish(channel, "news", "two\nlines")
    message = json.loads(stream.line())
    assert (message["event"], message["data"], message["channel"]) == ("news", "two\nlines", channel)
    assert b"\n\n" not in stream.body and b"data:" not in stream.body


# contract: 3.3, 3.28
def test_a_stream_on_http_1_0_is_closed_by_eof_without_chunks(run, sandbox, name):
    daemon, channel = run(), name()
    stream = daemon.subscribed(channel, version="1.0")
    assert "transfer-encoding" not in stream.headers
    sandbox.publish(channel, "news", '{"n":1}')
    assert stream.until("news").data == '{"n":1}'
    assert daemon.delete(f"/channels/{channel}?force=true").status_code == 204
    assert [frame.event for frame in stream.rest()] == ["bridge:unsubscribed"]
    assert stream.wire == stream.body


# contract: 3.12, 3.18
def test_a_cache_channel_begins_with_its_last_event_which_keeps_its_id(daemon, sandbox, name):
    channel = name("cache-")
    stream = daemon.subscribed(channel)
    assert stream.next().event == "realtime:cache_miss"
    sandbox.publish(channel, "price", '{"n":1}')
    sandbox.publish(channel, "price", '{"n":2}')
    stream.until("price")
    last = stream.until("price")
    late = daemon.events(channel)
    assert [late.next().event, late.next().event] == ["bridge:open", "realtime:subscription_succeeded"]
    cached = late.next()
    assert (cached.event, cached.data, cached.id) == ("price", '{"n":2}', last.id)


def test_the_cached_event_arrives_right_after_the_subscription(daemon, sandbox, name):  # upstream-protocol, Channels
    channel = name("private-cache-")
    sandbox.publish(channel, "price", '{"n":7}')
    stream = daemon.subscribed(channel)
    frame = stream.next()
    assert (frame.event, frame.data) == ("price", '{"n":7}')


# contract: 3.16
def test_a_refused_subscription_is_an_event_with_an_auth_error(run, name):  # upstream-protocol, Channels
    daemon = run(auth=False)
    stream = daemon.events(name("private-"))
    frame = stream.until("realtime:subscription_error", 0.5)
    assert frame.json["type"] == "AuthError"
    assert frame.json["status"] == 403
    assert frame.id


# contract: 3.38, 3.45
def test_idle_streams_get_a_comment_every_15_s(daemon, name):
    stream, plain = daemon.subscribed(name()), daemon.subscribed(name(), version="1.0")
    lines = daemon.events(name(), headers={"Accept": "application/x-ndjson"})
    while json.loads(lines.line())["event"] != "realtime:subscription_succeeded":
        pass
    seen = [len(each.body) for each in (stream, plain)]
    # A blank line, where there are no comments.
    assert lines.line(17) == ""
    for each, length in zip((stream, plain), seen):
        poll(lambda: has_more(each, length), 3, "a comment")
        assert each.body[length:].startswith(b":"), each.body[length:]


def has_more(stream, length):
    """Whether more than `length` bytes of the body came, comments included."""
    try:
        stream.next(0.01)
    except TimeoutError:
        pass
    return len(stream.body) > length


# contract: 3.27, 6.11
def test_a_message_over_max_event_bytes_is_skipped_with_a_gap_and_the_connection_stays(run, sandbox, name):
    daemon, channel = run(limits="max_event_bytes = 4096"), name()
    stream = daemon.subscribed(channel)
    socket_id = daemon.connection()["socket_id"]
    sandbox.publish(channel, "large", json.dumps("x" * 6000))
    sandbox.publish(channel, "small", "{}")
    assert stream.until("bridge:gap").json["reason"] == "too_large"
    stream.until("small")
    assert daemon.connection()["socket_id"] == socket_id


@pytest.mark.parametrize("query, headers", [("?format=message", {}), ("", {"Accept": "application/x-ndjson"})])
def test_a_form_costs_nothing_once_its_last_reader_has_left(start, query, headers):
    with ScriptedUpstream() as upstream:
        text = configuration(upstream, 'channels = ["news"]', "kept_events = 5000", auth=False)
        daemon = start(Daemon, text)
        connection = upstream.connection()
        stream = daemon.subscribed("news")

        def publish(count):
            """One at a time; the processor time that this took the daemon."""
            before = metric(daemon, "process_cpu_seconds_total")
            for number in range(count):
                upstream.send(connection, "step", str(number), channel="news")
                assert stream.until("step").data == str(number)
            return metric(daemon, "process_cpu_seconds_total") - before

        publish(5000)
        alone = publish(200)
        daemon.events("news", query, headers).close()
        poll(lambda: metric(daemon, 'apinatord_streams{app="main"}') == 1)
        # All that is kept, encoded anew for every event, would be some hundred times as much.
        assert publish(200) < 10 * alone
