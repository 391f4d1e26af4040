"""A long mix of everything against the real binary, its readers checked all the time, and what the process holds.

Run by Tests/Soak/run."""

import argparse
import contextlib
import os
import random
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "EndToEnd"))

from deadline import poll  # noqa: E402
from flood import Loop, metric  # noqa: E402
from processes import BINARY, Daemon, Sandbox, configuration  # noqa: E402

from actors import Callers, Faults, Members, OddApp, Publisher  # noqa: E402
from measure import Sample, cpu_seconds, descriptors, theil_sen  # noqa: E402
from oracle import Oracle  # noqa: E402
from readers import MultiplexedReader, PlainReader, SharedConnection, Sloth  # noqa: E402

# sd_listen_fds(3): the socket outlives the daemon, so that no reader is refused.
LISTENING = ("bash", "-c", 'exec 3<&"$1"; export LISTEN_PID=$$ LISTEN_FDS=1; shift; exec "$@"', "bash")
STABLE = {"news": 30, "private-orders": 15, "presence-room": 5, "cache-last": 3}
CHURNED = [f"{prefix}churn-{number}" for number in range(5) for prefix in ("", "private-")]
LIMITS = """kept_events = {kept}
kept_bytes = 16777216
reader_backlog_bytes = 131072
write_timeout = "4s"
idle_timeout = "10s"
head_timeout = "5s"
{more}"""

WARM_UP = 0.35  # of the time, restarts included
RESTS = 16  # after that, for the slope
SETTLING_SECONDS = 6.0
PATIENCE_SECONDS = 20.0  # how far a reader may be behind others
STANDSTILL_SECONDS = 90.0  # … and all of them, whatever the upstream did
SLOPE_BYTES_MAX = 1 << 20  # an hour
GROWTH_BYTES_MAX = 1 << 20  # over the time that is looked at: less is noise
KEPT_CONNECTIONS_MAX = 2 + 2 * 4  # an upstream and up to four to the auth endpoint, for each of two apps
REST_BYTES_MAX = 32 << 20  # over the process at its start: kept_bytes, in storage that grows by doubling


class Stage:
    """The programs, and what they are configured with."""

    KEPT_EVENTS = 300

    def __init__(self, seed):
        self.seed = seed
        self.rng = random.Random(seed)
        self.loop = Loop()
        self.oracle, self.odd_oracle = Oracle(), Oracle()
        self.restarts = 0
        self.restarted = None  # when, or None while it does
        self.cpu = 0.0
        self.rest = threading.Event()  # nothing is published and nothing is faulted, while memory is looked at
        self.is_level = threading.Event()  # … and all channels have the same kept
        self.unexplained = []  # ends of streams about which nothing was said
        self.dropped = Counter()
        self.upstream_port = 0
        self.state = tempfile.TemporaryDirectory(prefix="apinatord-soak-")
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = self.listener.getsockname()
        self.start_sandbox()
        self.odd = OddApp(self)
        self.daemon = self._start()
        self.restarted = 0.0

    @property
    def is_restarting(self):
        """Whether the daemon ends and begins, or what it said last may still be on its way."""
        return self.restarted is None or time.monotonic() - self.restarted < 2

    def start_sandbox(self):
        self.sandbox = Sandbox(port=self.upstream_port)
        self.upstream_port = self.sandbox.port

    @property
    def url(self):
        """Where other clients of the sandbox connect."""
        return f"ws://127.0.0.1:{self.upstream_port}"

    def configuration(self, limits="", odd=""):
        app = f'linger = "1s"\nclient_events_per_second = 5\nchannels = {list(STABLE)}'.replace("'", '"')
        return configuration(
            self.sandbox, app, LIMITS.format(kept=Stage.KEPT_EVENTS, more=limits), rest=self.odd.configuration + odd)

    def _start(self):
        return Daemon(
            self.configuration(), environment={"STATE_DIRECTORY": self.state.name},
            prefix=[*LISTENING, str(self.listener.fileno())], pass_fds=[self.listener.fileno()])  # fmt: skip

    def restart(self):
        self.restarted = None
        daemon = self.daemon
        self.count()
        status = daemon.stop()
        if status != 0:
            self.oracle.violate(f"SIGTERM: ended with {status}")
        self.daemon = self._start()
        self.restarts += 1
        self.restarted = time.monotonic()

    def count(self):
        """Before a life ends: what it used, and which streams it closed."""
        self.cpu += cpu_seconds(self.daemon.pid)
        for reason in ("slow_consumer", "write_timeout"):
            self.dropped[reason] += int(metric(self.daemon, f'apinatord_dropped_streams_total{{reason="{reason}"}}'))

    def close(self):
        status = None
        with contextlib.suppress(AttributeError):
            self.daemon.signal(signal.SIGCONT)
            status = self.daemon.stop()
        self.odd.ending.set()
        self.odd.close()
        self.sandbox.signal(signal.SIGCONT)
        self.sandbox.stop()
        self.listener.close()
        self.state.cleanup()
        return status


def make_readers(stage):
    """Readers of every kind."""
    readers = []
    for number in range(6):
        form = ("event", "lines", "message")[number % 3]
        for channel in ("news", "private-orders", "presence-room"):
            readers.append(PlainReader(stage, stage.oracle, [channel], form=form, stalls=number == 5))
    for channel in CHURNED[:6]:
        readers.append(PlainReader(stage, stage.oracle, [channel]))
    for form in ("lines", "message"):
        readers.append(PlainReader(stage, stage.oracle, ["news", "private-orders", CHURNED[0]], form=form))
    for number in range(3):
        readers.append(PlainReader(stage, stage.odd_oracle, ["news"], "/apps/odd", ("event", "lines")[number % 2]))
    readers.append(PlainReader(stage, stage.odd_oracle, list(OddApp.CHANNELS), "/apps/odd", "message"))
    for _ in range(2):
        connection = SharedConnection(stage)
        for form, channels in (("event", ["news"]), ("lines", ["private-orders"]), ("message", ["news", CHURNED[1]]),
                               ("event", ["presence-room"])):  # fmt: skip
            readers.append(MultiplexedReader(stage, stage.oracle, channels, form=form, connection=connection))
    return readers


def look_after(stage, readers):
    """No reader is far behind the others, and the others go on."""
    now = time.monotonic()
    for reader in readers:
        if not reader.is_open or now - reader.opened_at < PATIENCE_SECONDS:
            continue
        for channel in reader.channels:
            ledger = reader.oracle.ledger(channel)
            due = [number for at, number in ledger.seen if at < now - PATIENCE_SECONDS]
            if due and reader.is_behind(channel, due[-1]):
                reader.oracle.violate(f"{reader}: at {reader.account.positions[channel].number}, others have {due[-1]}")
                reader.leave()
                break
    for name, oracle in (("news", stage.oracle), ("private-orders", stage.oracle)):
        ledger = oracle.ledger(name)
        if now - ledger.moved > STANDSTILL_SECONDS:
            oracle.violate(f"nothing of {name} for {STANDSTILL_SECONDS} s: {stage.daemon.connection()}")
            ledger.moved = now


class Soak:
    def __init__(self, seconds, seed):
        self.seconds = seconds
        self.stage = Stage(seed)
        self.samples = []
        self.rests = []
        self.actors = []
        self.sloths = []
        self.readers = []

    def run(self):
        stage = self.stage
        for prefix in ("", "/apps/odd"):
            stage.daemon.wait_for_state("connected", prefix=prefix, seconds=30)
        poll(lambda: metric(stage.daemon, 'apinatord_channels{app="main"}') == len(STABLE))
        time.sleep(min(2.0, self.seconds / 10))
        self.first = Sample(0, 0, stage.daemon.pid)
        self.first_descriptors = self._descriptors()
        self.readers = make_readers(stage)
        self.sloths = [Sloth(stage, path) for path in
                       ("/channels/news/events", "/events", "/apps/odd/channels/news/events?since=1h")]  # fmt: skip
        weights = STABLE | dict.fromkeys(CHURNED, 1)
        self.faults = Faults(stage, self.seconds)
        self.publisher = Publisher(stage, weights, rate=120, burst=800)
        self.actors = [self.publisher, Callers(stage, CHURNED), Members(stage, "members"), stage.odd, self.faults]
        for actor in self.actors:
            actor.start()
        self._turn_until(self.seconds)
        self._settle()

    def _turn_until(self, seconds):
        stage, started = self.stage, time.monotonic()
        next_sample = next_line = started
        every = seconds * (1 - WARM_UP) / RESTS
        next_rest = started + seconds * WARM_UP if every > 2 * SETTLING_SECONDS else started + 2 * seconds
        while (now := time.monotonic()) < started + seconds:
            stage.loop.turn(0.03)
            for reader in (*self.readers, *self.sloths):
                reader.tick(now)
            if now >= next_sample:
                next_sample = now + 1
                look_after(stage, self.readers)
                if stage.restarted is not None:
                    with contextlib.suppress(OSError, StopIteration):
                        self.samples.append(Sample(now - started, stage.restarts, stage.daemon.pid))
                    if stage.daemon.process.poll() is not None and not stage.is_restarting:
                        raise SystemExit(f"the daemon ended: {stage.daemon.process.poll()}\n{stage.daemon.log[-4000:]}")
            if now >= next_rest:
                next_rest = now + every
                self._rest(now - started)
            if now >= next_line:
                next_line = now + 60
                self._say(now - started)

    def _rest(self, seconds):
        """What the process holds once no burst and no slow reader is under way."""
        stage = self.stage
        for sloth in self.sloths:
            sloth.close()
            sloth.until = time.monotonic() + SETTLING_SECONDS
        stage.is_level.clear()
        stage.rest.set()
        end, settled = time.monotonic() + 30, None
        while (now := time.monotonic()) < (settled or end):
            stage.loop.turn(0.03)
            for reader in self.readers:
                if reader.is_open and reader.is_stalled:
                    reader.go_on()
                reader.tick(now)
            if stage.is_level.is_set() and settled is None:
                settled = now + SETTLING_SECONDS
        if settled:
            self.rests.append(Sample(seconds, stage.restarts, stage.daemon.pid))
        stage.rest.clear()

    def _say(self, seconds):
        last = self.samples[-1] if self.samples else self.first
        print(
            f"{seconds / 60:5.1f} min  events {self.publisher.counts['events']}  delivered "
            f"{self.stage.oracle.deliveries + self.stage.odd_oracle.deliveries}  RSS {last.rss_kib} KiB  descriptors "
            f"{last.descriptors}  violations {len(self.violations)}", flush=True)  # fmt: skip

    @property
    def violations(self):
        return self.stage.oracle.violations + self.stage.odd_oracle.violations

    def _settle(self):
        """The last events reach everybody, and then everybody leaves."""
        stage = self.stage
        stage.odd.is_good = True
        for actor in self.actors:
            if actor is not stage.odd:
                actor.ending.set()
                actor.join(30)
        stage.daemon.configuration.write_text(stage.configuration())
        stage.daemon.signal(signal.SIGHUP)
        for prefix in ("", "/apps/odd"):
            stage.daemon.post(f"{prefix}/connection/connect")
            stage.daemon.wait_for_state("connected", prefix=prefix, seconds=40)
        self._await_last_events()
        stage.odd.ending.set()
        stage.odd.join(30)
        for reader in self.readers:
            if reader.is_open:
                reader.leave()
        for reader in self.sloths:
            reader.close()
        for channel in CHURNED:
            stage.daemon.delete(f"/channels/{channel}?force=true")
        poll(lambda: metric(stage.daemon, 'apinatord_streams{app="main"}') == 0, 20, "no stream is left")
        poll(lambda: metric(stage.daemon, 'apinatord_channels{app="main"}') == len(STABLE), 20)
        end = time.monotonic() + 20
        while True:
            time.sleep(SETTLING_SECONDS if self.seconds > 60 else 2)
            self.last = Sample(self.seconds, stage.restarts, stage.daemon.pid)
            self.last_descriptors = self._descriptors()
            if len(self.last_descriptors[1]) <= len(self.first_descriptors[1]) or time.monotonic() > end:
                break
        stage.count()

    def _descriptors(self):
        stage = self.stage
        servers = {stage.upstream_port, stage.odd.upstream.port, stage.odd.endpoint.server.server_port}
        return descriptors(stage.daemon.pid, servers)

    def _await_last_events(self):
        """One more event of each channel, until all who are there have it."""
        stage = self.stage
        names = [name for name in (*STABLE, *CHURNED) if not name.startswith("cache-")]
        now = time.monotonic()
        for reader in self.readers:
            reader.until, reader.away_until, reader.left = now + 1e6, min(reader.away_until, now), 1 << 60
            if reader.is_stalled:
                reader.go_on()
                reader.until = now + 1e6
        deadline = now + 60
        while time.monotonic() < deadline:
            numbers = {}
            with contextlib.suppress(OSError, EOFError):
                self.publisher.publish(names)
            for oracle, channels in ((stage.oracle, names), (stage.odd_oracle, OddApp.CHANNELS)):
                for channel in channels:
                    numbers[oracle, channel] = oracle.ledger(channel).count - 1
            end = time.monotonic() + 8
            while time.monotonic() < end:
                stage.loop.turn(0.03)
                for reader in self.readers:
                    reader.tick(time.monotonic())
                    reader.left = 1 << 60
                    reader.until = now + 1e6
                late = [r for r in self.readers for channel in r.channels
                        if not r.is_open or r.is_behind(channel, numbers[r.oracle, channel])]  # fmt: skip
                if not late:
                    self.publisher.close()
                    return
        stage.oracle.violate(f"the last events did not reach {late[:5]}")

    def report(self):
        stage = self.stage
        events = stage.oracle.events + stage.odd_oracle.events
        life = [s for s in self.rests if s.life == stage.restarts]
        points = [(s.seconds, s.rss_kib * 1024) for s in life]
        fit = theil_sen(points)
        window = points[-1][0] - points[0][0] if len(points) > 1 else 0
        kinds = Counter()
        for actor in self.actors:
            for what, count in actor.counts.items():
                kinds[f"{actor.name}: {what}"] += count
        gaps = stage.oracle.gaps + stage.odd_oracle.gaps
        connections = sum(r.connects for r in self.readers)
        print(f"\n{self.seconds / 60:.1f} minutes, seed {stage.seed}, binary {BINARY}")
        print(f"events published        {events}")
        print(f"delivered and checked   {stage.oracle.deliveries + stage.odd_oracle.deliveries}")
        print(f"streams of readers      {connections}, {sum(r.cuts for r in self.readers)} left in a frame, "
              f"{sum(s.count for s in self.sloths)} that never read")
        print(f"gaps told to readers    {dict(gaps)}; {stage.oracle.lost_announced + stage.odd_oracle.lost_announced} "
              "times a missing event was covered by one")
        print(f"streams the bridge shut {dict(stage.dropped)}, {len(stage.unexplained)} of readers' that had no room for a word")
        print(f"what happened           {dict(sorted(kinds.items()))}")
        print(f"lives of the daemon     {stage.restarts + 1}; processor {stage.cpu:.1f} s, "
              f"{100 * stage.cpu / self.seconds:.1f} % of one core; harness {sum(os.times()[:2]):.0f} s")
        (kept_first, first), (kept_last, last) = self.first_descriptors, self.last_descriptors
        print(f"descriptors             {len(first)} at first, {len(last)} at rest at the end, besides {len(kept_first)} "
              f"and {len(kept_last)} kept to servers; at most {max(s.descriptors for s in self.samples)}")
        print(f"RSS                     {self.first.rss_kib} KiB at first, {self.last.rss_kib} KiB at rest at the end, "
              f"at most {max(s.rss_kib for s in self.samples)} KiB")
        if len(stage.unexplained) > sum(stage.dropped.values()):
            stage.oracle.violate(f"ends that nothing explains: {stage.unexplained[-10:]}")
        failures = [f"{len(self.violations)} violations"] if self.violations else []
        if len(last) > len(first) or len(kept_last) > KEPT_CONNECTIONS_MAX:
            failures.append("descriptors are left")
            print(f"at first {first} {kept_first}\nat the end {last} {kept_last}")
        if (self.last.rss_kib - self.first.rss_kib) * 1024 > REST_BYTES_MAX:
            failures.append("memory at rest is far from where it was")
        if fit:
            slope, low, high = (value * 3600 for value in fit)
            print(f"RSS slope (Theil–Sen)   {slope:+.0f} bytes an hour (90 %: {low:+.0f} … {high:+.0f}), "
                  f"over {len(points)} rests in {window:.0f} s of one life: {[s.rss_kib for s in life]} KiB")
            if len(points) > 5 and low > SLOPE_BYTES_MAX and slope * window / 3600 > GROWTH_BYTES_MAX:
                failures.append("memory grows")
        print(f"lost and not told       {len(self.violations)}")
        print(f"verdict                 {'FAILED: ' + '; '.join(failures) if failures else 'passed'}", flush=True)
        return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(prog="Tests/Soak/run", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = secrets.randbits(32) if options.seed is None else options.seed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(f"seed {seed}", flush=True)
    soak = Soak(options.seconds or options.minutes * 60, seed)
    status = 1
    try:
        soak.run()
        status = soak.report()
    except BaseException:
        print(soak.stage.daemon.log[-6000:], file=sys.stderr)
        raise
    finally:
        for actor in soak.actors:
            actor.ending.set()
        for actor in soak.actors:
            if actor.is_alive():
                actor.join(20)
        ended = soak.stage.close()
    if ended != 0:
        print(f"SIGTERM at the end: {ended}\n{soak.stage.daemon.log[-3000:]}")
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
