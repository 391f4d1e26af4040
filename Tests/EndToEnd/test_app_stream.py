"""HTTP contract, sections 2 and 3: `GET /events`, the events of several channels in one stream."""

import json

from deadline import poll
from streams import Ended


def messages(stream, count, event="step"):
    found = []
    while len(found) < count:
        message = stream.next().json
        if message["event"] == event:
            found.append(message)
    return found


# contract: 2.6, 3.10, 3.11, 3.32
def test_every_channel_the_app_is_subscribed_to(run, sandbox, name):
    daemon, one, two, later = run(), name("private-"), name(), name()
    daemon.subscribed(one), daemon.subscribed(two)
    stream = daemon.stream("/events")
    opened = stream.next()
    # format=message is the default here, so that EventSource.onmessage sees all of it.
    assert opened.fields == ("retry", "data")
    assert opened.json["event"] == "bridge:open"
    assert sorted(opened.json["data"]["channels"]) == sorted([one, two])
    snapshots = [stream.next().json for _ in range(2)]
    assert {m["event"] for m in snapshots} == {"realtime:subscription_succeeded"}
    assert {m["channel"] for m in snapshots} == {one, two}
    for channel in (one, two):
        sandbox.publish(channel, "step", "{}")
    daemon.subscribed(later)
    sandbox.publish(later, "step", "{}")
    assert [m["channel"] for m in messages(stream, 3)] == [one, two, later]


# contract: 2.7, 3.10
def test_channel_subscribes_to_and_limits_to_those(run, sandbox, name):
    daemon, one, two, other = run(app='linger = "0s"'), name(), name("presence-"), name()
    daemon.subscribed(other)
    stream = daemon.stream(f"/events?channel={one}&channel={two}")
    assert stream.next().json["data"]["channels"] == sorted([one, two])
    poll(lambda: daemon.channel(one)["subscribed"] and daemon.channel(two)["subscribed"])
    for channel in (one, other, two):
        sandbox.publish(channel, "step", "{}")
    assert [m["channel"] for m in messages(stream, 2)] == [one, two]
    stream.close()
    poll(lambda: daemon.get(f"/channels/{one}").status_code == 404)


# contract: 3.33
def test_format_event_leaves_out_which_channel_it_was(daemon, sandbox, name):
    channel = name()
    stream = daemon.stream(f"/events?channel={channel}&format=event")
    assert stream.next().event == "bridge:open"
    stream.until("realtime:subscription_succeeded")
    sandbox.publish(channel, "step", '{"n":1}')
    assert stream.until("step").data == '{"n":1}'


# contract: 3.40
def test_it_resumes_over_all_its_channels_in_order(run, sandbox, name):
    daemon, channels = run(), [name(), name(), name()]
    query = "&".join(f"channel={channel}" for channel in channels)
    for channel in channels:
        daemon.put(f"/channels/{channel}")
        poll(lambda: daemon.channel(channel)["subscribed"])
    stream = daemon.stream(f"/events?{query}")
    server = sandbox.server()
    for number in range(12):
        server.trigger("step", json.dumps(number), channel=channels[number % 3])
    first = messages(stream, 12)
    assert [m["data"] for m in first] == list(range(12))
    again = daemon.stream(f"/events?{query}", {"Last-Event-ID": first[4]["id"]})
    assert again.next().json["event"] == "bridge:open"
    replayed = [again.next().json for _ in range(7)]
    assert [(m["data"], m["id"]) for m in replayed] == [(m["data"], m["id"]) for m in first[5:]]


# contract: 3.19
def test_a_state_change_is_said_once(run, name):
    daemon = run()
    daemon.subscribed(name()), daemon.subscribed(name())
    stream = daemon.stream("/events")
    daemon.post("/connection/disconnect")
    daemon.post("/connection/connect")
    changes = messages(stream, 3, "state_change")
    assert [m["data"]["current"] for m in changes] == ["disconnected", "connecting", "connected"]


# contract: 2.35
def test_an_invalid_channel_name_is_400(daemon):
    assert daemon.get("/events", params={"channel": "no good"}).status_code == 400


# contract: 3.29
def test_it_ends_with_bridge_shutdown(run, name):
    daemon = run()
    daemon.subscribed(name())
    stream = daemon.stream("/events")
    stream.next()
    daemon.process.terminate()
    last = None
    try:
        while True:
            last = stream.next()
    except Ended:
        assert last.json["event"] == "bridge:shutdown"
