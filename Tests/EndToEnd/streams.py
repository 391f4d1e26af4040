"""A stream of events read from a plain socket, so that every byte of it can be looked at."""

import json
import socket
import time
from dataclasses import dataclass

from deadline import SECONDS


class Ended(Exception):
    """The stream is over."""


@dataclass
class Frame:
    """One dispatched event, by the rules of the WHATWG EventSource text."""

    event: str | None = None
    data: str | None = None
    id: str | None = None
    retry: str | None = None
    fields: tuple = ()

    @property
    def json(self):
        return json.loads(self.data)


class Stream:
    """One GET whose answer does not end. Reading never waits longer than a deadline."""

    def __init__(self, address, path, headers=(), version="1.1"):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(SECONDS)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, SECONDS)
        self.bytes = b""  # not decoded yet
        self.body = b""  # decoded, whole
        self.wire = b""  # as it came, after the head
        self.is_over = False  # the end was seen
        self.was_cut = False  # … in the middle of a chunked body
        self.comments = []
        self.seen = []
        self._parsed = 0
        fields = dict(headers)
        fields.setdefault("Host", "localhost")
        head = f"GET {path} HTTP/{version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields.items()) + "\r\n"
        self.socket.sendall(head.encode())
        self._read_head()

    def _read_head(self):
        end = time.monotonic() + SECONDS
        while b"\r\n\r\n" not in self.bytes:
            if not self._receive(end):
                raise Ended(f"no head: {self.bytes!r}")
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        self.wire = self.bytes
        lines = head.decode().split("\r\n")
        self.protocol, status, _ = (lines[0] + " ").split(" ", 2)
        self.status = int(status)
        self.headers = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.is_chunked = self.headers.get("transfer-encoding") == "chunked"
        self._decode()

    def _receive(self, end):
        """Some more bytes; false at the end of the file."""
        rest = end - time.monotonic()
        if rest <= 0:
            raise TimeoutError(f"nothing more came; so far: {self.body!r}")
        self.socket.settimeout(rest)
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.bytes += data
        self.wire += data
        return bool(data)

    def _decode(self):
        if not self.is_chunked:
            self.body += self.bytes
            self.bytes = b""
            if (length := self.headers.get("content-length")) and len(self.body) >= int(length):
                self.is_over = True
            return
        while not self.is_over and b"\r\n" in self.bytes:
            size_line, rest = self.bytes.split(b"\r\n", 1)
            size = int(size_line, 16)
            if len(rest) < size + 2:
                return
            assert rest[size : size + 2] == b"\r\n", f"a chunk does not end where it should: {rest[: size + 2]!r}"
            self.body += rest[:size]
            self.bytes = rest[size + 2 :]
            if size == 0:
                self.is_over = True

    def _more(self, end):
        if self.is_over:
            raise Ended
        if not self._receive(end):
            self.was_cut = self.is_chunked
            self.is_over = True
            raise Ended
        self._decode()

    def text(self, seconds=SECONDS):
        """The whole body, once it has ended."""
        end = time.monotonic() + seconds
        try:
            while True:
                self._more(end)
        except Ended:
            return self.body.decode()

    # Server-sent events

    def next(self, seconds=SECONDS):
        """The next frame with any field."""
        end = time.monotonic() + seconds
        while True:
            while (stop := self.body.find(b"\n\n", self._parsed)) >= 0:
                block = self.body[self._parsed : stop].decode()
                self._parsed = stop + 2
                frame = self._frame(block)
                if frame.fields:
                    self.seen.append(frame)
                    return frame
            self._more(end)

    def _frame(self, block):
        frame, data, fields = Frame(), [], []
        for line in block.split("\n"):
            assert "\r" not in line, f"a line of a frame contains CR: {line!r}"
            if line.startswith(":"):
                self.comments.append(line)
                continue
            if not line:
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields.append(name)
            if name == "data":
                data.append(value)
            else:
                assert name in ("event", "id", "retry"), f"what is the field {name!r}?"
                setattr(frame, name, value)
        frame.fields = tuple(fields)
        if data:
            frame.data = "\n".join(data)
        return frame

    def until(self, event, seconds=SECONDS):
        """The next frame called `event`; those before it are passed over."""
        end = time.monotonic() + seconds
        passed = []
        while True:
            try:
                frame = self.next(end - time.monotonic())
            except (Ended, TimeoutError) as error:
                raise AssertionError(f"no {event} ({error!r}); there was {passed}") from error
            if frame.event == event:
                return frame
            passed.append(frame)

    def rest(self, seconds=SECONDS):
        """Every frame until the stream ends."""
        end = time.monotonic() + seconds
        frames = []
        try:
            while True:
                frames.append(self.next(end - time.monotonic()))
        except Ended:
            return frames

    # NDJSON

    def line(self, seconds=SECONDS):
        """The next line."""
        end = time.monotonic() + seconds
        while (stop := self.body.find(b"\n", self._parsed)) < 0:
            self._more(end)
        line = self.body[self._parsed : stop].decode()
        self._parsed = stop + 1
        return line

    def wait_for_end(self, seconds=SECONDS):
        self.text(seconds)
        return self

    def close(self):
        self.socket.close()
