"""A daemon, an upstream and a reader that stays whatever happens; what a fault did to it, measured."""

import contextlib
import http.client
import json
import os
import threading
import time
from collections import Counter
from types import SimpleNamespace

from deadline import SECONDS, poll
from faults import FaultyUpstream
from oracle import PAYLOAD_FIRST, Account, Oracle
from processes import IS_MEMORY_JUDGED, Daemon, configuration

CHANNEL, PRIVATE = "news", "private-orders"
# What an allocator and storage that grows by doubling may keep of one fault, with the limits of `LIMITS`.
GROWTH_KIB_MAX = 12 << 10
LIMITS = "kept_bytes = 4194304"
TABLE = os.environ.get("APINATORD_FAULT_TABLE")  # a file that gets a line of JSON for each fault


class Witness(threading.Thread):
    """A reader that was there before the fault: it keeps its account, and comes back with its id when it is cut off."""

    def __init__(self, daemon, oracle, channel=CHANNEL):
        super().__init__(daemon=True)
        self.daemon_port, self.oracle, self.channel = daemon.port, oracle, channel
        self.account = Account(oracle, [channel])
        self.told = Counter()
        self.connects = 0
        self.got = 0
        self.is_subscribed = False
        self.lock = threading.Condition()
        self.ending = False
        self.connection = None
        self.start()

    def run(self):
        while not self.ending:
            with contextlib.suppress(OSError, http.client.HTTPException, AttributeError):  # closed under its feet
                self._read()
            time.sleep(0.02)

    def _read(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", self.daemon_port, timeout=60)
        try:
            headers = {"Host": "localhost"} | ({"Last-Event-ID": self.account.last} if self.account.last else {})
            self.connection.request("GET", f"/channels/{self.channel}/events", headers=headers)
            answer = self.connection.getresponse()
            if answer.status != 200:
                return
            self.connects += 1
            rest = b""
            while data := answer.read1(1 << 17):
                *blocks, rest = (rest + data).split(b"\n\n")
                with self.lock:
                    for block in blocks:
                        self._take(block)
                    self.lock.notify_all()
        finally:
            self.connection.close()

    def _take(self, block):
        fields = {}
        for line in block.split(b"\n"):
            name, _, value = line.partition(b": ")
            if name:
                fields[name] = value
        event = fields.get(b"event", b"").decode()
        identifier, data = fields.get(b"id", b"").decode(), fields.get(b"data", b"")
        sequence = self.account.take_id(identifier, self)
        if event == "step":
            self.got += 1
            self.account.event(self.channel, int(data[len(PAYLOAD_FIRST) : data.index(b",")]), sequence, self)
        elif event == "bridge:gap":
            told = json.loads(data)
            self.told[f"gap {told['reason']}"] += 1
            self.account.gap(self.channel, told)
        elif event == "state_change":
            self.told[json.loads(data)["current"]] += 1
        elif event == "realtime:subscription_succeeded":
            self.is_subscribed = True
        elif event and event != "bridge:open":
            self.told[event] += 1

    def wait_for(self, number, seconds, what="the event"):
        """Until that event, or a later one, has come."""

        def has_come():
            newest = self.account.positions[self.channel].number
            return newest is not None and newest >= number

        with self.lock:
            return self.lock.wait_for(has_come, seconds)

    def close(self):
        self.ending = True
        with contextlib.suppress(AttributeError, OSError):
            self.connection.sock.shutdown(2)
        self.join(5)


class Scene:
    """One daemon connected to one upstream, and its witness. With `publish` another upstream takes part."""

    def __init__(self, start, tmp_path, upstream=None, app="", limits="", top="", rest="", auth=None, replace=(),
                 state=None, **options):  # fmt: skip
        self.start = start
        self.upstream = upstream or FaultyUpstream()
        self.oracle = Oracle()
        secret = tmp_path / "app-secret"
        if not secret.exists():
            secret.write_text("sandbox-secret")
            secret.chmod(0o600)
        app = f'channels = ["{CHANNEL}", "{PRIVATE}"]\n{app}\n'
        app += f'auth_endpoint = "{auth}"' if auth else f'app_secret = {{ file = "{secret}" }}'
        text = configuration(self.upstream, app, f"{LIMITS}\n{limits}", top, rest, auth=False)
        for old, new in replace:
            text = text.replace(old, new)
        self.text, self.options = text, options
        self.daemon = start(Daemon, text, **options)
        self.daemon.wait_for_state("connected")
        self.witness = Witness(self.daemon, self.oracle)
        poll(lambda: self.witness.is_subscribed, what="the witness is there")
        self.channels = (CHANNEL, PRIVATE)
        self.begin_anew()

    def publish(self, count=1, size=0):
        """Publishes as many events and returns the last one's number; they count as published only when they were
        written."""
        numbers = [self.oracle.number(CHANNEL) for _ in range(count)]
        filler = "x" * size
        if isinstance(self.upstream, FaultyUpstream):
            if self.upstream.events("step", [f'{{"n":{n},"s":"{filler}"}}' for n in numbers], CHANNEL):
                for number in numbers:
                    self.oracle.published(CHANNEL, number)
        else:
            for number in numbers:
                with contextlib.suppress(Exception):  # the SDK's own
                    self.upstream.publish(CHANNEL, "step", f'{{"n":{number},"s":"{filler}"}}')
                    self.oracle.published(CHANNEL, number)
        return numbers[-1]

    def arrive(self, number, seconds=SECONDS):
        assert self.witness.wait_for(number, seconds), f"event {number} did not come: {self.daemon.log[-3000:]}"

    def begin_anew(self):
        """A connection that nothing had happened to: its first loss is answered within a second."""
        assert not self.oracle.violations, self.oracle.violations
        self.daemon.post("/connection/disconnect")
        self.daemon.post("/connection/connect")
        self.daemon.wait_for_state("connected")
        for channel in self.channels:
            poll(lambda channel=channel: self.daemon.channel(channel)["subscribed"], what=f"{channel} is subscribed")
        self.arrive(self.publish())

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    @property
    def rss_kib(self):
        return self.daemon.memory_kib()

    @contextlib.contextmanager
    def fault(self, name, within, *, growth_kib=GROWTH_KIB_MAX, silent=False):
        """The fault is what happens inside, and is over at the end, or at the time that is noted in what is yielded. Then service has to be as before. `within` is in
        seconds, and generous: the machine may be busy. A `silent` fault is none that readers may notice."""
        self.begin_anew()
        before = (self.descriptors, self.rss_kib)
        told, connects, announced = Counter(self.witness.told), self.witness.connects, self.oracle.lost_announced
        over = SimpleNamespace(at=None)
        yield over
        recovered = self.recover(within, over.at or time.monotonic())
        after = self._settle(before)
        row = {
            "fault": name,
            "saw": dict(self.witness.told - told) | (
                {"came back": self.witness.connects - connects} if self.witness.connects > connects else {}),
            "seconds": round(recovered, 2),
            "within": within,
            "descriptors": [before[0], after[0]],
            "rss_kib": [before[1], after[1]],
            "lost": len(self.oracle.violations),
            "announced": self.oracle.lost_announced - announced,
        }  # fmt: skip
        print(row)
        if TABLE:
            with open(TABLE, "a") as file:
                file.write(json.dumps(row) + "\n")
        assert not self.oracle.violations, self.oracle.violations
        assert after[0] <= before[0], f"descriptors: {before[0]} before, {after[0]} after"
        assert not IS_MEMORY_JUDGED or after[1] - before[1] <= growth_kib, f"{before[1]} KiB before, {after[1]} KiB after"
        if silent:
            assert not row["saw"], row
        assert self.daemon.process.poll() is None

    def _settle(self, before, seconds=8.0):
        """Descriptors and memory once they are where they were, or after a while."""
        end = time.monotonic() + seconds
        while True:
            now = (self.descriptors, self.rss_kib)
            if now[0] <= before[0] and now[1] - before[1] <= 1024 or time.monotonic() > end:
                return now
            # Memory that the allocator keeps does not come back by itself: descriptors are what is waited for.
            if now[0] <= before[0] and time.monotonic() > end - seconds + 1:
                return now
            time.sleep(0.05)

    def recover(self, within, began):
        """How long it takes until a reader that was there gets a new event; then a new reader gets one, and a client
        event goes through."""
        end = began + within
        while True:
            number = self.publish()
            if self.witness.wait_for(number, 0.1):
                break
            assert time.monotonic() < end, f"no event within {within} s:\n{self.daemon.log[-4000:]}"
        recovered = time.monotonic() - began
        stream = self.daemon.events(CHANNEL)
        try:
            number = self.publish()
            while stream.until("step", max(1.0, end - time.monotonic())).json["n"] < number:
                pass
        finally:
            stream.close()
        self.arrive(number, max(1.0, end - time.monotonic()))
        while (answer := self.daemon.trigger(PRIVATE, "client-hello", {})).status_code != 202:
            assert time.monotonic() < end, f"{answer.status_code} {answer.text}"
            time.sleep(0.05)
        poll(lambda: self.daemon.channel(CHANNEL)["streams"] == 1, what="the new reader has gone")
        return max(recovered, 0.0)

    def restart(self, **options):
        """Another life of the daemon, whose socket outlives it."""
        self.daemon = self.start(Daemon, self.text, **(self.options | options))

    def close(self):
        self.witness.close()
        if isinstance(self.upstream, FaultyUpstream):
            self.upstream.__exit__()
