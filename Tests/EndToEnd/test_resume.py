"""HTTP contract, section 3: a reader that was away resumes, and what may be missing is said."""

import pytest

from peers import Client


def publish(sandbox, channel, numbers):
    server = sandbox.server()
    for number in numbers:
        server.trigger("step", f'{{"n":{number}}}', channel=channel)


def steps(stream, count):
    frames = [stream.until("step") for _ in range(count)]
    return [frame.json["n"] for frame in frames], [frame.id for frame in frames]


# contract: 3.13, 3.40
@pytest.mark.parametrize("by", ["header", "query"])
def test_last_event_id_replays_what_is_kept_after_it_in_order_nothing_twice(daemon, sandbox, name, by):
    channel = name()
    daemon.put(f"/channels/{channel}")
    first = daemon.subscribed(channel)
    publish(sandbox, channel, range(10))
    _, ids = steps(first, 10)
    first.close()
    publish(sandbox, channel, range(10, 15))
    if by == "header":
        stream = daemon.events(channel, headers={"Last-Event-ID": ids[3]})
    else:
        stream = daemon.events(channel, f"?last_event_id={ids[3]}")
    # Bridge:open and, when nothing is missing, no snapshot.
    assert stream.next().event == "bridge:open"
    publish(sandbox, channel, range(15, 20))
    numbers, later = steps(stream, 16)
    assert numbers == list(range(4, 20))
    assert later[:6] == ids[4:]
    assert {frame.event for frame in stream.seen} == {"bridge:open", "step"}


# contract: 3.41
def test_the_header_wins_over_the_query(daemon, sandbox, name):
    channel = name()
    first = daemon.subscribed(channel)
    publish(sandbox, channel, range(5))
    _, ids = steps(first, 5)
    stream = daemon.events(channel, f"?last_event_id={ids[0]}", headers={"Last-Event-ID": ids[3]})
    stream.next()
    assert stream.next().json == {"n": 4}


# contract: 3.39
def test_an_id_increases_within_an_app(daemon, sandbox, name):
    one, two = name(), name()
    streams = [daemon.subscribed(one), daemon.subscribed(two)]
    ids = []
    for number in range(6):
        publish(sandbox, [one, two][number % 2], [number])
        ids += steps(streams[number % 2], 1)[1]
    epochs, sequences = zip(*(identifier.split("-") for identifier in ids))
    assert len(set(epochs)) == 1
    assert [int(s) for s in sequences] == sorted({int(s) for s in sequences})


# contract: 3.13
def test_a_resumed_stream_gets_no_cached_event(daemon, sandbox, name):
    channel = name("cache-")
    first = daemon.subscribed(channel)
    publish(sandbox, channel, [1])
    _, ids = steps(first, 1)
    stream = daemon.events(channel, headers={"Last-Event-ID": ids[0]})
    assert stream.next().event == "bridge:open"
    publish(sandbox, channel, [2])
    assert stream.next().json == {"n": 2}


# contract: 3.12, 3.13, 3.42, 3.43
@pytest.mark.parametrize("path", ["/channels/{}/events?format=message&", "/events?channel={}&"])
def test_a_cached_event_comes_unless_it_is_replayed_or_was_seen(run, sandbox, name, path):
    daemon, channel = run(limits="kept_events = 3"), name("presence-cache-")
    path = path.format(channel)
    first = daemon.subscribed(channel)
    publish(sandbox, channel, [1])
    before, seen = first.until("realtime:cache_miss").id, first.until("step").id

    def begins(query, *events):
        stream = daemon.stream(path + query)
        told = [stream.next().json["event"] for _ in range(1 + len(events))]
        assert told == ["bridge:open", *events], query

    confirmed, added, removed = "realtime:subscription_succeeded", "realtime:member_added", "realtime:member_removed"
    # A span of time that does not reach back to it is no reason to go without it; one that does brings it once.
    begins("since=0s", confirmed, "step")
    with Client(sandbox) as other:
        other.subscribe(channel, "one")
        first.until(added)
        begins("since=1h", confirmed, "realtime:cache_miss", "step", added)
    first.until(removed)
    with Client(sandbox) as other:
        other.subscribe(channel, "two")
        first.until(added)
    first.until(removed)
    # Now it is kept as the cached event only.
    begins("since=1h", confirmed, "step", removed, added, removed)
    begins("last_event_id=unknown", "bridge:gap", confirmed, "step", removed, added, removed)
    begins(f"last_event_id={before}", "bridge:gap", confirmed, "step", removed, added, removed)
    begins(f"last_event_id={seen}", "bridge:gap", confirmed, removed, added, removed)


# contract: 3.22, 3.24, 3.42, 6.13
def test_what_is_no_longer_kept_is_said_with_a_gap_and_a_fresh_snapshot(run, sandbox, name):
    daemon, channel = run(limits="kept_events = 3"), name()
    first = daemon.subscribed(channel)
    publish(sandbox, channel, range(10))
    _, ids = steps(first, 10)
    stream = daemon.events(channel, headers={"Last-Event-ID": ids[0]})
    assert stream.next().event == "bridge:open"
    gap = stream.next()
    assert (gap.event, gap.json["reason"], gap.json["from"], gap.id) == ("bridge:gap", "evicted", ids[0], None)
    assert stream.next().event == "realtime:subscription_succeeded"
    assert steps(stream, 3)[0] == [7, 8, 9]


# contract: 3.24
def test_not_subscribed_in_between_is_a_gap_too(daemon, sandbox, name):
    channel = name()
    first = daemon.subscribed(channel)
    publish(sandbox, channel, range(3))
    _, ids = steps(first, 3)
    daemon.delete(f"/channels/{channel}?force=true")
    daemon.subscribed(channel)
    stream = daemon.events(channel, headers={"Last-Event-ID": ids[2]})
    stream.next()
    assert stream.next().json["reason"] == "evicted"


# contract: 3.25, 3.42
@pytest.mark.parametrize("identifier", ["nonsense", "1-1", "0-0", "-", "zzzzzzzzzzzzzzzzzzzzzz-1", "é"])
def test_an_unknown_id_is_said_with_a_gap(daemon, sandbox, name, identifier):
    channel = name()
    first = daemon.subscribed(channel)
    publish(sandbox, channel, range(3))
    steps(first, 3)
    stream = daemon.events(channel, headers={"Last-Event-ID": identifier})
    assert stream.next().event == "bridge:open"
    gap = stream.next()
    assert (gap.event, gap.json["reason"]) == ("bridge:gap", "unknown_id")
    assert stream.next().event == "realtime:subscription_succeeded"


def test_an_empty_last_event_id_is_none(daemon, sandbox, name):  # WHATWG EventSource: an empty id is no id
    channel = name()
    daemon.subscribed(channel)
    stream = daemon.events(channel, headers={"Last-Event-ID": ""})
    assert [stream.next().event, stream.next().event] == ["bridge:open", "realtime:subscription_succeeded"]


# contract: 3.25
def test_an_id_of_the_future_is_unknown(daemon, sandbox, name):
    channel = name()
    first = daemon.subscribed(channel)
    publish(sandbox, channel, [1])
    _, ids = steps(first, 1)
    epoch, sequence = ids[0].split("-")
    stream = daemon.events(channel, headers={"Last-Event-ID": f"{epoch}-{int(sequence) + 1000000}"})
    stream.next()
    assert stream.next().json["reason"] == "unknown_id"


# contract: 3.25
def test_an_id_of_another_app_is_unknown(run, sandbox, name):
    channel = name()
    rest = f'[[app]]\nname = "second"\napp_key = "sandbox-key"\nurl = "{sandbox.url}"\nchannels = ["{channel}"]\n'
    daemon = run(rest=rest)
    first, second = daemon.subscribed(channel), daemon.stream(f"/apps/second/channels/{channel}/events")
    publish(sandbox, channel, range(3))
    _, ids = steps(first, 3)
    assert steps(second, 3)[0] == [0, 1, 2]
    other = daemon.stream(f"/apps/second/channels/{channel}/events", headers={"Last-Event-ID": ids[-1]})
    assert other.until("bridge:gap").json["reason"] == "unknown_id"
    assert steps(other, 3)[0] == [0, 1, 2]


# contract: 3.43
def test_since_replays_what_was_kept_in_that_time(daemon, sandbox, name):
    channel = name()
    first = daemon.subscribed(channel)
    publish(sandbox, channel, range(5))
    steps(first, 5)
    stream = daemon.events(channel, "?since=1h")
    assert stream.next().event == "bridge:open"
    assert steps(stream, 5)[0] == [0, 1, 2, 3, 4]


# contract: 3.34
def test_a_since_that_is_none_is_400(daemon, name):
    answer = daemon.get(f"/channels/{name()}/events", params={"since": "yesterday"})
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_request"


# contract: 3.30
def test_a_filter_applies_to_what_is_replayed(daemon, sandbox, name):
    channel = name()
    first = daemon.subscribed(channel)
    publish(sandbox, channel, [1])
    sandbox.publish(channel, "other", "{}")
    publish(sandbox, channel, [2])
    _, ids = steps(first, 2)
    epoch, sequence = ids[0].split("-")
    stream = daemon.events(channel, "?event=step", headers={"Last-Event-ID": f"{epoch}-{int(sequence) - 1}"})
    assert stream.next().event == "bridge:open"
    assert [stream.next().data, stream.next().data] == ['{"n":1}', '{"n":2}']


# contract: 3.40
def test_a_replay_longer_than_the_sockets_buffer_has_no_seam(run, sandbox, name):
    daemon, channel = run(limits="reader_backlog_bytes = 8388608"), name()
    first = daemon.subscribed(channel)
    filler = "x" * 9000
    server = sandbox.server()
    server.trigger("step", '{"n":0}', channel=channel)
    _, ids = steps(first, 1)
    for number in range(1, 500):
        server.trigger("step", f'{{"n":{number},"s":"{filler}"}}', channel=channel)
    stream = daemon.events(channel, headers={"Last-Event-ID": ids[0]})
    for number in range(500, 520):
        server.trigger("step", f'{{"n":{number}}}', channel=channel)
    assert steps(stream, 519)[0] == list(range(1, 520))
    assert steps(first, 519)[0] == list(range(1, 520))
