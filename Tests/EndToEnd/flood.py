"""A loop in one thread, an upstream that publishes fast, and readers that come and go."""

import base64
import hashlib
import json
import random
import re
import selectors
import socket
import struct
import time
from collections import deque
from itertools import chain

from deadline import SECONDS

READ_BYTES_MAX = 1 << 16
TICK_SECONDS = 0.002
PENDING_BYTES_MAX = 1 << 18  # what is published waits for the daemon to take it


class Loop:
    """Calls back whoever's socket is ready."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self._ticked = time.monotonic()

    def watch(self, sock, callback, write=False):
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
        try:
            self.selector.modify(sock, interest, callback)
        except KeyError:
            self.selector.register(sock, interest, callback)

    def forget(self, sock):
        try:
            self.selector.unregister(sock)
        except KeyError:
            pass

    def turn(self, seconds=0.01):
        """Whether it is time for readers to come and go: turns alone may be too fast for the daemon to follow."""
        for key, _ in self.selector.select(seconds):
            # Its callback may have gone while another one ran.
            if self.selector.get_map().get(key.fd) is key:
                key.data()
        is_due = time.monotonic() - self._ticked > TICK_SECONDS
        if is_due:
            self._ticked = time.monotonic()
        return is_due

    def until(self, condition, seconds=SECONDS, what=None):
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            self.turn()
        return value


class FastUpstream:
    """A server that speaks just enough of the protocol, and writes many events at a time."""

    def __init__(self, loop, snapshots=None):
        self.loop = loop
        self.snapshots = snapshots or {}  # the data of a channel's confirmation, where it is not {}
        self.subscribed = set()
        self.connections = 0
        self.socket = None
        self._input = b""
        self._output = bytearray()
        self._established = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        port = self.listener.getsockname()[1]
        self.url, self.http = f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{port}"
        loop.watch(self.listener, self._accept)

    @property
    def pending(self):
        """How many bytes the daemon has not taken yet."""
        return len(self._output)

    def _accept(self):
        try:
            accepted, _ = self.listener.accept()
        except BlockingIOError:
            return
        if self.socket:
            # Another life of the daemon is there before the end of the one before was read.
            self._drop()
        self.socket = accepted
        self.socket.setblocking(False)
        self._input, self._output, self._established = b"", bytearray(), False
        self.subscribed = set()
        self.loop.watch(self.socket, self._ready)

    def _ready(self):
        try:
            data = self.socket.recv(READ_BYTES_MAX)
        except BlockingIOError:
            return self._flush()
        except ConnectionResetError:
            data = b""
        if not data:
            return self._drop()
        self._input += data
        if not self._established:
            self._shake_hands()
        if self._established:
            self._read_frames()
        self._flush()

    def _shake_hands(self):
        if b"\r\n\r\n" not in self._input:
            return
        head, self._input = self._input.split(b"\r\n\r\n", 1)
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head).group(1)
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self._output += (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._established = True
        self.connections += 1
        data = json.dumps({"socket_id": f"{self.connections}.1", "activity_timeout": 120})
        self._output += text_frame(message("realtime:connection_established", data))

    def _read_frames(self):
        while len(self._input) >= 6:
            first, second = self._input[0], self._input[1] & 127
            start = 2
            if second == 126:
                second, start = int.from_bytes(self._input[2:4]), 4
            if len(self._input) < start + 4 + second:
                return
            mask = self._input[start : start + 4]
            payload = self._input[start + 4 : start + 4 + second]
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            self._input = self._input[start + 4 + second :]
            if first & 15 == 1:
                self._answer(json.loads(payload))

    def _answer(self, received):
        if received["event"] == "realtime:subscribe":
            channel = json.loads(received["data"])["channel"]
            self.subscribed.add(channel)
            data = self.snapshots.get(channel, "{}")
            data = data() if callable(data) else data
            self._output += text_frame(message("realtime:subscription_succeeded", data, channel))

    def publish(self, frames):
        """Sends frames that :func:`text_frame` made."""
        self._output += b"".join(frames)
        self._flush()

    def _flush(self):
        if self._output:
            try:
                sent = self.socket.send(self._output)
            except BlockingIOError:
                sent = 0
            del self._output[:sent]
        self.loop.watch(self.socket, self._ready, write=bool(self._output))

    def close(self, code):
        """Ends the connection with a close frame, once everything before it is sent."""
        self._output += bytes([0x88, 2]) + struct.pack("!H", code)
        self._flush()

    def _drop(self):
        self.loop.forget(self.socket)
        self.socket.close()
        self.socket, self.subscribed = None, set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.forget(self.listener)
        self.listener.close()
        if self.socket:
            self._drop()


def message(event, data, channel=None):
    """A message as the server spells it; its data is text within text."""
    fields = {"event": event, "data": data}
    return json.dumps(fields | ({"channel": channel} if channel else {})).encode()


def text_frame(text):
    """A WebSocket frame of a server (RFC 6455 §5.2)."""
    if len(text) < 126:
        return bytes([0x81, len(text)]) + text
    if len(text) < 1 << 16:
        return bytes([0x81, 126]) + struct.pack("!H", len(text)) + text
    return bytes([0x81, 127]) + struct.pack("!Q", len(text)) + text


class Published:
    """The events of a test, made beforehand: their frames, and what number each payload has."""

    NAMES = ("even", "odd")

    def __init__(self, counts, rng, bytes_mean=200):
        self.frames, self.numbers, self.channels, self.names = [], {}, [], []
        order = [channel for channel, count in counts.items() for _ in range(count)]
        rng.shuffle(order)
        filler = "abcdefghijklmnopqrstuvwxyz" * (bytes_mean // 8)
        for channel in order:
            self.add(channel, filler[: rng.randrange(bytes_mean // 2, bytes_mean * 3 // 2)])

    def add(self, channel, filler="", name=None):
        """One more event; returns its frame."""
        number = len(self.frames)
        name = name or self.NAMES[number % 2]
        payload = f'{{"n":{number},"s":"{filler}"}}'
        frame = text_frame(message(name, payload, channel))
        self.frames.append(frame)
        self.numbers[payload.encode()] = number
        self.channels.append(channel)
        self.names.append(name)
        return frame

    def wanted(self, channels, name=None):
        """The numbers that a reader of those channels and this name gets."""
        return [
            number
            for number in range(len(self.frames))
            if self.channels[number] in channels and (not name or self.names[number] == name)
        ]


EVENT = re.compile(rb"(?:retry: \d+\n)?(?:id: (\S+)\n)?event: (\S+)\ndata: (.*)")
MESSAGE = re.compile(rb'(?:retry: \d+\n)?(?:id: \S+\n)?(?:data: )?(\{"app":.*\})')

# Many published events at once: what is between the groups is the same for each of them.
EVENTS = re.compile(rb"id: (\S+)\nevent: (\S+)\ndata: (\{\"n\".*)\n\n")
MESSAGES = re.compile(
    rb'id: (\S+)\ndata: \{"app":"main","channel":"([^"]*)","event":"([^"]*)","data":(\{"n"[^}]*\}),"id":"(\S+)"\}\n\n'
)
LINES = re.compile(rb'\{"app":"main","channel":"([^"]*)","event":"([^"]*)","data":(\{"n"[^}]*\}),"id":"(\S+)"\}\n')
FORMS = {
    # A pattern, how long the rest of a match is, which groups are the payload and the id, and what ends a frame.
    "event": (EVENTS, len(b"id: \nevent: \ndata: \n\n"), 2, 0, b"\n\n"),
    "message": (
        MESSAGES, len(b'id: \ndata: {"app":"main","channel":"","event":"","data":,"id":""}\n\n'), 3, 4, b"\n\n"),
    "lines": (LINES, len(b'{"app":"main","channel":"","event":"","data":,"id":""}\n'), 2, 3, b"\n"),
}  # fmt: skip


class Reader:
    """A client that keeps the id of the last whole frame it got, leaves at some byte and comes back with that id."""

    def __init__(self, loop, address, channels, published, last, rng, form="event", version="1.1", name=None,
                 everything=False, mean_bytes=300_000, receive_buffer=None):  # fmt: skip
        self.loop, self.address, self.published, self.last, self.rng = loop, address, published, last, rng
        self.channels, self.form, self.version, self.name = channels, form, version, name
        self.everything, self.mean_bytes, self.receive_buffer = everything, mean_bytes, receive_buffer
        self.got = []  # numbers of events
        self.ids = []  # … and their ids
        self.told = []  # what else came: how many events had come before it, its name, its data, its id
        self.connects = self.cuts_in_frame = 0
        self.may_leave = True
        self.is_stalled = False
        self.has_ended = False
        self.socket = None
        self._away = 0
        self.connect()

    def __repr__(self):
        kind = f"{self.form} HTTP/{self.version} {self.name or 'all'} of {','.join(self.channels)}"
        return f"<reader of {kind}, {len(self.got)} events, {self.connects} connections>"

    # Coming and going

    def connect(self):
        fields = {"Host": "localhost"}
        query = []
        if self.rng.random() < 0.5:
            fields["Last-Event-ID"] = self.last
            if self.rng.random() < 0.2:
                query.append("last_event_id=nonsense")  # the header wins
        else:
            query.append(f"last_event_id={self.last}")
        if self.name:
            query.append(f"event={self.name if self.rng.random() < 0.5 else self.name[:-1] + '*'}")
        if self.form == "lines":
            fields["Accept"] = "application/x-ndjson"
        else:
            query.append(f"format={self.form}")
        if len(self.channels) > 1 or self.everything:
            query += [] if self.everything else [f"channel={channel}" for channel in self.channels]
            path = "/events"
        else:
            path = f"/channels/{self.channels[0]}/events"
        head = f"GET {path}?{'&'.join(query)} HTTP/{self.version}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        if self.receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self.socket.settimeout(SECONDS)
        self.socket.connect(self.address)
        self.socket.sendall(head.encode())
        self.socket.setblocking(False)
        self._raw = b""  # not yet taken out of its chunks
        self._body = b""  # not yet a whole frame
        self._has_head = self._was_opened = False
        self._left = int(self.rng.expovariate(1 / self.mean_bytes)) if self.mean_bytes else 1 << 62
        self.connects += 1
        self.has_ended = False
        self.loop.watch(self.socket, self._ready)

    def leave(self, away=None):
        self.loop.forget(self.socket)
        self.cuts_in_frame += bool(self._raw or self._body)
        how = self.rng.choice(["close", "reset", "shutdown"])
        if how == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif how == "shutdown":
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # the daemon was faster
        self.socket.close()
        self.socket = None
        self._away = self.rng.randrange(20) if away is None else away

    def tick(self):
        """Some time has passed."""
        if self.socket is None:
            self._away -= 1
            if self._away < 0:
                self.connect()
        elif self.may_leave and self.rng.random() < 0.003:
            self.leave()

    def stall(self):
        self.is_stalled = True
        self.loop.forget(self.socket)

    def go_on(self):
        self.is_stalled = False
        self.loop.watch(self.socket, self._ready)

    # Reading

    def _ready(self):
        try:
            data = self.socket.recv(min(READ_BYTES_MAX, max(1, self._left)) if self.may_leave else READ_BYTES_MAX)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self.has_ended = True
            self.loop.forget(self.socket)
            assert self.is_stalled, f"{self} was cut: {self.told[-3:]}"
            return
        self._left -= len(data)
        self._raw += data
        self._decode()
        if self.may_leave and self._left <= 0:
            self.leave()

    def _decode(self):
        if not self._has_head:
            if b"\r\n\r\n" not in self._raw:
                return
            head, self._raw = self._raw.split(b"\r\n\r\n", 1)
            assert head.startswith(b"HTTP/1.1 200 "), f"{self}: no answer: {head[:200]}"
            assert (b"Transfer-Encoding: chunked" in head) == (self.version == "1.1"), head[:200]
            self._has_head = True
        if self.version == "1.1":
            parts = self._raw.split(b"\r\n")
            # Sizes and chunks by turns; no payload here has a CR. A whole chunk is followed by one more part.
            whole = (len(parts) - 1) // 2
            chunks = parts[1 : 2 * whole : 2]
            sizes = [int(size, 16) for size in parts[0 : 2 * whole : 2]]
            assert sizes == list(map(len, chunks)), f"{self}: chunks are not what their sizes say"
            self._body += b"".join(chunks)
            self._raw = b"\r\n".join(parts[2 * whole :])
        else:
            self._body += self._raw
            self._raw = b""
        pattern, rest, payload, identifier, end = FORMS[self.form]
        stop = self._body.rfind(end) + len(end)
        if stop < len(end):
            return
        whole, self._body = self._body[:stop], self._body[stop:]
        found = pattern.findall(whole)
        if sum(map(len, chain.from_iterable(found))) + rest * len(found) == len(whole):
            self._take([groups[payload] for groups in found], [groups[identifier] for groups in found])
        else:
            self._take_one_by_one(whole.split(end)[:-1])

    def _take_one_by_one(self, frames):
        """Takes frames of which some are no published events."""
        for frame in frames:
            if not frame or frame[:1] == b":":
                continue
            match = (EVENT if self.form == "event" else MESSAGE).fullmatch(frame)
            assert match, f"{self}: what is {frame[:300]!r}?"
            if self.form == "event":
                identifier, event, data = match.groups()
            else:
                members = json.loads(match[1])
                identifier, event = members.get("id", "").encode(), members["event"].encode()
                data = json.dumps(members["data"], separators=(",", ":")).encode()
            if data in self.published.numbers:
                self._take([data], [identifier])
            else:
                self._tell(event.decode(), data.decode(), identifier.decode() if identifier else None)

    def _take(self, payloads, identifiers):
        assert self._was_opened, f"{self}: an event before bridge:open"
        self.got += map(self.published.numbers.__getitem__, payloads)
        self.ids += identifiers
        self.last = identifiers[-1].decode()

    def _tell(self, event, data, identifier):
        assert (event == "bridge:open") != self._was_opened, f"{self}: {event} {data}"
        self._was_opened = True
        if event != "bridge:open":
            self.told.append((len(self.got), event, data, identifier))
        if identifier:
            self.last = identifier

    @property
    def gaps(self):
        """How many events had come before each gap, and what it said."""
        return [(place, json.loads(data), identifier) for place, event, data, identifier in self.told
                if event == "bridge:gap"]  # fmt: skip

    def close(self):
        if self.socket:
            self.loop.forget(self.socket)
            self.socket.close()
            self.socket = None


def move(loop, readers, seconds=0.01):
    """One turn, with readers that come and go; whether they had occasion to."""
    is_due = loop.turn(seconds)
    if is_due:
        for reader in readers:
            reader.tick()
    return is_due


def publish_all(loop, upstream, published, readers, rng, start=0, stop=None, batch_max=400, pause=0):
    """Publishes the events from `start` to `stop` in batches, while readers read, leave and come back; as fast as the
    daemon takes them, or with a `pause` of so many occasions for readers to do so."""
    stop = len(published.frames) if stop is None else stop
    rest = 0
    while start < stop:
        if upstream.pending < PENDING_BYTES_MAX and rest <= 0:
            end = min(stop, start + rng.randrange(1, batch_max))
            upstream.publish(published.frames[start:end])
            start, rest = end, pause
        rest -= move(loop, readers, 0.001 if pause else 0)


def read_until(loop, readers, condition, seconds=100.0):
    """Turns the loop, readers coming and going, until `condition` holds for each of them."""
    waiting = deque(readers)
    end = time.monotonic() + seconds
    while waiting:
        assert time.monotonic() < end, f"not within {seconds} s: {list(waiting)[:3]}"
        move(loop, readers)
        while waiting and condition(waiting[0]):
            waiting.popleft()


def metric(daemon, name):
    """What `/metrics` says under that name and those labels; 0 when it says nothing."""
    for line in daemon.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


def seeded(seed):
    """A generator, whose seed the report of a failed test shows."""
    print(f"seed {seed}; APINATOR_TEST_SEED={seed} repeats it")
    return random.Random(seed)
