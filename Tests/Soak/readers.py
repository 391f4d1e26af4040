"""Readers that join, leave in the middle of a frame, stall, resume, and account for what they were given."""

import contextlib
import json
import socket
import struct
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from oracle import PAYLOAD_FIRST, Account

SECONDS = 10.0


class Reader:
    """What all have in common: where to read, how frames are spelled, and the account."""

    def __init__(self, stage, oracle, channels, prefix="", form="event", stalls=False):
        self.stage, self.oracle, self.rng, self.loop = stage, oracle, stage.rng, stage.loop
        self.channels, self.prefix, self.form, self.stalls = channels, prefix, form, stalls
        self.account = Account(oracle, channels)
        self.is_open = False
        self.is_stalled = False
        self.stalled_at = self.opened_at = 0.0
        self.away_until = time.monotonic() + self.rng.random()
        self.connects = self.cuts = self.frames = 0
        self.until = 0.0

    def __repr__(self):
        return f"<{type(self).__name__} {self.form} of {self.prefix}{','.join(self.channels)}>"

    @property
    def target(self):
        query = []
        if self.form == "message":
            query.append("format=message")
        elif self.form == "event" and len(self.channels) > 1:
            raise ValueError("which channel it was is not told")
        if len(self.channels) > 1:
            query += [f"channel={channel}" for channel in self.channels]
            return f"{self.prefix}/events?{'&'.join(query)}"
        return f"{self.prefix}/channels/{self.channels[0]}/events?{'&'.join(query)}"

    @property
    def fields(self):
        fields = {}
        if self.account.last:
            fields["last-event-id"] = self.account.last
        if self.form == "lines":
            fields["accept"] = "application/x-ndjson"
        return fields

    def opened(self):
        self.is_open, self.body, self.farewell, self.is_greeted = True, b"", None, False
        self.connects += 1
        self.opened_at = time.monotonic()
        # Most stay for seconds, some for minutes.
        self.until = self.opened_at + self.rng.expovariate(1 / self.rng.choice([3, 15, 60]))

    def closed(self, by_us):
        """The connection is over."""
        self.is_open = False
        self.cuts += by_us and bool(self.body)
        now = time.monotonic()
        was_slow = self.is_stalled or now - self.stalled_at < 10
        if not by_us and not self.farewell and not was_slow and not self.stage.is_restarting:
            # A burst may be more than its budget, and no room left to say so: such ends are counted on both sides.
            self.stage.unexplained.append(f"{self}: ended after {now - self.opened_at:.1f} s, {len(self.body)} B left over")
        self.is_stalled = False
        self.away_until = now + self.rng.choice([0, self.rng.random(), self.rng.random() * 12])

    # Frames

    def feed(self, data):
        self.body += data
        end = b"\n" if self.form == "lines" else b"\n\n"
        *whole, self.body = self.body.split(end)
        for block in whole:
            if not block or block[:1] == b":":
                continue
            self.frames += 1
            if self.form == "event":
                self._take_block(block)
            else:
                self._take_message(block)

    def _take_block(self, block):
        event = data = identifier = None
        for line in block.split(b"\n"):
            name, _, value = line.partition(b": ")
            if name == b"event":
                event = value.decode()
            elif name == b"data":
                data = value
            elif name == b"id":
                identifier = value.decode()
            elif name != b"retry" and line[:1] != b":":
                self.oracle.violate(f"{self}: what is {line[:100]!r}?")
        if event is not None:
            self._take(self.channels[0], event, data or b"", identifier)

    def _take_message(self, block):
        for line in block.split(b"\n"):
            line = line.removeprefix(b"data: ")
            if line[:1] == b"{":
                members = json.loads(line)
                data = json.dumps(members["data"], separators=(",", ":")).encode()
                self._take(members.get("channel"), members["event"], data, members.get("id"))

    def _take(self, channel, event, data, identifier):
        if (event == "bridge:open") == self.is_greeted:
            self.oracle.violate(f"{self}: {event} where it should not be")
        self.is_greeted = True
        account = self.account
        if event == "step" and data.startswith(PAYLOAD_FIRST):
            sequence = account.take_id(identifier, self)
            account.event(channel, int(data[len(PAYLOAD_FIRST) : data.index(b",")]), sequence, self)
            return
        account.take_id(identifier, self)
        if event == "bridge:gap":
            told = json.loads(data)
            account.gap(channel, told)
            if told["reason"] == "slow_consumer":
                self.farewell = event
        elif event == "bridge:unsubscribed" and len(self.channels) > 1:
            # A stream of several channels goes on without this one, which may come back.
            account.gap(channel, {"reason": "unsubscribed"})
        elif event in ("bridge:shutdown", "bridge:unsubscribed"):
            self.farewell = event

    # Time

    def tick(self, now):
        if not self.is_open:
            if now >= self.away_until:
                self.connect()
        elif self.is_stalled:
            if now - self.stalled_at > self.stall_seconds:
                self.go_on()
        elif now > self.until:
            if self.stalls and self.rng.random() < 0.7:
                self.stall(now)
            else:
                self.leave()

    def stall(self, now):
        self.leave()

    def go_on(self):
        self.is_stalled = False

    def is_behind(self, channel, number):
        """Whether it has been there long enough to have got that event, and has not."""
        position = self.account.positions[channel].number
        return self.is_open and not self.is_stalled and (position is None or position < number)


class PlainReader(Reader):
    """One connection of HTTP/1.1 a stream."""

    def connect(self):
        self.socket = socket.socket()
        if self.stalls:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.settimeout(SECONDS)
        head = f"GET {self.target} HTTP/1.1\r\nHost: localhost\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.fields.items()) + "\r\n"
        try:
            self.socket.connect(self.stage.address)
            self.socket.sendall(head.encode())
        except OSError as error:
            self.socket.close()
            self.away_until = time.monotonic() + 1
            if not self.stage.is_restarting:
                self.oracle.violate(f"{self}: {error!r}")
            return
        self.socket.setblocking(False)
        self.raw, self.has_head = b"", False
        # In bytes, so that it leaves anywhere in a frame.
        self.left = int(self.rng.expovariate(1 / 300_000)) + 1
        self.opened()
        self.loop.watch(self.socket, self._ready)

    def _ready(self):
        try:
            data = self.socket.recv(min(1 << 16, self.left))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(by_us=False)
            return
        self.left -= len(data)
        self.raw += data
        if not self.has_head:
            self._take_head()
        if self.has_head and self._take_chunks():
            self._close(by_us=False)
        elif self.is_open and self.left <= 0:
            self.leave()

    def _take_head(self):
        head, found, rest = self.raw.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 200 "):
            self.oracle.violate(f"{self}: {head[:100]!r} {rest[:300]!r}")
            self.leave()
            return
        self.raw, self.has_head = rest, True

    def _take_chunks(self):
        """Whether that was the last one."""
        while True:
            line, found, rest = self.raw.partition(b"\r\n")
            if not found or len(rest) < (size := int(line, 16)) + 2:
                return False
            if size == 0:
                return True
            self.raw = rest[size + 2 :]
            self.feed(rest[:size])

    def stall(self, now):
        self.is_stalled, self.stalled_at, self.stall_seconds = True, now, self.rng.random() * 20
        self.loop.forget(self.socket)

    def go_on(self):
        # The end may be among what it finds: it counts as slow for a while.
        self.is_stalled, self.stalled_at = False, time.monotonic()
        self.until = self.stalled_at + self.rng.random() * 5
        self.loop.watch(self.socket, self._ready)

    def leave(self):
        how = self.rng.choice(["close", "reset", "shutdown"])
        with contextlib.suppress(OSError):
            if how == "reset":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif how == "shutdown":
                self.socket.shutdown(socket.SHUT_WR)
        self._close(by_us=True)

    def _close(self, by_us):
        self.loop.forget(self.socket)
        self.socket.close()
        self.cuts += by_us and bool(self.raw)
        self.closed(by_us)


class SharedConnection:
    """One connection of HTTP/2 for several readers."""

    def __init__(self, stage):
        self.stage, self.loop = stage, stage.loop
        self.readers = {}  # by stream
        self.socket = None
        self.connects = 0

    def request(self, reader):
        if self.socket is None:
            self._connect()
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", "GET"), (":scheme", "http"), (":path", reader.target), (":authority", "localhost")]
        self.h2.send_headers(stream, head + list(reader.fields.items()), end_stream=True)
        self.readers[stream] = reader
        self._flush()
        return stream

    def _connect(self):
        self.socket = socket.create_connection(self.stage.address, SECONDS)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 20)
        self.connects += 1
        self.is_going_away = False
        self.loop.watch(self.socket, self._ready)

    def _flush(self):
        if data := self.h2.data_to_send():
            self.socket.settimeout(SECONDS)
            self.socket.sendall(data)
            self.socket.setblocking(False)

    def _ready(self):
        try:
            self.socket.setblocking(False)
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            if not data:
                return self.close(by_us=False)
            for event in self.h2.receive_data(data):
                self._take(event)
            self._flush()
        except h2.exceptions.ProtocolError as error:
            # This library takes a GOAWAY for the end of the streams that are under way, too.
            if not self.is_going_away and not self.stage.is_restarting:
                self.stage.oracle.violate(f"HTTP/2: {error!r}")
            self.close(by_us=True)
        except OSError:
            self.close(by_us=False)

    def _take(self, event):
        stream = getattr(event, "stream_id", None)
        reader = self.readers.get(stream)
        if isinstance(event, h2.events.ConnectionTerminated):
            self.is_going_away = True
            if event.error_code:
                self.stage.oracle.violate(f"HTTP/2: GOAWAY {event.error_code}")
        elif isinstance(event, h2.events.DataReceived):
            if event.flow_controlled_length:
                with contextlib.suppress(h2.exceptions.ProtocolError):  # it has ended in the same bytes
                    self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
            if reader:
                reader.feed(event.data)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)) and reader:
            del self.readers[stream]
            reader.closed(by_us=False)
        elif isinstance(event, h2.events.ResponseReceived) and reader:
            if dict(event.headers)[":status"] != "200":
                reader.oracle.violate(f"{reader}: {event.headers}")

    def end(self, stream, reader):
        """One reader leaves; now and then all of them at once, in the middle of whatever there was."""
        if self.stage.rng.random() < 0.2:
            return self.close(by_us=True)
        del self.readers[stream]
        try:
            self.h2.reset_stream(stream, 8)
            self._flush()
        except (OSError, h2.exceptions.ProtocolError):
            self.close(by_us=False)
        reader.closed(by_us=True)

    def close(self, by_us):
        if self.socket is None:
            return
        self.loop.forget(self.socket)
        self.socket.close()
        self.socket = None
        readers, self.readers = self.readers, {}
        for reader in readers.values():
            reader.closed(by_us)


class MultiplexedReader(Reader):
    """A stream of a shared connection."""

    def __init__(self, *arguments, connection, **options):
        super().__init__(*arguments, **options)
        self.connection = connection

    def connect(self):
        self.opened()
        try:
            self.stream = self.connection.request(self)
        except (OSError, h2.exceptions.ProtocolError):
            self.connection.close(by_us=True)
            self.is_open = False
            self.away_until = time.monotonic() + 0.5

    def leave(self):
        self.connection.end(self.stream, self)


class Sloth:
    """A reader that never reads; the bridge has to get rid of it, or it goes after a while."""

    def __init__(self, stage, path):
        self.stage, self.path = stage, path
        self.socket = None
        self.until = time.monotonic() + 2
        self.count = 0

    def tick(self, now):
        if now < self.until:
            return
        self.close()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.settimeout(SECONDS)
        with contextlib.suppress(OSError):
            self.socket.connect(self.stage.address)
            self.socket.sendall(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.count += 1
        self.until = now + 10 + self.stage.rng.random() * 40

    def close(self):
        if self.socket:
            self.socket.close()
