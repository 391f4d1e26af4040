"""What was published, and whether each reader got each event once, in order, or was told that it may have missed it."""

import threading
import time
from array import array
from collections import Counter, deque

UNKNOWN = 0
# Reasons of a gap whose events nobody has: who got one of them all the same shows that the gap was not true.
LOST_TO_ALL = {"upstream_reconnect", "too_large", "unsubscribed"}
PAYLOAD_FIRST = b'{"n":'


class ChannelLedger:
    """The events of one channel are numbered from 0; every reader has to see them under the same ids."""

    def __init__(self):
        self.count = 0
        self.ids = array("q")  # the sequence of the id under which somebody got it
        self.is_sure = bytearray()  # whether the upstream said that it was published
        self.is_lost = bytearray()  # somebody was told that it is lost to all
        self.seen = deque()  # when somebody first got the newest, and its number
        self.newest = -1
        self.moved = time.monotonic()


class Oracle:
    """Thread-safe where the publisher calls it; readers run in one thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self.channels = {}
        self.violations = []
        self.deliveries = 0
        self.gaps = Counter()
        self.lost_announced = 0
        self.epochs = []  # in the order in which they were met: another after a crash

    def place(self, identifier):
        """Where that id lies among all."""
        epoch, _, sequence = identifier.rpartition("-")
        if epoch not in self.epochs:
            self.epochs.append(epoch)
        return self.epochs.index(epoch) << 48 | int(sequence)

    def ledger(self, channel):
        if channel not in self.channels:
            with self._lock:
                self.channels.setdefault(channel, ChannelLedger())
        return self.channels[channel]

    def number(self, channel):
        """The next event's number."""
        ledger = self.ledger(channel)
        with self._lock:
            number = ledger.count
            ledger.count += 1
            ledger.ids.append(UNKNOWN)
            ledger.is_sure.append(0)
            ledger.is_lost.append(0)
        return number

    def published(self, channel, number):
        self.ledger(channel).is_sure[number] = 1

    @property
    def events(self):
        return sum(sum(ledger.is_sure) for ledger in self.channels.values())

    def violate(self, text):
        self.violations.append(text)
        if len(self.violations) <= 20:
            print(f"VIOLATION {text}", flush=True)


class Position:
    """How far one reader is in one channel."""

    def __init__(self):
        self.number = None  # of the last event it got
        self.gaps = []  # told since: their reason, and up to which sequence


class Account:
    """What one reader was given, over all its connections."""

    def __init__(self, oracle, channels):
        self.oracle = oracle
        self.positions = {channel: Position() for channel in channels}
        self.last = None  # the id to resume with
        self.sequence = 0

    def take_id(self, identifier, who):
        if not identifier:
            return 0
        value = self.oracle.place(identifier)
        if value <= self.sequence:
            self.oracle.violate(f"{who}: id {identifier} after {self.last}")
        self.sequence, self.last = value, identifier
        return value

    def gap(self, channel, data):
        self.oracle.gaps[data["reason"]] += 1
        to = self.oracle.place(data["to"]) if "to" in data else None
        for name, position in self.positions.items():
            if channel in (None, "", name) or channel not in self.positions:
                position.gaps.append((data["reason"], to))

    def event(self, channel, number, sequence, who):
        """One published event; `sequence` is the place of its id, 0 for the event of a cache that comes before all else."""
        oracle, position = self.oracle, self.positions.get(channel)
        if position is None:
            return oracle.violate(f"{who}: an event of {channel}")
        ledger = oracle.ledger(channel)
        oracle.deliveries += 1
        if number >= ledger.count:
            return oracle.violate(f"{who}: event {number} of {channel} was never published")
        known = ledger.ids[number]
        if known == UNKNOWN:
            ledger.ids[number] = sequence
            if ledger.is_lost[number]:
                oracle.violate(f"{who}: got {number} of {channel}, which others were told is lost")
        elif known != sequence:
            oracle.violate(f"{who}: {number} of {channel} under {sequence}, others under {known}")
        if position.number is not None:
            if number <= position.number:
                oracle.violate(f"{who}: {number} of {channel} after {position.number}")
            elif number > position.number + 1:
                self._judge(channel, ledger, position, number, who)
        position.number = number
        # Of a stream of several channels some of what came before the end of the gap may still be there to be replayed.
        position.gaps = [(reason, to) for reason, to in position.gaps if to is not None and sequence <= to]
        if number > ledger.newest:
            now = time.monotonic()
            ledger.newest, ledger.moved = number, now
            if not ledger.seen or now - ledger.seen[-1][0] > 0.5:
                ledger.seen.append((now, number))
                while len(ledger.seen) > 240:
                    ledger.seen.popleft()

    def _judge(self, channel, ledger, position, number, who):
        """Whether what is missing before `number` was told."""
        missing = range(position.number + 1, number)
        evicted = [to for reason, to in position.gaps if reason in ("evicted", "unknown_id")]
        for_all = any(reason in LOST_TO_ALL for reason, _ in position.gaps)
        told = for_all or evicted
        silent = [n for n in missing if ledger.is_sure[n] and not told]
        if silent:
            self.oracle.violate(
                f"{who}: {len(silent)} of {channel} from {silent[0]} on are missing before {number}; told {position.gaps}")
            return
        for n in missing:
            if not told:
                continue
            self.oracle.lost_announced += bool(ledger.is_sure[n])
            known = ledger.ids[n]
            if any(to is None or known <= to for to in evicted):
                continue
            if known != UNKNOWN:
                self.oracle.violate(f"{who}: {n} of {channel} has the id {known}, and was not got; {position.gaps}")
            else:
                ledger.is_lost[n] = 1
