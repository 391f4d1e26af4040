"""HTTP contract, sections 2 and 3: `GET /events`, the events of several channels in one stream."""

import http.client
import json

import pytest

from deadline import SECONDS, poll
from processes import IS_MEMORY_JUDGED
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


# contract: 3.12, 3.39, 3.40
def test_cached_events_come_by_their_ids_and_none_twice_to_who_resumes(run, sandbox, name):
    daemon, names = run(), [name("cache-"), name("cache-")]
    readers = {channel: daemon.subscribed(channel) for channel in names}
    # The first channel by name has the later event.
    for channel in reversed(names):
        readers[channel].until("realtime:cache_miss")
        sandbox.publish(channel, "step", "{}")
        readers[channel].until("step")
    stream = daemon.stream("/events")
    cached = messages(stream, 2)
    assert [m["channel"] for m in cached] == names[::-1]
    # Each after the snapshot of its channel.
    assert [frame.json["event"] for frame in stream.seen].index("step") == 3
    again = daemon.stream("/events", headers={"Last-Event-ID": stream.seen[-1].id})
    sandbox.publish(names[0], "step", '"new"')
    assert messages(again, 1)[0]["data"] == "new"


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


# contract: 2.15, 3.28
def test_it_ends_with_the_last_channel_that_it_named(run, sandbox, name):
    daemon, one, two = run(), name(), name()

    def remove(channel):
        assert daemon.delete(f"/channels/{channel}?force=true").status_code == 204

    stream, everything = daemon.stream(f"/events?channel={one}&channel={two}"), daemon.stream("/events")
    remove(one)
    # One that somebody asks for again is there again.
    daemon.subscribed(one)
    remove(two)
    sandbox.publish(one, "step", "{}")
    assert messages(stream, 1)[0]["channel"] == one
    remove(one)
    assert [frame.json["channel"] for frame in stream.rest()] == [one]
    told = [frame.json["channel"] for frame in stream.seen if frame.json["event"] == "bridge:unsubscribed"]
    assert told == [one, two, one]
    # Who named none waits for others.
    assert [message["channel"] for message in messages(everything, 3, "bridge:unsubscribed")] == told
    daemon.subscribed(two)
    sandbox.publish(two, "step", "{}")
    assert messages(everything, 1)[0]["channel"] == two


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


# contract: 3.40, 3.43, 6.13
@pytest.mark.parametrize("query", ["", "&channel={0}&channel={1}", "&channel={0}"])
def test_each_channel_has_its_own_kept_events_there_too(run, sandbox, name, query):
    daemon, quiet, busy = run(limits="kept_events = 10"), name(), name()
    for channel in (quiet, busy):
        daemon.put(f"/channels/{channel}")
        poll(lambda: daemon.channel(channel)["subscribed"])
    before = daemon.get("/connection").headers["last-event-id"]
    # Somebody is there already, who reads it all.
    reader = daemon.stream("/events?format=event")
    for number in range(4):
        sandbox.publish(quiet, "step", f"{number}")
    for number in range(20):
        sandbox.publish(busy, "step", f"{number}")
    sandbox.publish(quiet, "last", "1")
    reader.until("last")
    path = "/events?format=event" + query.format(quiet, busy)
    is_busy = query.count("channel") != 1
    late = [f"{n}" for n in range(10, 20)] if is_busy else []
    kept = ["0", "1", "2", "3", *late]

    def steps(stream):
        stream.until("last")
        return [frame.data for frame in stream.seen if frame.event == "step"]

    for turn in range(2):
        resumed = daemon.stream(path, {"Last-Event-ID": before})
        # After a gap nothing is missing: it covers what came before the last event that has gone.
        assert steps(resumed) == (late if is_busy else kept)
        gaps = [frame.json["reason"] for frame in resumed.seen if frame.event == "bridge:gap"]
        assert gaps == (["evicted"] if is_busy else [])
        assert steps(daemon.stream(path + "&since=5m")) == kept
        lines = daemon.stream(path + "&since=5m", {"Accept": "application/x-ndjson"})
        messages = [json.loads(lines.line())]
        while messages[-1]["event"] != "last":
            messages.append(json.loads(lines.line()))
        assert [f"{m['data']}" for m in messages if m["event"] == "step"] == kept
    sandbox.publish(quiet, "end", "1")
    assert reader.until("end").id == resumed.until("end").id


# contract: 3.24
def test_a_channel_that_has_gone_with_all_that_it_kept_is_missing(run, sandbox, name):
    daemon, channel = run(app='linger = "0s"', limits='kept_age = "50ms"'), name()
    stream = daemon.subscribed(channel)
    before = daemon.get("/connection").headers["last-event-id"]
    sandbox.publish(channel, "step", "1")
    seen = stream.until("step").id

    def is_forgotten():
        # It is let go when the next one looks.
        replay = daemon.events(channel, "", {"Last-Event-ID": before})
        events = replay.next().event, replay.next().event
        replay.close()
        return events[1] == "bridge:gap"

    poll(is_forgotten)
    stream.close()
    poll(lambda: daemon.get(f"/channels/{channel}").status_code == 404)
    # Nobody has asked for all channels until now.
    again = daemon.stream("/events?format=event", {"Last-Event-ID": before})
    assert again.next().event == "bridge:open"
    gap = again.next()
    assert gap.event == "bridge:gap"
    assert gap.json == {"reason": "evicted", "from": before, "to": seen}


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


def test_a_channel_that_comes_back_says_that_events_may_be_missing(run, sandbox, name):
    kept, other = name(), name()
    daemon = run(app=f'linger = "0s"\nchannels = ["{kept}"]')
    named = daemon.stream(f"/events?channel={kept}&channel={other}")
    everything = daemon.stream("/events")
    poll(lambda: daemon.get(f"/channels/{kept}").json()["subscribed"])
    poll(lambda: daemon.get(f"/channels/{other}").json()["subscribed"])
    assert daemon.delete(f"/channels/{other}?force=true").status_code == 204

    first = daemon.subscribed(other)
    sandbox.publish(other, "step", '{"n":1}')
    first.until("step")
    first.close()
    poll(lambda: daemon.get(f"/channels/{other}").status_code == 404)
    sandbox.publish(other, "step", '{"n":2}')  # nobody is subscribed: it is lost
    second = daemon.subscribed(other)
    sandbox.publish(other, "step", '{"n":3}')
    second.until("step")

    for stream in (named, everything):
        told = []
        while not told or told[-1]["data"] != {"n": 3}:
            told.append(json.loads(stream.next().data))
        steps = [index for index, event in enumerate(told) if event["event"] == "step"]
        between = told[steps[0] : steps[1]]
        assert {"reason": "evicted"} in [e["data"] for e in between if e["event"] == "bridge:gap"], between


def churn(daemon, names):
    """Pins each channel and releases it with force, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=SECONDS)
    for channel in names:
        for method, query in [("PUT", ""), ("DELETE", "?force=true")]:
            connection.request(method, f"/channels/{channel}{query}", headers={"Host": "localhost"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (201, 204)
    connection.close()


def follow(stream, last):
    """What the stream tells, up to the event with the payload `last`."""
    told = []
    while not told or told[-1]["data"] != last:
        told.append(json.loads(stream.next().data))
    return told


def test_channels_that_have_gone_are_forgotten_under_a_reader_of_everything(run, sandbox, name):
    """Each of the names would cost some 160 bytes; what is kept is bounded by the limit on events."""
    kept, back, prefix = name(), name(), name()
    daemon = run(app=f'linger = "0s"\nchannels = ["{kept}"]', limits="kept_events = 10")
    everything = daemon.stream("/events?event=step&event=bridge:*")
    everything.next()
    limited = daemon.stream(f"/events?channel={kept}&event=step")
    limited.next()
    churn(daemon, [back])
    for thousand in range(12):
        if thousand == 2:
            before = daemon.memory_kib()
        churn(daemon, (f"{prefix}-{thousand}-{number}" for number in range(1000)))
        # Each is told as unsubscribed: a reader that does not read would be slow.
        sandbox.publish(kept, "step", f'{{"thousand":{thousand}}}')
        follow(everything, {"thousand": thousand})
        follow(limited, {"thousand": thousand})
    assert not IS_MEMORY_JUDGED or daemon.memory_kib() - before < 1_000

    # A channel that has been forgotten is told from one that never was, and readers of one channel get it alone.
    sandbox.publish(kept, "step", '{"n":1}')
    follow(everything, {"n": 1})
    daemon.put(f"/channels/{name()}")
    daemon.put(f"/channels/{back}")
    poll(lambda: daemon.get(f"/channels/{back}").json()["subscribed"])
    sandbox.publish(back, "step", '{"n":2}')
    told = follow(everything, {"n": 2})
    assert [e["channel"] for e in told if e["event"] == "bridge:gap"] == [back], told
    sandbox.publish(kept, "step", '{"n":3}')
    assert [e["data"] for e in follow(limited, {"n": 3}) if e["event"] == "step"] == [{"n": 1}, {"n": 3}]


def test_numbers_of_channels_that_were_given_anew_lose_nothing(run, sandbox, name):
    """A reader that comes back after many channels came and went gets what is kept of each that is left."""
    kept, prefix = [name() for _ in range(3)], name()
    daemon = run(app=f'linger = "0s"\nchannels = {json.dumps(kept)}')
    everything = daemon.stream("/events?event=step")
    everything.next()
    for channel in kept:
        poll(lambda channel=channel: daemon.get(f"/channels/{channel}").json()["subscribed"])
        sandbox.publish(channel, "step", '{"n":1}')
    first = everything.next()
    churn(daemon, (f"{prefix}-{number}" for number in range(300)))
    for channel in kept:
        sandbox.publish(channel, "step", '{"n":2}')
    sandbox.publish(kept[2], "step", '{"n":3}')
    again = daemon.stream(f"/events?channel={kept[1]}&channel={kept[2]}", headers={"Last-Event-ID": first.id})
    steps = [(e["channel"], e["data"]["n"]) for e in follow(again, {"n": 3}) if e["event"] == "step"]
    assert json.loads(first.data)["channel"] == kept[0]
    assert steps == [(kept[1], 1), (kept[2], 1), (kept[1], 2), (kept[2], 2), (kept[2], 3)]
