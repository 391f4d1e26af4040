"""HTTP contract, section 3: readers come and go while events arrive; each gets each event once, in order."""

import json
import os
import secrets
import signal

import pytest

from deadline import poll
from flood import FastUpstream, Loop, Published, Reader
from flood import message, metric, move, publish_all, read_until, seeded, text_frame
from processes import Daemon, configuration
from raw import Connection, request

READERS = 50
# A sanitizer makes the daemon ten times slower.
EVENTS = 5_000 if os.environ.get("APINATORD_SANITIZER") else 20_000
ROOM = "kept_events = 30000\nreader_backlog_bytes = 67108864"


@pytest.fixture
def rng():
    return seeded(int(os.environ.get("APINATOR_TEST_SEED") or secrets.randbits(32)))


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def upstream(loop):
    with FastUpstream(loop) as server:
        yield server


class Stage:
    """A daemon that is subscribed to `alpha` and `beta`, and readers of them."""

    reader_class = Reader

    def __init__(self, start, loop, upstream, rng, limits=ROOM, unix=None, top=""):
        self.loop, self.upstream, self.rng = loop, upstream, rng
        self.text = configuration(upstream, 'channels = ["alpha", "beta"]', limits, top, auth=False)
        if unix:
            self.text = self.text.replace('"127.0.0.1:0"', f'"127.0.0.1:0", "unix:{unix}"')
        self.daemon = start(Daemon, self.text)
        self.address = str(unix) if unix else ("127.0.0.1", self.daemon.port)
        self.await_subscriptions()
        self.readers = []

    def await_subscriptions(self):
        self.loop.until(lambda: self.upstream.subscribed == {"alpha", "beta"} and not self.upstream.pending)
        for channel in ("alpha", "beta"):
            poll(lambda channel=channel: self.daemon.channel(channel)["subscribed"])

    @property
    def last_event_id(self):
        """Where things stand: from there nothing is missed."""
        return self.daemon.get("/channels").headers["last-event-id"]

    def add_readers(self, count, published, **options):
        """Readers of every kind."""
        last = self.last_event_id
        kinds = [
            dict(channels=["alpha"]),
            dict(channels=["alpha"], version="1.0"),
            dict(channels=["alpha"], form="message"),
            dict(channels=["alpha"], name="even"),
            dict(channels=["alpha"], form="lines"),
            dict(channels=["alpha", "beta"], form="message"),
            dict(channels=["alpha", "beta"], form="event", version="1.0"),
            dict(channels=["alpha", "beta"], form="lines", name="odd"),
            dict(channels=["alpha", "beta"], form="message", everything=True, version="1.0"),
            dict(channels=["beta"], name="odd", version="1.0"),
        ]
        for number in range(count):
            # With a small buffer more of a replay is still in the daemon when the reader leaves.
            kind = dict(receive_buffer=self.rng.choice([None, 16384, 65536])) | kinds[number % len(kinds)] | options
            self.readers.append(
                self.reader_class(self.loop, self.address, published=published, last=last, rng=self.rng, **kind))

    def publish(self, published, start=0, stop=None, **pace):
        publish_all(self.loop, self.upstream, published, self.readers, self.rng, start, stop, **pace)

    def publish_and_await(self, published):
        count = metric(self.daemon, 'apinatord_events_total{app="main"}') + len(published.frames)
        self.upstream.publish(published.frames)
        poll(lambda: metric(self.daemon, 'apinatord_events_total{app="main"}') == count)

    def await_everything(self, published):
        """Until each reader has what it wants, and then one event more: nothing comes twice in between."""
        count = len(published.frames)
        for _ in range(2):
            last = {id(reader): max(expected(reader, published), default=-1) for reader in self.readers}
            read_until(self.loop, self.readers, lambda reader: max(reader.got[-1:], default=-1) >= last[id(reader)])
            if count == len(published.frames):
                for channel in ("alpha", "beta"):
                    for name in published.NAMES:
                        self.upstream.publish([published.add(channel, name=name)])

    def report(self):
        connects = sum(reader.connects for reader in self.readers)
        in_frame = sum(reader.cuts_in_frame for reader in self.readers)
        events = sum(len(reader.got) for reader in self.readers)
        print(f"{len(self.readers)} readers, {events} events read, {connects} connections, {in_frame} left in a frame")
        return connects

    def close_readers(self):
        """Nothing is left behind in the daemon."""
        for reader in self.readers:
            reader.close()
        poll(lambda: metric(self.daemon, 'apinatord_streams{app="main"}') == 0)


def expected(reader, published):
    return published.wanted(reader.channels, reader.name)


def assert_exactly_once(readers, published):
    """Each reader has what it wants, once, in order, and all of them under the same ids."""
    identifiers = {}
    for reader in readers:
        wanted = expected(reader, published)
        if reader.got != wanted:
            first = next((i for i, pair in enumerate(zip(reader.got, wanted)) if pair[0] != pair[1]), len(wanted))
            shown = slice(first, first + 5)
            raise AssertionError(f"{reader}: event {first}: got {reader.got[shown]}, wanted {wanted[shown]}")
        assert_ids(reader, identifiers)


def assert_ids(reader, identifiers):
    sequences = [int(identifier.rsplit(b"-", 1)[1]) for identifier in reader.ids]
    assert sequences == sorted(set(sequences)), f"{reader}: ids do not increase"
    for number, identifier in zip(reader.got, reader.ids):
        assert identifiers.setdefault(number, identifier) == identifier, f"{reader}: another id for event {number}"


# contract: 3.39, 3.40
@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_readers_that_leave_and_resume_while_events_arrive_miss_nothing_and_get_nothing_twice(
    start, loop, upstream, rng, tmp_path, over
):
    count = EVENTS if over == "tcp" else 5_000
    stage = Stage(start, loop, upstream, rng, unix=tmp_path / "sock" if over == "unix" else None)
    published = Published({"alpha": count * 9 // 10, "beta": count // 10}, rng)
    stage.add_readers(READERS, published, mean_bytes=600_000 if count > 5_000 else 200_000)
    stage.publish(published)
    stage.await_everything(published)
    assert_exactly_once(stage.readers, published)
    # Nothing was missing, so nothing was said.
    assert [reader.told for reader in stage.readers] == [[]] * READERS
    assert stage.report() > 5 * READERS
    assert metric(stage.daemon, 'apinatord_events_total{app="main"}') >= len(published.frames)
    stage.close_readers()


# contract: 3.40
def test_events_that_take_many_writes_each_are_resumed_as_well(start, loop, upstream, rng, tmp_path):
    # A Unix socket holds less than one of them.
    stage = Stage(start, loop, upstream, rng, ROOM + "\nkept_bytes = 536870912", unix=tmp_path / "sock")
    published = Published({"alpha": 30, "beta": 10}, rng, bytes_mean=400_000)
    stage.add_readers(10, published, mean_bytes=4_000_000)
    stage.publish(published, batch_max=4)
    stage.await_everything(published)
    assert_exactly_once(stage.readers, published)
    assert [reader.told for reader in stage.readers] == [[]] * 10
    stage.report()
    stage.close_readers()


# contract: 3.22, 3.42, 6.13
def test_what_is_no_longer_kept_is_covered_by_a_gap_and_nothing_else_is_missing(start, loop, upstream, rng):
    stage = Stage(start, loop, upstream, rng, "kept_events = 300\nreader_backlog_bytes = 67108864")
    published = Published({"alpha": 9000, "beta": 1000}, rng)
    stage.add_readers(20, published, mean_bytes=100_000)
    stage.publish(published, batch_max=100, pause=2)
    stage.await_everything(published)
    identifiers, lost, gaps = {}, 0, 0
    for reader in stage.readers:
        assert_ids(reader, identifiers)
    for reader in stage.readers:
        wanted = expected(reader, published)
        lost += len(wanted) - len(reader.got)
        gaps += len(reader.gaps)
        assert_holes_are_told(reader, wanted, identifiers)
    print(f"{gaps} gaps, {lost} events lost")
    assert gaps > 20 and lost > 300
    assert sum(metric(stage.daemon, f'apinatord_gaps_total{{app="main",reason="{reason}"}}') for reason in
               ("unknown_id", "slow_consumer", "upstream_reconnect")) == 0  # fmt: skip
    stage.report()
    stage.close_readers()


def sequence(identifier):
    return int(identifier.rsplit("-", 1)[1])


def assert_holes_are_told(reader, wanted, identifiers):
    """Whatever of `wanted` was not got lies where a gap was told, after the id that the gap names."""
    told = {}
    for place, data, identifier in reader.gaps:
        assert data["reason"] == "evicted" and identifier is None, data
        told.setdefault(place, []).append(data)
    places = {number: place for place, number in enumerate(wanted)}
    assert all(number in places for number in reader.got), f"{reader} got what it does not want"
    previous = -1
    for place, number in enumerate(reader.got):
        missing = wanted[previous + 1 : places[number]]
        assert places[number] > previous, f"{reader}: {number} came twice or late"
        if missing:
            assert place in told, f"{reader}: {missing[:5]} … are missing and nothing was said"
            after = reader.ids[place - 1].decode() if place else None
            for data in told[place]:
                assert place == 0 or data["from"] == after, f"{reader}: {data} after {after}"
                # Nothing that still came counts as lost, and nothing later is missing.
                assert sequence(data["from"]) < sequence(data["to"]), data
            end = sequence(told[place][-1]["to"])
            assert end < sequence(reader.ids[place].decode()), told[place]
            for lost in missing:
                assert lost not in identifiers or sequence(identifiers[lost].decode()) <= end, f"{reader}: {lost}"
        elif place in told and not reader.name:
            raise AssertionError(f"{reader}: a gap where nothing is missing, before {number}")
        previous = places[number]
    # After a gap comes how things stand; one who left before that is told both anew.
    told = [(place, event) for place, event, _, _ in reader.told]
    per_gap = len(reader.channels) if not reader.name else 0
    for index, (place, event) in enumerate(told):
        if event == "bridge:gap" and (place, event) not in told[index + 1 :]:
            state = [(place, "realtime:subscription_succeeded")]
            following = told[index + 1 : index + 2 + per_gap]
            assert following[:per_gap] == state * per_gap and following[per_gap:] != state, f"{reader}: {following}"


# contract: 3.40, 8.2
def test_a_reload_in_the_middle_is_not_noticed(start, loop, upstream, rng):
    stage = Stage(start, loop, upstream, rng)
    published = Published({"alpha": 4500, "beta": 500}, rng)
    stage.add_readers(20, published, mean_bytes=100_000)
    for number, part in enumerate(range(0, 5000, 1000)):
        stage.publish(published, part, part + 1000)
        stage.daemon.configuration.write_text(
            stage.text.replace("[limits]", f"[limits]\nmax_client_event_bytes = {number + 1000}"))
        stage.daemon.signal(signal.SIGHUP)
    stage.await_everything(published)
    stage.daemon.wait_for_entry("reloaded")
    assert_exactly_once(stage.readers, published)
    assert [reader.told for reader in stage.readers] == [[]] * 20
    stage.report()
    stage.close_readers()


# contract: 3.22, 3.40
def test_an_upstream_reconnect_in_the_middle_is_told_once_to_each_and_nothing_comes_twice(
    start, loop, upstream, rng
):
    stage = Stage(start, loop, upstream, rng)
    published = Published({"alpha": 4500, "beta": 500}, rng)
    stage.add_readers(30, published, mean_bytes=100_000)
    stage.publish(published, 0, 2500)
    loop.until(lambda: not upstream.pending)
    upstream.close(4200)
    while upstream.connections < 2 or upstream.subscribed != {"alpha", "beta"} or upstream.pending:
        move(loop, stage.readers)
    stage.publish(published, 2500)
    stage.await_everything(published)
    assert_exactly_once(stage.readers, published)
    for reader in stage.readers:
        before = len([number for number in expected(reader, published) if number < 2500])
        news = ["bridge:gap"] * len(reader.channels)
        if not reader.name:
            news += ["realtime:subscription_succeeded"] * len(reader.channels) + ["state_change"] * 2
        assert sorted(event for _, event, _, _ in reader.told) == sorted(news), f"{reader}: {reader.told}"
        # In its place, and with an id of its own.
        assert {place for place, _, _, _ in reader.told} == {before}, f"{reader}: {reader.told}"
        assert all(identifier for _, _, _, identifier in reader.told)
        assert {data["reason"] for _, data, _ in reader.gaps} == {"upstream_reconnect"}
    stage.report()
    stage.close_readers()


# contract: 3.26, 3.40, 3.46, 6.12
@pytest.mark.parametrize("kept", [30_000, 200])
def test_readers_that_stop_reading_are_closed_alone_and_resume(start, loop, upstream, rng, kept):
    stage = Stage(start, loop, upstream, rng, f"kept_events = {kept}\nreader_backlog_bytes = 262144")
    published = Published({"alpha": 4500, "beta": 500}, rng, bytes_mean=2000)
    stage.add_readers(20, published, mean_bytes=0)
    stalled = [stage.readers[number] for number in range(0, 20, 4)]
    others = [reader for reader in stage.readers if reader not in stalled]
    for reader in stage.readers:
        reader.may_leave = False
    wanted = {id(reader): expected(reader, published) for reader in stage.readers}
    for reader in stalled:
        reader.close()
        reader.receive_buffer = 4096
        reader.connect()
        reader.stall()

    # Each batch waits for the last of the others to have the one before: they get all of it though five do not read.
    for start_of_batch in range(0, 5000, 100):
        upstream.publish(published.frames[start_of_batch : start_of_batch + 100])
        due = {id(reader): sum(n < start_of_batch + 100 for n in wanted[id(reader)]) for reader in others}
        loop.until(lambda: all(len(reader.got) >= due[id(reader)] for reader in others), what="the others get it")

    # Filtered readers of the smaller channel stay within their budget: whoever is still there is up to date.
    dropped = poll(lambda: metric(stage.daemon, 'apinatord_dropped_streams_total{reason="slow_consumer"}'))
    for reader in stalled:
        reader.go_on()
        reader.is_stalled = True  # its end is no surprise
    loop.until(lambda: all(r.has_ended or len(r.got) == len(wanted[id(r)]) for r in stalled), what=stalled)
    ended = [reader for reader in stalled if reader.has_ended]
    assert len(ended) == dropped >= 3
    for reader in ended:
        assert reader.told[-1][1] == "bridge:gap"
        assert json.loads(reader.told[-1][2]) == {"reason": "slow_consumer"}
        assert reader.told[-1][0] == len(reader.got) < len(wanted[id(reader)])
        # A prefix, without a hole, and then the end.
        assert reader.got == wanted[id(reader)][: len(reader.got)]
        reader.told.pop()
        reader.close()
        reader.is_stalled = False
        reader.connect()
    stage.await_everything(published)
    assert_exactly_once(others, published)
    if kept > 5000:
        assert_exactly_once(stalled, published)
        assert [reader.told for reader in stage.readers] == [[]] * 20
    else:
        identifiers = {}
        for reader in stage.readers:
            assert_ids(reader, identifiers)
        for reader in ended:
            assert len(reader.gaps) == 1
            assert_holes_are_told(reader, expected(reader, published), identifiers)
    stage.report()
    stage.close_readers()


def test_a_new_connection_gets_nothing_that_was_for_one_that_closed_in_the_same_turn(start, loop, upstream, rng):
    # Closed means silent: the kernel gives the next connection the descriptor's number.
    stage = Stage(start, loop, upstream, rng)
    published = Published({}, rng)
    for _ in range(20):
        old = Reader(loop, stage.address, ["alpha"], published, stage.last_event_id, rng, mean_bytes=0)
        old.may_leave = False
        upstream.publish([published.add("alpha")])
        loop.until(lambda old=old: old.got)
        # All of it waits for the daemon when it goes on: the end of one, another's beginning, and an event.
        os.kill(stage.daemon.pid, signal.SIGSTOP)
        poll(lambda: is_stopped(stage.daemon))
        old.close()
        with Connection(stage.daemon) as new:
            upstream.publish([published.add("alpha")])
            assert not upstream.pending
            os.kill(stage.daemon.pid, signal.SIGCONT)
            new.send(request())
            try:
                assert new.response()[0] == 200
            except ValueError:
                raise AssertionError(f"that is no answer: {new.bytes[:200]}") from None


def is_stopped(daemon):
    with open(f"/proc/{daemon.pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()[0] == "T"


# contract: 3.44
def test_state_and_then_the_events_from_there_miss_nothing(start, loop, rng, tmp_path):
    here = {"u0"}

    def snapshot():
        users = {user: {} for user in sorted(here)}
        return json.dumps({"presence": {"count": len(users), "ids": list(users), "hash": users}})

    secret = tmp_path / "secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    with FastUpstream(loop, {"presence-room": snapshot}) as upstream:
        app = f"""channels = ["presence-room"]
app_secret = {{ file = "{secret}" }}
presence = {{ user_id = "u0", user_info = {{}} }}"""
        daemon = start(Daemon, configuration(upstream, app, "kept_events = 30000", auth=False))
        loop.until(lambda: upstream.subscribed and not upstream.pending)
        poll(lambda: daemon.channel("presence-room")["subscribed"])
        seen = []

        def come_and_go(count):
            frames = []
            for _ in range(count):
                user = f"u{rng.randrange(1, 40)}"
                name = "member_removed" if user in here else "member_added"
                here.symmetric_difference_update({user})
                data = json.dumps({"user_id": user, "user_info": {}})
                frames.append(text_frame(message(f"realtime:{name}", data, "presence-room")))
            upstream.publish(frames)

        for _ in range(30):
            # Some of it is before the answer and some after: only the daemon knows which.
            come_and_go(rng.randrange(1, 40))
            answer = daemon.get("/channels/presence-room/members")
            come_and_go(rng.randrange(1, 40))
            body = answer.json()
            assert body["count"] == len(body["members"])
            seen.append(({member["user_id"] for member in body["members"]}, answer.headers["last-event-id"]))
        loop.until(lambda: not upstream.pending)
        upstream.publish([text_frame(message("end", "{}", "presence-room"))])
        loop.until(lambda: not upstream.pending)
        # States of several moments, not the last one each time.
        assert len({frozenset(members) for members, _ in seen}) > 1
        for members, last in seen:
            stream = daemon.events("presence-room", headers={"Last-Event-ID": last})
            assert stream.next().event == "bridge:open"
            while (frame := stream.next()).event != "end":
                user = frame.json["user_id"]
                if frame.event == "realtime:member_added":
                    assert user not in members, f"{user} came twice after {last}"
                    members.add(user)
                else:
                    assert frame.event == "realtime:member_removed", frame
                    assert user in members, f"{user} went who was not here after {last}"
                    members.remove(user)
            assert members == here
            stream.close()


# contract: 3.22, 3.42
@pytest.mark.parametrize("by", ["header", "query"])
def test_an_evicted_id_is_a_gap_that_says_from_where_to_where(start, loop, upstream, rng, by):
    stage = Stage(start, loop, upstream, rng, "kept_events = 10")
    published = Published({"alpha": 50}, rng)
    stage.publish_and_await(published)
    stream = stage.daemon.events("alpha", "?since=1h")
    ids = []
    while len(ids) < 10:
        frame = stream.next()
        ids += [frame.id] if frame.event in Published.NAMES else []
    epoch, oldest = ids[0].rsplit("-", 1)
    last = f"{epoch}-{int(oldest) - 20}"
    query, fields = (f"?last_event_id={last}", {}) if by == "query" else ("", {"Last-Event-ID": last})
    late = stage.daemon.events("alpha", query, fields)
    assert late.next().event == "bridge:open"
    gap = late.next()
    assert gap.event == "bridge:gap"
    assert gap.json == {"reason": "evicted", "from": last, "to": f"{epoch}-{int(oldest) - 1}"}
    assert late.next().event == "realtime:subscription_succeeded"
    assert late.next().id == ids[0]


# contract: 3.43
@pytest.mark.parametrize("since", ["30s", "5m", "1h"])
def test_since_spells_seconds_minutes_and_hours(start, loop, upstream, rng, since):
    stage = Stage(start, loop, upstream, rng)
    published = Published({"alpha": 5}, rng)
    before = stage.last_event_id
    stage.publish_and_await(published)
    stream = stage.daemon.events("alpha", f"?since={since}&event=even&event=odd")
    assert [stream.next().event] == ["bridge:open"]
    numbers = [stream.next().json["n"] for _ in range(5)]
    assert numbers == [0, 1, 2, 3, 4]
    # An id wins over it.
    stream = stage.daemon.events("alpha", f"?since={since}&event=even", headers={"Last-Event-ID": before})
    assert [stream.next().event, stream.next().json["n"]] == ["bridge:open", 0]
