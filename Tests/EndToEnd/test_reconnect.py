"""What readers see when upstream goes and comes (HTTP contract, section 3; upstream-protocol, Connection)."""

import json
import threading

import pytest

from deadline import SECONDS, poll
from faults import FaultyUpstream, frame
from peers import AuthEndpoint, Client, ScriptedUpstream, answer_with
from processes import Daemon, Sandbox, configuration


# contract: 3.19, 3.21, 3.22, 3.23
def test_kill_the_sandbox_and_start_it_again_the_stream_stays_open_and_goes_on(run, start, name):  # issue 2
    upstream = start(Sandbox)
    daemon, channel = run(upstream=upstream), name("presence-")
    stream = daemon.subscribed(channel)
    upstream.publish(channel, "news", '{"n":1}')
    before = stream.until("news")
    upstream.kill()
    assert stream.until("state_change").json == {"previous": "connected", "current": "connecting"}
    again = start(Sandbox, port=upstream.port)
    assert stream.until("state_change", 35).json == {"previous": "connecting", "current": "connected"}
    gap = stream.until("bridge:gap")
    assert gap.json["reason"] == "upstream_reconnect"
    assert gap.id
    assert stream.until("realtime:subscription_succeeded").json["presence"]["count"] == 1
    again.publish(channel, "news", '{"n":2}')
    after = stream.until("news")
    assert after.data == '{"n":2}'
    assert int(after.id.split("-")[1]) > int(before.id.split("-")[1])
    # All of it is replayed, so that a reader that was away learns of the reconnect too.
    late = daemon.events(channel, headers={"Last-Event-ID": before.id})
    names = []
    while (frame := late.next()).data != '{"n":2}':
        names.append(frame.event)
    assert names.count("state_change") == 2 and names.count("bridge:gap") == 1
    assert names[0] == "bridge:open"


def test_a_resubscription_drops_stale_members(run, start, name):  # sdk-behaviours, PresenceChannel
    upstream = start(Sandbox)
    daemon, channel = run(upstream=upstream), name("presence-")
    stream = daemon.subscribed(channel)
    with Client(upstream) as other:
        other.subscribe(channel, "ada")
        stream.until("realtime:member_added")
        assert daemon.get(f"/channels/{channel}/members").json()["count"] == 2
        upstream.kill()
    start(Sandbox, port=upstream.port)
    stream.until("bridge:gap", 35)
    members = daemon.get(f"/channels/{channel}/members").json()
    assert [member["user_id"] for member in members["members"]] == ["sandbox-user"]


# contract: 2.22
def test_socket_id_is_nil_whenever_the_state_is_not_connected(run, start):  # upstream-protocol
    upstream = start(Sandbox)
    daemon = run(upstream=upstream)
    assert daemon.connection()["socket_id"]
    upstream.kill()
    down = daemon.wait_for_state("connecting")
    assert down["socket_id"] is None
    assert down["last_error"]["message"]


# contract: 2.22, 2.23
def test_unavailable_after_max_reconnect_attempts_and_never_given_up(run, start):  # upstream-protocol
    upstream = start(Sandbox)
    daemon = run(upstream=upstream, app="max_reconnect_attempts = 1")
    upstream.kill()
    down = daemon.wait_for_state("unavailable")
    assert 20 <= down["next_attempt_in"] <= 60
    start(Sandbox, port=upstream.port)
    daemon.post("/connection/connect")
    daemon.wait_for_state("connected")


# contract: 2.22, 2.23, 2.27
def test_a_wrong_key_is_4001_state_disconnected_and_last_error_says_so(sandbox, start):  # upstream-protocol
    daemon = start(Daemon, configuration(sandbox).replace("sandbox-key", "wrong-key"))
    down = daemon.wait_for_state("disconnected")
    assert down["last_error"]["code"] == 4001
    assert down["last_error"]["message"]
    assert down["socket_id"] is None
    assert daemon.get("/readyz").status_code == 503
    # The daemon retries after 5 min.
    assert down["next_attempt_in"] > 200


def test_every_channel_is_subscribed_again_with_a_fresh_signature(run, start, name):  # upstream-protocol
    upstream = start(Sandbox)
    daemon = run(upstream=upstream)
    channels = [name("private-"), name("presence-"), name(), name("private-cache-")]
    streams = [daemon.subscribed(channel) for channel in channels]
    upstream.kill()
    again = start(Sandbox, port=upstream.port)
    for stream, channel in zip(streams, channels):
        stream.until("bridge:gap", 35)
        assert again.server().get_channel(channel)["subscription_count"] == 1


# With an upstream that does as the test says


@pytest.fixture
def upstream():
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture
def scripted(run, upstream):
    return run(upstream=upstream, auth=False)


def test_the_connection_asks_for_protocol_7_and_names_client_and_version(scripted, upstream):  # upstream-protocol
    assert upstream.paths[0].startswith("/app/sandbox-key?protocol=7&client=")
    assert "&version=" in upstream.paths[0]


def test_a_realtime_ping_from_the_server_is_answered_with_pong(scripted, upstream):  # upstream-protocol
    connection = upstream.connection()
    connection.send('{"event":"realtime:ping","data":"{}"}')
    upstream.until("realtime:pong")


def test_silence_makes_a_ping_and_an_answer_keeps_the_connection(run, start):  # upstream-protocol, Keep-alive
    with ScriptedUpstream(activity_timeout=1) as upstream:
        daemon = run(upstream=upstream, auth=False)
        connection = upstream.connection()
        for _ in range(2):
            upstream.until("realtime:ping")
            connection.send('{"event":"realtime:pong","data":"{}"}')
        assert daemon.connection()["state"] == "connected"
        assert len(upstream.paths) == 1


SIGNS_OF_LIFE = {
    "an event": lambda connection: connection.send('{"event":"news","data":"{}"}'),
    "no message": lambda connection: connection.send("x"),
    "too large": lambda connection: connection.send("x" * 2000),
    "a WebSocket ping": lambda connection: connection.ping(),
    "a WebSocket pong": lambda connection: connection.pong(),
    "a fragment": lambda connection: connection.socket.sendall(b"\x01\x01x"),
    "a part of a frame": lambda connection: connection.socket.sendall(b"\x81\x7e\x01\x00x"),
}


@pytest.mark.parametrize("show", SIGNS_OF_LIFE.values(), ids=SIGNS_OF_LIFE.keys())
def test_whatever_ends_the_silence_after_a_ping_the_next_one_is_not_late(run, show):  # upstream-protocol, Keep-alive
    with ScriptedUpstream(activity_timeout=1) as upstream:
        run(upstream=upstream, auth=False, limits="max_event_bytes = 1024")
        connection = upstream.connection()
        upstream.until("realtime:ping")
        show(connection)
        # Well before the 30 s in which an answer to the first would have been due.
        upstream.until("realtime:ping", 15)
        assert len(upstream.paths) == 1


def test_a_server_that_pings_and_does_not_read_is_left(run):  # architecture: every queue has a limit
    with FaultyUpstream() as upstream:
        daemon = run(upstream=upstream, auth=False)
        upstream.hears.clear()
        peer, pings = upstream.peer, frame(9, b"x" * 125) * 4096
        with pytest.raises(OSError):
            for _ in range(100):
                peer.sendall(pings)
        upstream.until(lambda: upstream.connections == 2)
        assert "does not read" in daemon.connection()["last_error"]["message"]


def test_websocket_pings_are_answered_and_fragments_are_joined(scripted, upstream, name):  # RFC 6455 §5.4, §5.5
    channel = name()
    stream = scripted.subscribed(channel)
    connection = upstream.connection()
    assert connection.ping().wait(5)
    text = json.dumps({"event": "news", "channel": channel, "data": '{"s":"é😀"}'}, ensure_ascii=False)
    connection.send(iter([text[:10], text[10:-5], text[-5:]]))
    assert stream.until("news").data == '{"s":"é😀"}'


# contract: 6.11
def test_a_large_event_arrives_whole(scripted, upstream, name):  # §6: max_event_bytes
    channel = name()
    stream = scripted.subscribed(channel)
    payload = json.dumps({"s": "0123456789é" * 60000}, ensure_ascii=False)
    upstream.send(upstream.connection(), "news", payload, channel=channel)
    assert stream.until("news").data == payload


def test_a_confirmation_over_max_event_bytes_is_one_without_members(run, name):  # §6; upstream-protocol, Channels
    with ScriptedUpstream(confirm=False) as upstream:
        daemon, channel = run(upstream=upstream, auth=False, limits="max_event_bytes = 1024"), name()
        stream = daemon.events(channel)
        upstream.until("realtime:subscribe")
        connection = upstream.connection()
        data = json.dumps({"presence": {"count": 1, "ids": ["x" * 2000], "hash": {}}})
        message = {"event": "realtime:subscription_succeeded", "channel": channel, "data": data}
        connection.send(json.dumps(message))
        assert stream.until("bridge:gap").json == {"reason": "too_large"}
        assert stream.until("realtime:subscription_succeeded").data == "{}"
        assert daemon.channel(channel)["subscribed"] is True


@pytest.mark.parametrize(
    "text", ["null", "[]", "7", "{", "", "no JSON", '{"event":null}', '{"event":7,"data":"{}"}', '{"data":"{}"}']
)
def test_malformed_frames_are_ignored(
    scripted, upstream, name, text
):  # sdk-behaviours; where official clients fail, 11
    channel = name()
    stream = scripted.subscribed(channel)
    connection = upstream.connection()
    connection.send(text)
    upstream.send(connection, "news", "{}", channel=channel)
    stream.until("news")
    assert len(upstream.paths) == 1


# contract: 3.20
@pytest.mark.parametrize("data", ['"{\\"code\\":4301,\\"message\\":\\"no\\"}"', '{"code":4301,"message":"no"}', "null"])
def test_other_errors_are_told_to_the_readers_and_the_connection_stays(scripted, upstream, name, data):
    # upstream-protocol: realtime:error; §3: data as it came, whatever its shape
    stream = scripted.subscribed(name())
    upstream.connection().send('{"event":"realtime:error","data":' + data + "}")
    frame = stream.until("realtime:error")
    if data != "null":
        assert frame.json == {"code": 4301, "message": "no"}
    assert scripted.connection()["state"] == "connected"


# contract: 3.5
def test_data_that_is_no_string_is_delivered_as_it_is_spelled(scripted, upstream, name):
    channel = name()
    stream = scripted.subscribed(channel)
    upstream.connection().send('{"event":"news","channel":"' + channel + '","data":{"n":1.0,"b":[1e2]}}')
    assert stream.until("news").data == '{"n":1.0,"b":[1e2]}'


def test_4000_to_4099_do_not_reconnect(scripted, upstream, name):  # upstream-protocol
    stream = scripted.subscribed(name())
    upstream.connection().close(4004, "over quota")
    assert stream.until("state_change").json["current"] == "disconnected"
    assert scripted.connection()["last_error"]["code"] == 4004


def test_4200_to_4299_reconnect(scripted, upstream, name):  # upstream-protocol
    stream = scripted.subscribed(name())
    upstream.connection().close(4200, "restart")
    stream.until("bridge:gap")
    assert len(upstream.paths) == 2


def test_a_close_without_a_code_reconnects_with_backoff(scripted, upstream, name):  # upstream-protocol
    stream = scripted.subscribed(name())
    upstream.connection().socket.close()
    stream.until("state_change")
    stream.until("bridge:gap", 35)


def test_unknown_channels_are_ignored(scripted, upstream, name):  # sdk-behaviours
    channel = name()
    stream = scripted.subscribed(channel)
    connection = upstream.connection()
    upstream.send(connection, "news", '{"n":1}', channel="other")
    upstream.send(connection, "news", '{"n":2}', channel=channel)
    assert stream.until("news").json == {"n": 2}


def test_a_disconnect_closes_with_1000(scripted, upstream):  # upstream-protocol: disconnect()
    connection = upstream.connection()
    scripted.post("/connection/disconnect")
    poll(lambda: connection.close_code is not None)
    assert connection.close_code == 1000


# contract: 2.23, 2.27
def test_only_once_established_is_the_state_connected(run):  # upstream-protocol, Connection
    with ScriptedUpstream(establish=False) as upstream:
        daemon = run(upstream=upstream, auth=False, connected=False)
        upstream.connection()
        assert daemon.connection()["state"] == "connecting"
        assert daemon.get("/readyz").status_code == 503


# contract: 3.14
def test_an_event_between_state_and_confirmation_is_not_lost(scripted, upstream, name):
    channel = name()
    stream = scripted.events(channel)
    upstream.until("realtime:subscribe")
    connection = upstream.connection()
    for number in range(3):
        upstream.send(connection, "news", json.dumps(number), channel=channel)
    assert [stream.until("news").json for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("prefix", ["private-", ""])
def test_the_rest_of_a_subscription_that_was_left_has_a_gap_after_it(run, name, prefix):
    """What was published before the server heard of the one that follows is missing."""
    may_answer = threading.Event()
    may_answer.set()

    def answer(handler, body):
        assert may_answer.wait(SECONDS)
        answer_with(200, '{"auth":"k:s"}')(handler, body)

    with ScriptedUpstream(confirm=False) as upstream, AuthEndpoint(answer) as endpoint:
        daemon, channel = run(upstream=upstream, auth=False, app=f'auth_endpoint = "{endpoint.url}"'), name(prefix)
        connection = upstream.connection()

        def say(event, data):
            ScriptedUpstream.send(connection, event, data, channel=channel)

        daemon.events(channel)
        upstream.until("realtime:subscribe")
        say("realtime:subscription_succeeded", "{}")
        poll(lambda: daemon.channel(channel)["subscribed"])
        may_answer.clear()
        daemon.delete(f"/channels/{channel}?force=true")
        stream = daemon.events(channel)
        upstream.until("realtime:unsubscribe")
        # On their way when it was left; the third is never sent.
        say("step", "1")
        say("step", "2")
        assert stream.until("step").data == "1" and stream.until("step").data == "2"
        may_answer.set()
        upstream.until("realtime:subscribe")
        say("realtime:subscription_succeeded", "{}")
        say("step", "4")
        assert stream.until("step").data == "4"
        told = [frame.event for frame in stream.seen]
        assert told[1:] == ["step", "step", "bridge:gap", "realtime:subscription_succeeded", "step"]


def test_an_event_that_comes_before_the_confirmation_comes_after_the_gap(start, name):
    """A gap lies where events may be missing: before the first event of the new connection, whatever that is."""
    channel = name()

    def step(connection, number):
        ScriptedUpstream.send(connection, "step", f'{{"n":{number}}}', channel=channel)

    def confirm(connection):
        ScriptedUpstream.send(connection, "realtime:subscription_succeeded", "{}", channel=channel)

    with ScriptedUpstream(confirm=False) as upstream:
        daemon = start(Daemon, configuration(upstream, f'channels = ["{channel}"]', auth=False))
        stream = daemon.stream(f"/channels/{channel}/events")

        def connected():
            connection = upstream.connection(35)
            upstream.until("realtime:subscribe")
            return connection

        first = connected()
        step(first, 1)
        stream.until("step")
        first.close()
        second = connected()
        step(second, 2)
        confirm(second)
        step(second, 3)
        second.close()
        # Confirmed before, and so a resubscription.
        third = connected()
        step(third, 4)
        confirm(third)
        third.close()
        fourth = connected()
        confirm(fourth)
        step(fourth, 5)

        told = []
        while not told or told[-1] != '{"n":5}':
            frame = stream.next()
            if frame.event != "state_change":
                told.append({"bridge:gap": "gap", "step": frame.data}.get(frame.event, frame.event))
        succeeded = "realtime:subscription_succeeded"
        assert told == [
            "gap", '{"n":2}', succeeded, '{"n":3}', "gap", '{"n":4}', succeeded, "gap", succeeded, '{"n":5}'
        ]
