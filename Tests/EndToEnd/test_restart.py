"""A restart that readers hardly notice: kept events are handed over, and what may be missing is said."""

import json
import os
import secrets
import signal
import socket
import stat

import pytest

from deadline import poll
from flood import FastUpstream, Loop, Published, Reader, move, seeded
from peers import ScriptedUpstream
from problems import problem
from processes import KEY, SECRET, Daemon, configuration
from test_exactly_once import ROOM, Stage, assert_ids, expected

READERS = 100
EVENTS = 3000
FILE = "kept-events"
# sd_listen_fds(3): descriptors from 3 on, LISTEN_PID names the process
LISTENING = ("bash", "-c", 'exec 3<&"$1"; export LISTEN_PID=$$ LISTEN_FDS=1; shift; exec "$@"', "bash")


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def live(sandbox, start, state):
    """Begins one life of a daemon whose kept events outlive it."""

    def begin(app="", environment=None, replace=(), **options):
        text = configuration(options.pop("upstream", sandbox), app, **options).replace(*replace or ("", ""))
        return start(Daemon, text, environment={"STATE_DIRECTORY": str(state)} if environment is None else environment)

    return begin


def publish(sandbox, channel, numbers):
    for number in numbers:
        sandbox.publish(channel, "step", f'{{"n":{number}}}')


def steps(stream, count):
    """The next steps: their numbers, and the frames."""
    frames = [stream.until("step") for _ in range(count)]
    return [frame.json["n"] for frame in frames], frames


def read_some(daemon, sandbox, channel, numbers, query="", headers=()):
    """A subscription, and events that a reader has got; returns their ids."""
    stream = daemon.subscribed(channel, query, headers)
    publish(sandbox, channel, numbers)
    return [frame.id for frame in steps(stream, len(numbers))[1]]


def refusal(daemon, channel, last, headers=()):
    """The gap that a reader begins with when its id is no use."""
    stream = daemon.events(channel, headers={"Last-Event-ID": last, **dict(headers)})
    assert stream.next().event == "bridge:open"
    gap = stream.next()
    assert (gap.event, gap.id, gap.json["from"]) == ("bridge:gap", None, last)
    return gap.json["reason"]


class Returning(Reader):
    """A reader that comes back at once when its stream has ended with the daemon."""

    shutdowns = 0

    def _ready(self):
        self.is_stalled = True  # its end is no surprise
        super()._ready()
        self.is_stalled = False
        if self.has_ended:
            # Its last words may be lost with the connection; what it has got is not.
            self.shutdowns += self.told[-1:] != [] and self.told[-1][1] == "bridge:shutdown"
            self.socket.close()
            self.connect()


class Lives(Stage):
    """A daemon whose socket outlives it, and readers that come back."""

    reader_class = Returning

    def __init__(self, start, loop, upstream, rng, state, listener):
        def begin(kind, text):
            return start(
                kind, text, environment={"STATE_DIRECTORY": str(state)},
                prefix=[*LISTENING, str(listener.fileno())], pass_fds=[listener.fileno()])  # fmt: skip

        self.begin = begin
        self.sent = 0
        super().__init__(begin, loop, upstream, rng, ROOM)
        self.first_url = self.daemon.url

    def publish_some(self, published, stop):
        """Some of the events up to `stop`; whether the daemon is there to hear of them makes no difference."""
        end = min(stop, self.sent + self.rng.randrange(1, 100))
        if self.upstream.socket and self.upstream.subscribed == {"alpha", "beta"}:
            if self.upstream.pending > 1 << 18:
                return
            self.upstream.publish(published.frames[self.sent : end])
        self.sent = end

    def publish_until(self, published, stop, condition=lambda: False):
        while self.sent < stop and not condition():
            self.publish_some(published, stop)
            move(self.loop, self.readers, 0.001)

    def restart(self, published, stop):
        self.daemon.signal(signal.SIGTERM)
        self.publish_until(published, stop, lambda: self.daemon.process.poll() is not None)
        assert self.daemon.wait() == 0
        self.daemon = self.begin(Daemon, self.text)
        assert self.daemon.url == self.first_url
        self.daemon.wait_for_entry("took over kept events")
        while self.upstream.subscribed != {"alpha", "beta"} or self.upstream.pending:
            move(self.loop, self.readers)


def assert_missing_is_told(reader, wanted, published, known):
    """What a reader did not get was lost to all, and lies where a gap was told."""
    assert reader.got == sorted(set(reader.got)), f"{reader}: something came twice or late"
    assert set(reader.got) <= set(wanted), f"{reader} got what it does not want"
    missing = set(wanted) - set(reader.got)
    assert not missing & known, f"{reader}: {sorted(missing & known)[:5]} … are kept, and it did not get them"
    gaps = [place for place, data, identifier in reader.gaps if identifier]
    assert {data["reason"] for _, data, _ in reader.gaps} == {"upstream_reconnect"}, reader.gaps
    for channel in reader.channels:
        places = [(place, n) for place, n in enumerate(reader.got) if published.channels[n] == channel]
        for (before, low), (after, high) in zip([(-1, -1), *places], [*places, (len(reader.got), 1 << 60)]):
            lost = [n for n in missing if low < n < high and published.channels[n] == channel]
            told = any(before < place <= after for place in gaps)
            assert told or not lost, f"{reader}: {lost[:5]} … are missing and nothing was said"
    return missing


# contract: 3.22, 3.29, 3.40
def test_100_readers_resume_around_restarts_and_nothing_is_lost_in_silence_or_comes_twice(start, state):
    rng, loop = seeded(int(os.environ.get("APINATOR_TEST_SEED") or secrets.randbits(32))), Loop()
    with FastUpstream(loop) as upstream, socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        stage = Lives(start, loop, upstream, rng, state, listener)
        published = Published({"alpha": EVENTS * 9 // 10, "beta": EVENTS // 10}, rng)
        stage.add_readers(READERS, published, mean_bytes=600_000)
        for stop in (EVENTS // 3, EVENTS * 2 // 3):
            stage.publish_until(published, stop - EVENTS // 10)
            stage.restart(published, stop)
        stage.publish_until(published, EVENTS)
        stage.await_everything(published)

        identifiers = {}
        for reader in stage.readers:
            assert_ids(reader, identifiers)
        lost = set()
        for reader in stage.readers:
            lost |= assert_missing_is_told(reader, expected(reader, published), published, set(identifiers))
            assert len(reader.gaps) == 2 * len(reader.channels), f"{reader}: {reader.gaps}"
        shutdowns = sum(reader.shutdowns for reader in stage.readers)
        print(f"{len(lost)} events of {len(published.frames)} came while it was away; {shutdowns} shutdowns told")
        # The restarts were amid the events, and most were told that they come.
        assert 0 < len(lost) < EVENTS // 2
        assert shutdowns > READERS
        stage.report()
        stage.close_readers()


# One reader


@pytest.mark.parametrize("form", ["event", "message"])
def test_a_reader_that_resumes_gets_what_it_missed_then_a_gap_then_what_is_new(live, sandbox, name, form):
    channel = name()
    daemon = live()
    ids = read_some(daemon, sandbox, channel, range(10))
    assert daemon.stop() == 0
    daemon = live()
    daemon.wait_for_entry("took over kept events", channels="1")
    stream = daemon.events(channel, f"?format={form}", headers={"Last-Event-ID": ids[3]})
    if form == "message":
        frames = [stream.next() for _ in range(8)]
        data = [json.loads(frame.data) for frame in frames[1:7]]
        assert [(e["channel"], e["event"], e["data"], e["id"]) for e in data] == [
            (channel, "step", {"n": number}, ids[number]) for number in range(4, 10)]  # fmt: skip
        return
    numbers, frames = steps(stream, 6)
    assert numbers == [4, 5, 6, 7, 8, 9]
    assert [frame.id for frame in frames] == ids[4:]
    gap = stream.until("bridge:gap")
    assert gap.json["reason"] == "upstream_reconnect"
    stream.until("realtime:subscription_succeeded")
    publish(sandbox, channel, [10])
    assert steps(stream, 1)[0] == [10]
    seen = [frame.event for frame in stream.seen]
    assert seen[0] == "bridge:open" and seen.count("bridge:gap") == seen.count("realtime:subscription_succeeded") == 1
    # One row of ids through both lives.
    epochs, sequences = zip(*(frame.id.split("-") for frame in stream.seen if frame.id))
    assert set(epochs) == {ids[0].split("-")[0]}
    assert list(map(int, sequences)) == sorted(set(map(int, sequences)))
    # Whoever comes later is told in the same place.
    late = daemon.events(channel, headers={"Last-Event-ID": ids[8]})
    assert steps(late, 1)[0] == [9]
    assert late.until("bridge:gap").id == gap.id
    assert steps(late, 1)[0] == [10]


def test_a_gap_that_was_told_is_not_told_again_and_nothing_is_between_it_and_the_confirmation(live, sandbox, name):
    channel = name()
    daemon = live(f'channels = ["{channel}"]')
    read_some(daemon, sandbox, channel, [1])
    daemon.stop()
    daemon = live(f'channels = ["{channel}"]')
    stream = daemon.events(channel, "?since=1h")
    while (frame := stream.next()).event != "bridge:gap":
        pass
    # As after any loss of the connection.
    after = stream.next()
    assert after.event == "realtime:subscription_succeeded" and int(after.id.split("-")[1]) == int(
        frame.id.split("-")[1]) + 1  # fmt: skip
    again = daemon.events(channel, headers={"Last-Event-ID": frame.id})
    assert [again.next().event, again.next().event] == ["bridge:open", "realtime:subscription_succeeded"]


def test_a_reader_of_all_channels_resumes_as_well(live, sandbox, name):
    one, two = name(), name()
    daemon = live()
    everything = daemon.stream("/events?format=event")
    ids = read_some(daemon, sandbox, one, range(3))
    read_some(daemon, sandbox, two, range(3, 6))
    daemon.signal(signal.SIGTERM)
    assert everything.rest()[-1].event == "bridge:shutdown"
    assert daemon.wait() == 0
    daemon = live()
    # Nobody has asked for a channel by its name: what was kept of them is told all the same.
    stream = daemon.stream("/events?format=event", headers={"Last-Event-ID": ids[1]})
    numbers, frames = steps(stream, 4)
    assert numbers == [2, 3, 4, 5] and frames[0].id == ids[2]
    daemon.events(two)
    gap = stream.until("bridge:gap")
    assert gap.json["reason"] == "upstream_reconnect" and gap.id
    publish(sandbox, two, [6])
    assert steps(stream, 1)[0] == [6]


def test_two_restarts_without_a_reader_in_between_keep_it(live, sandbox, name):
    channel = name()
    daemon = live()
    ids = read_some(daemon, sandbox, channel, range(4))
    for _ in range(3):
        daemon.stop()
        daemon = live()
    stream = daemon.events(channel, headers={"Last-Event-ID": ids[1]})
    assert steps(stream, 2)[0] == [2, 3]
    stream.until("bridge:gap")


def test_a_channel_that_was_removed_before_is_not_taken_for_one_that_was_kept(live, sandbox, name):
    channel = name()
    daemon = live()
    ids = read_some(daemon, sandbox, channel, range(3))
    daemon.delete(f"/channels/{channel}?force=true")
    everything = daemon.get("/channels").headers["last-event-id"]
    daemon.stop()
    daemon = live()
    assert refusal(daemon, channel, ids[1]) == "evicted"
    stream = daemon.stream("/events?format=event", headers={"Last-Event-ID": ids[1]})
    assert [stream.next().event, stream.next().json["reason"]] == ["bridge:open", "evicted"]
    assert everything.split("-")[0] == ids[0].split("-")[0]


def test_readers_are_told_to_come_back_at_different_times(live, name):
    daemon = live()
    channel = name()
    streams = [daemon.events(channel, query) for query in ["", "?format=message"] * 10]
    daemon.signal(signal.SIGTERM)
    last = [stream.rest()[-1] for stream in streams]
    assert all("bridge:shutdown" in (frame.event or frame.data) for frame in last)
    times = [int(frame.retry) for frame in last]
    assert all(2000 <= time <= 3000 for time in times)
    assert len(set(times)) > 10 and max(times) - min(times) > 300


# Where it cannot be said truthfully


def test_after_a_crash_ids_are_unknown(live, sandbox, name, state):
    channel = name()
    daemon = live()
    read_some(daemon, sandbox, channel, range(3))
    daemon.stop()
    # What was handed over is used once: this life goes on from it, and leaves nothing.
    daemon = live()
    assert not (state / FILE).exists()
    ids = read_some(daemon, sandbox, channel, range(3, 6))
    daemon.kill()
    assert not (state / FILE).exists()
    daemon = live()
    assert refusal(daemon, channel, ids[1]) == "unknown_id"


def test_without_a_place_for_it_nothing_is_handed_over(live, sandbox, name):
    channel = name()
    daemon = live(environment={})
    ids = read_some(daemon, sandbox, channel, range(3))
    assert daemon.stop() == 0
    daemon = live(environment={})
    assert refusal(daemon, channel, ids[1]) == "unknown_id"


def test_a_place_that_is_not_there_is_said_and_hinders_nothing(live, sandbox, name, tmp_path):
    environment = {"STATE_DIRECTORY": str(tmp_path / "nowhere")}
    daemon = live(environment=environment)
    ids = read_some(daemon, sandbox, name(), range(3))
    assert daemon.stop() == 0
    lines = [entry["message"] for entry in daemon.entries if entry["level"] == "warning"]
    assert any("not taken over" in line for line in lines) and any("not handed over" in line for line in lines)
    assert ids


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


DAMAGE = {
    "flipped": flip,
    "cut": lambda path: os.truncate(path, path.stat().st_size - 1),
    "empty": lambda path: os.truncate(path, 0),
    "something else": lambda path: path.write_bytes(b"x" * 1000),
    "of others": lambda path: path.chmod(0o640),
    "a link": link,
    "too long": lambda path: os.truncate(path, 1 << 40),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_not_right_is_not_believed(live, sandbox, name, state, damage):
    channel = name()
    daemon = live()
    ids = read_some(daemon, sandbox, channel, range(3))
    daemon.stop()
    DAMAGE[damage](state / FILE)
    daemon = live()
    assert [entry for entry in daemon.entries if entry["message"].startswith("kept events are not taken over: ")]
    assert refusal(daemon, channel, ids[1]) == "unknown_id"
    # The next restart is as good as any.
    last = read_some(daemon, sandbox, channel, range(3, 6))
    daemon.stop()
    daemon = live()
    assert steps(daemon.events(channel, headers={"Last-Event-ID": last[0]}), 2)[0] == [4, 5]


@pytest.mark.parametrize("what", ["key", "server"])
def test_another_app_of_the_same_name_does_not_inherit(live, sandbox, name, what):
    channel = name()
    daemon = live()
    ids = read_some(daemon, sandbox, channel, range(3))
    daemon.stop()
    with ScriptedUpstream() as other:
        changed = {"upstream": other, "auth": False} if what == "server" else {"replace": (KEY, KEY + "x")}
        daemon = live(**changed)
        assert refusal(daemon, channel, ids[1]) == "unknown_id"
        daemon.stop()


def test_what_has_become_too_old_is_evicted(live, sandbox, name):
    channel = name()
    daemon = live()
    ids = read_some(daemon, sandbox, channel, range(3))
    daemon.stop()
    daemon = live(limits='kept_age = "1ms"')
    assert refusal(daemon, channel, ids[1]) == "evicted"


# The file


def test_the_file_is_for_nobody_else_and_holds_no_secret(live, sandbox, name, state, tmp_path):
    secret = tmp_path / "ci.token"
    secret.write_text("token-that-nobody-knows")
    secret.chmod(0o600)
    signer = tmp_path / "app.secret"
    signer.write_text(SECRET)
    signer.chmod(0o600)
    rest = f'[[token]]\nname = "ci"\nsecret = {{ file = "{secret}" }}\nchannels = ["open-*", "private-open-*"]'
    headers = {"Authorization": "Bearer token-that-nobody-knows"}
    app = f'app_secret = {{ file = "{signer}" }}'
    daemon = live(app, auth=False, rest=rest)
    channel, forbidden = name("private-open-"), name("closed-")
    ids = read_some(daemon, sandbox, channel, range(3), headers=headers)
    assert daemon.stop() == 0
    assert {path.name for path in state.iterdir()} == {FILE, "last-epoch"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in state.iterdir())
    assert (state / "last-epoch").read_text().strip().isdecimal()
    contents = (state / FILE).read_bytes()
    assert b'{"n":2}' in contents
    for text in (KEY, SECRET, "token-that-nobody-knows", sandbox.url):
        assert text.encode() not in contents
    # What was protected is.
    daemon = live(app, auth=False, rest=rest)
    path, resume = f"/channels/{channel}/events", {"Last-Event-ID": ids[0]}
    problem(daemon.get(path, headers=resume), 401, "unauthorized")
    problem(daemon.get(f"/channels/{forbidden}/events", headers=headers | resume), 403, "channel_not_allowed")
    assert steps(daemon.events(channel, headers=headers | resume), 2)[0] == [1, 2]


@pytest.mark.parametrize("number", [2**64 - 1, 2**64 - 2, 2**63, "nonsense"])
def test_a_last_epoch_that_nobody_wrote_is_passed_over(live, state, number):
    file = state / "last-epoch"
    file.write_text(f"{number}\n")
    file.chmod(0o600)
    daemon = live()
    poll(lambda: file.read_text() != f"{number}\n", what=daemon.log)
    assert int(file.read_text()) < 2**53
    assert daemon.stop() == 0


def test_a_reload_after_a_restart_goes_on_with_the_same_ids(live, sandbox, name):
    channel = name()
    daemon = live()
    ids = read_some(daemon, sandbox, channel, range(3))
    daemon.stop()
    daemon = live()
    last = read_some(daemon, sandbox, channel, [3])[0]
    text = daemon.configuration.read_text()
    daemon.configuration.write_text(text.replace("[[app]]", '[[app]]\nlinger = "1s"'))
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_entry("reloaded")
    poll(lambda: daemon.connection()["state"] == "connected")
    assert refusal(daemon, channel, last) == "evicted"
    later = read_some(daemon, sandbox, channel, [4])[0]
    assert later.split("-")[0] == ids[0].split("-")[0]
    assert int(later.split("-")[1]) > int(last.split("-")[1])
