"""Requests spelled byte by byte."""

import socket
import time

from deadline import SECONDS


class Connection:
    def __init__(self, daemon, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(SECONDS)
        self.socket.connect(("127.0.0.1", daemon.port))
        self.bytes = b""

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        return self

    def receive(self, seconds=SECONDS):
        """Some more bytes; false at the end."""
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return b""
        self.bytes += data
        return data

    def head(self, seconds=SECONDS):
        """The next head: its status and its fields."""
        end = time.monotonic() + seconds
        while b"\r\n\r\n" not in self.bytes:
            assert time.monotonic() < end, self.bytes
            if not self.receive(max(0.01, end - time.monotonic())):
                raise EOFError(self.bytes)
        head, self.bytes = self.bytes.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        return int(lines[0].split()[1]), fields

    def response(self, has_body=True):
        """The next answer with Content-Length: its status, its fields and its body."""
        status, fields = self.head()
        length = int(fields.get("content-length", 0)) if has_body else 0
        while len(self.bytes) < length:
            if not self.receive():
                raise EOFError(self.bytes)
        body, self.bytes = self.bytes[:length], self.bytes[length:]
        return status, fields, body

    def is_closed(self, seconds=SECONDS):
        """Whether the other end closes without saying anything more."""
        self.bytes = b""
        while self.receive(seconds):
            pass
        return not self.bytes

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(method="GET", path="/healthz", fields="", body="", version="1.1", host="Host: localhost\r\n"):
    return f"{method} {path} HTTP/{version}\r\n{host}{fields}\r\n{body}"
