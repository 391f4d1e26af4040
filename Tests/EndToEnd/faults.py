"""What can go wrong with an upstream: a server that does it when told, and every malformed frame and answer there is."""

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections import deque

from deadline import SECONDS
from flood import message, text_frame

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", final=True, reserved=0, mask=False, length=None):
    """A WebSocket frame (RFC 6455 §5.2), right or wrong; `length` is what it claims."""
    size = len(payload) if length is None else length
    head = bytes([final << 7 | reserved << 4 | opcode])
    if size < 126:
        head += bytes([mask << 7 | size])
    elif size < 1 << 16:
        head += bytes([mask << 7 | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask << 7 | 127]) + struct.pack("!Q", size)
    return head + (b"\0\0\0\0" if mask else b"") + payload


_text = message("step", "{}", "news")

# Each must end the connection (RFC 6455 §5, §7.4, §8.1).
FATAL_FRAMES = {
    "masked": frame(1, _text, mask=True),
    "reserved bit 1": frame(1, _text, reserved=4),
    "reserved bit 2": frame(1, _text, reserved=2),
    "reserved bit 3": frame(1, _text, reserved=1),
    "opcode 3": frame(3, _text),
    "opcode 11": frame(11),
    "bad UTF-8": frame(1, b'{"event":"step","channel":"news","data":"\xff"}'),
    "bad UTF-8 across fragments": frame(1, b'{"event":"\xf0\x9f', final=False) + frame(0, b'"}'),
    "continuation of nothing": frame(0, _text),
    "fragment within a fragment": frame(1, _text, final=False) + frame(1, _text),
    "long control frame": frame(9, b"x" * 126),
    "fragmented control frame": frame(9, b"x", final=False),
    "length not minimal": bytes([0x81, 126, 0, 5]) + b"hello",
    "64-bit length not minimal": bytes([0x81, 127]) + struct.pack("!Q", 5) + b"hello",
    "length over 2^63": bytes([0x81, 127]) + b"\xff" * 8,
    "close with one byte": frame(8, b"\x03"),
    "close code 1005": frame(8, struct.pack("!H", 1005)),
    "close code 999": frame(8, struct.pack("!H", 999)),
    "close reason not UTF-8": frame(8, struct.pack("!H", 1000) + b"\xff"),
    "end within a head": frame(1, _text)[:1],
    "end within a frame": frame(1, _text)[:20],
    "end within a message": frame(1, _text[:10], final=False),
}

# The connection is left standing: whoever sent these still speaks WebSocket.
HARMLESS_FRAMES = {
    "no JSON": frame(1, b"{nonsense"),
    "empty": frame(1),
    "null": frame(1, b"null"),
    "an array": frame(1, b"[1,2]"),
    "no event": frame(1, b'{"data":"{}"}'),
    "event is a number": frame(1, b'{"event":1,"channel":"news","data":"{}"}'),
    "channel is an object": frame(1, b'{"event":"step","channel":{},"data":"{}"}'),
    "deep": frame(1, b'{"event":"step","channel":"news","data":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "lone surrogate": frame(1, b'{"event":"other","channel":"news","data":"\\ud800"}'),
    "second greeting": frame(1, message("realtime:connection_established", '{"socket_id":"9.9"}')),
    "malformed greeting": frame(1, message("realtime:connection_established", "[]")),
    "error without code": frame(1, message("realtime:error", '{"code":null,"message":"hm"}')),
    "error that is no object": frame(1, b'{"event":"realtime:error","data":[1]}'),
    "confirmation of an unknown channel": frame(1, message("realtime:subscription_succeeded", "{}", "nobody")),
    "malformed presence": frame(1, message("realtime:member_added", '{"user_id":5}', "news")),
    "binary": frame(2, _text),
    "ping": frame(9, b"x" * 125),
    "unasked pong": frame(10, b"x"),
    "empty fragments": frame(1, b"", final=False) + frame(0, b"null"),
}

# In place of the upgrade.
ANSWERS = {
    "301": b"HTTP/1.1 301 Moved Permanently\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    "403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "200": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
    "101 without a key": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "101 with another key": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    "garbage": bytes(range(256)) * 8,
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "an endless head": b"HTTP/1.1 101 Switching Protocols\r\n" + b"X-A: b\r\n" * 20000,
    "nothing": b"",
}


class FaultyUpstream:
    """An upstream that speaks the protocol until it is told otherwise. Connections are served by threads of their own;
    `answers` holds what the next connections get in place of the upgrade."""

    def __init__(self, port=0, activity_timeout=120, host="127.0.0.1"):
        self.answers = deque()
        self.activity_timeout = activity_timeout
        self.connections = 0  # that were established
        self.attempts = 0
        self.subscribed = set()
        self.client_events = 0
        self.peer = None
        self.hears = threading.Event()  # cleared, it does not read
        self.hears.set()
        self._changed = threading.Condition()
        self.host = host
        self._listen(port)
        self.port = self.listener.getsockname()[1]
        self.url, self.http = f"ws://{host}:{self.port}", f"http://{host}:{self.port}"

    def _listen(self, port):
        self.listener = socket.create_server((self.host, port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self._converse(connection)
        except OSError:
            pass
        finally:
            with self._changed:
                if self.peer is connection:
                    self.peer, self.subscribed = None, set()
                self._changed.notify_all()
            connection.close()

    def _converse(self, connection):
        received = b""
        while b"\r\n\r\n" not in received:
            if not (data := connection.recv(4096)):
                return
            received += data
        head, received = received.split(b"\r\n\r\n", 1)
        with self._changed:
            self.attempts += 1
            answer = self.answers.popleft() if self.answers else None
            self._changed.notify_all()
        if answer is not None:
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(SECONDS)
            while connection.recv(4096):  # a close with unread bytes would be a reset
                pass
            return
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head).group(1)
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest())
        greeting = {"socket_id": f"{self.connections + 1}.1", "activity_timeout": self.activity_timeout}
        connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            + text_frame(message("realtime:connection_established", json.dumps(greeting)))
        )  # fmt: skip
        with self._changed:
            self.peer, self.subscribed = connection, set()
            self.connections += 1
            self._changed.notify_all()
        while self.hears.wait() and (data := connection.recv(1 << 16)):
            received = self._take_frames(connection, received + data)

    def _take_frames(self, connection, received):
        while len(received) >= 6:
            size, start = received[1] & 127, 2
            if size == 126:
                size, start = int.from_bytes(received[2:4]), 4
            if len(received) < start + 4 + size:
                break
            opcode, mask = received[0] & 15, received[start : start + 4]
            payload = received[start + 4 : start + 4 + size]
            payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            received = received[start + 4 + size :]
            if opcode == 1:
                self._answer(connection, json.loads(payload))
        return received

    def _answer(self, connection, received):
        if received["event"] == "realtime:subscribe":
            channel = json.loads(received["data"])["channel"]
            connection.sendall(text_frame(message("realtime:subscription_succeeded", "{}", channel)))
            with self._changed:
                if self.peer is connection:
                    self.subscribed.add(channel)
                self._changed.notify_all()
        elif received["event"].startswith("client-"):
            with self._changed:
                self.client_events += 1
                self._changed.notify_all()
        elif received["event"] == "realtime:ping":
            connection.sendall(text_frame(message("realtime:pong", "{}")))

    # What a test says

    def until(self, condition, seconds=SECONDS, what="the upstream"):
        """Waits for something of the connections to change until `condition` holds."""
        with self._changed:
            assert self._changed.wait_for(condition, seconds), f"not within {seconds} s: {what}"

    def until_subscribed(self, *channels, connections=0, seconds=SECONDS):
        """… on a connection after the first `connections`."""
        self.until(
            lambda: self.peer and self.connections > connections and set(channels) <= self.subscribed,
            seconds, f"{channels} are subscribed; {self.attempts} attempts, {self.connections} connections",
        )  # fmt: skip

    def send(self, data):
        """Sends bytes as they are; false when there is nobody to send them to."""
        peer = self.peer
        try:
            peer.sendall(data)
        except (AttributeError, OSError):
            return False
        return True

    def events(self, event, payloads, channel):
        """Sends events; false when there is nobody, or nobody any more, who is subscribed to the channel."""
        if channel not in self.subscribed:
            return False
        return self.send(b"".join(text_frame(message(event, payload, channel)) for payload in payloads))

    def hang_up(self):
        """Ends the connection without a close frame."""
        with contextlib.suppress(AttributeError, OSError):
            self.peer.shutdown(socket.SHUT_RDWR)

    def reset(self):
        """Ends it with RST."""
        peer = self.peer
        with contextlib.suppress(AttributeError, OSError):
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # The thread that reads holds the descriptor until it hears of it.
            peer.shutdown(socket.SHUT_RD)

    def refuse(self):
        """Nobody listens any more."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def listen_again(self):
        end = time.monotonic() + SECONDS
        while True:
            try:
                return self._listen(self.port)
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hears.set()
        with contextlib.suppress(OSError):
            self.refuse()
        self.hang_up()
