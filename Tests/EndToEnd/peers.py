"""Other clients and servers: who else is on a channel, and who signs."""

import contextlib
import http.server
import json
import queue
import socket
import threading
import time

import websockets.sync.client
import websockets.sync.server
from websockets.exceptions import ConnectionClosed

from apinator import authenticate_channel
from deadline import SECONDS
from processes import KEY, SECRET


class Client:
    """Another client of the sandbox, straight over WebSocket."""

    def __init__(self, sandbox, key=KEY):
        self._stack = contextlib.ExitStack()
        url = f"{sandbox.url}/app/{key}?protocol=7&client=test&version=1"
        self.socket = self._stack.enter_context(websockets.sync.client.connect(url, proxy=None, open_timeout=SECONDS))
        established = self.receive()
        assert established["event"] == "realtime:connection_established", established
        self.socket_id = json.loads(established["data"])["socket_id"]

    def receive(self, seconds=SECONDS):
        """The next message; its data is still the text that it is."""
        return json.loads(self.socket.recv(timeout=seconds))

    def until(self, event, seconds=SECONDS):
        while (message := self.receive(seconds))["event"] != event:
            pass
        return message

    def subscribe(self, channel, user=None, info=None):
        """Subscribes, signed for by the official server SDK, and waits for the answer."""
        channel_data = None
        if channel.startswith("presence-"):
            channel_data = json.dumps({"user_id": user or "other", "user_info": info or {"name": "Other"}})
        data = {"channel": channel}
        if channel.startswith(("private-", "presence-")):
            data |= authenticate_channel(SECRET, KEY, self.socket_id, channel, channel_data)
        self.send("realtime:subscribe", data)
        return self.until("realtime:subscription_succeeded")

    def trigger(self, channel, event, data):
        self.send(event, data, channel=channel)

    def send(self, event, data, **fields):
        text = data if isinstance(data, str) else json.dumps(data)
        self.socket.send(json.dumps({"event": event, "data": text, **fields}))

    def close(self):
        self._stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class ScriptedUpstream:
    """A server of a test's own making, for what the sandbox does not do. It confirms every subscription, unless
    told not to, and keeps what it was sent; the test says the rest with `send`."""

    def __init__(self, establish=True, activity_timeout=120, confirm=True):
        self._establish = establish
        self._confirm = confirm
        self._activity_timeout = activity_timeout
        self.connections = queue.Queue()
        self.received = queue.Queue()
        self.paths = []
        self._count = 0
        self.server = websockets.sync.server.serve(self._serve, "127.0.0.1", 0, ping_interval=None)
        self.port = self.server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        self.http = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _serve(self, connection):
        self._count += 1
        self.paths.append(connection.request.path)
        if self._establish:
            data = {"socket_id": f"{self._count}.1", "activity_timeout": self._activity_timeout}
            self.send(connection, "realtime:connection_established", data)
        self.connections.put(connection)
        try:
            for text in connection:
                message = json.loads(text)
                self.received.put(message)
                if message["event"] == "realtime:subscribe" and self._confirm:
                    channel = json.loads(message["data"])["channel"]
                    self.send(connection, "realtime:subscription_succeeded", "{}", channel=channel)
        except ConnectionClosed:
            pass

    @staticmethod
    def send(connection, event, data, **fields):
        text = data if isinstance(data, str) else json.dumps(data)
        connection.send(json.dumps({"event": event, "data": text, **fields}))

    def connection(self, seconds=SECONDS):
        """The next connection that was made."""
        return self.connections.get(timeout=seconds)

    def until(self, event, seconds=SECONDS):
        """The next message called `event` that was received."""
        while (message := self.received.get(timeout=seconds))["event"] != event:
            pass
        return message

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()


class ServiceManager:
    """The socket that systemd listens on."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.messages = []

    def until(self, assignment, seconds=SECONDS):
        """The next message with a line that begins with `assignment`."""
        end = time.monotonic() + seconds
        while True:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            message = self.socket.recv(4096).decode()
            self.messages.append(message)
            for line in message.splitlines():
                if line.startswith(assignment):
                    return line


class AuthEndpoint:
    """A backend that signs for channels; `answer` decides what it says and may do anything with the handler."""

    def __init__(self, answer):
        self.requests = []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((self.path, dict(self.headers), body))
                answer(self, body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def answer_with(status, body, headers=()):
    """An answer of an auth endpoint that is always the same."""

    def answer(handler, _):
        payload = body if isinstance(body, bytes) else body.encode()
        handler.send_response(status)
        for field, value in headers:
            handler.send_header(field, value)
        handler.send_header("Content-Length", str(len(payload)))
        handler.end_headers()
        handler.wfile.write(payload)

    return answer


__all__ = ["AuthEndpoint", "Client", "ConnectionClosed", "ScriptedUpstream", "ServiceManager", "answer_with"]
