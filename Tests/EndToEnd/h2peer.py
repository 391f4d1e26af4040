"""An HTTP/2 client on PyPI's h2, which is told when to open windows and can say what no good client says."""

import socket
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from deadline import SECONDS
from streams import Frame


class H2Stream:
    def __init__(self):
        self.status = None
        self.headers = {}
        self.interim = []
        self.body = b""
        self.ended = False
        self.reset = None  # the error code
        self._parsed = 0
        self.frames = []

    @property
    def is_over(self):
        return self.ended or self.reset is not None

    def parse(self):
        """Appends the server-sent events that have come to `frames`."""
        while (stop := self.body.find(b"\n\n", self._parsed)) >= 0:
            block = self.body[self._parsed : stop].decode()
            self._parsed = stop + 2
            fields = [line.partition(":") for line in block.split("\n") if line and not line.startswith(":")]
            if not fields:
                continue
            frame = Frame(fields=tuple(name for name, _, _ in fields))
            for name, _, value in fields:
                setattr(frame, name, value.removeprefix(" "))
            self.frames.append(frame)
        return self.frames

    def data(self, event):
        return [frame.data for frame in self.parse() if frame.event == event]


class H2Client:
    """One connection. Windows of streams in `stalled` are left as they are; all others are opened again at once."""

    def __init__(self, daemon, settings=None, wrap=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(SECONDS)
        self.socket.connect(("127.0.0.1", daemon.port))
        if wrap:
            self.socket = wrap(self.socket)
        self.authority = f"localhost:{daemon.port}"
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=True, header_encoding="utf-8", validate_outbound_headers=False)
        )
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings(settings)
        # Streams are what is looked at here: the connection's window is never what stops one.
        self.h2.increment_flow_control_window(1 << 30)
        self.streams = {}
        self.stalled = set()
        self.goaway = None  # the error code
        self.is_closed = False
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def flush(self):
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def send_raw(self, data):
        """Bytes past the library's back."""
        self.flush()
        self.socket.sendall(data)

    def request(self, path, method="GET", headers=(), body=None, authority=None):
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":path", path), (":authority", authority or self.authority)]
        self.streams[stream] = H2Stream()
        self.h2.send_headers(stream, head + list(headers), end_stream=body is None)
        if body is not None:
            for start in range(0, len(body), 16384):
                self.h2.send_data(stream, body[start : start + 16384])
            self.h2.end_stream(stream)
        self.flush()
        return stream

    def get(self, path, **options):
        """A request and its whole answer."""
        stream = self.streams[self.request(path, **options)]
        self.until(lambda: stream.is_over)
        return stream

    def until(self, condition, seconds=SECONDS):
        """Reads until the condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert not self.is_closed, f"the connection is closed (GOAWAY {self.goaway})"
            rest = end - time.monotonic()
            assert rest > 0, f"not within {seconds} s: {self.streams}"
            self.read(rest)

    def read(self, seconds):
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 17)
        except TimeoutError:
            return
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return
        for event in self.h2.receive_data(data):
            self.handle(event)
        self.flush()

    def handle(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        match event:
            case h2.events.ConnectionTerminated():
                self.goaway = int(event.error_code)
            case h2.events.InformationalResponseReceived() if stream:
                stream.interim.append(int(dict(event.headers)[":status"]))
            case h2.events.ResponseReceived() if stream:
                stream.headers = dict(event.headers)
                stream.status = int(stream.headers[":status"])
            case h2.events.DataReceived() if stream:
                stream.body += event.data
                if event.stream_id not in self.stalled and event.flow_controlled_length:
                    self.open_window(event.stream_id, event.flow_controlled_length)
            case h2.events.StreamEnded() if stream:
                stream.ended = True
            case h2.events.StreamReset() if stream:
                stream.reset = int(event.error_code)

    def open_window(self, stream, size):
        try:
            self.h2.increment_flow_control_window(size, stream)
        except h2.exceptions.ProtocolError:
            pass  # the stream or the connection has ended in the same bytes

    def wait_for_end(self, seconds=SECONDS):
        """The code of the GOAWAY with which the server ends the connection."""
        end = time.monotonic() + seconds
        while not self.is_closed:
            rest = end - time.monotonic()
            assert rest > 0, f"still open after {seconds} s (GOAWAY {self.goaway})"
            self.read(rest)
        return self.goaway
