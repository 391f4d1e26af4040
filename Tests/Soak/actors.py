"""Who makes things happen meanwhile, each in a thread of its own: the publisher, callers of the API, members of a
presence channel, a second app's faulty upstream, and the schedule of faults."""

import contextlib
import hashlib
import hmac
import json
import random
import signal
import socket
import struct
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

import httpx

from apinator import authenticate_channel
from faults import ANSWERS, FATAL_FRAMES, HARMLESS_FRAMES, FaultyUpstream
from flood import message, text_frame
from peers import AuthEndpoint, Client
from processes import APP_ID, KEY, SECRET, Sandbox
from raw import Connection

ABUSE = json.loads((Path(__file__).parents[1] / "Vectors" / "http1-abuse.json").read_text())
SECONDS = 10.0


class Actor(threading.Thread):
    """Calls `act` again and again until it is told to stop. What goes wrong while the other end is being faulted is no
    news; a programming error is."""

    def __init__(self, stage, name):
        super().__init__(name=name, daemon=True)
        self.stage = stage
        self.rng = random.Random(f"{stage.seed} {name}")
        self.ending = threading.Event()
        self.counts = Counter()

    def run(self):
        while not self.ending.is_set():
            try:
                self.act()
            except (OSError, EOFError, TimeoutError, httpx.HTTPError) as error:
                self.counts[f"failed: {type(error).__name__}"] += 1
                self.pause(0.2)
            except Exception as error:
                # So says the HTTP client of a daemon that is being restarted.
                if "client has been closed" not in str(error):
                    self.stage.oracle.violate(f"{self.name}: {traceback.format_exc()}")
                self.pause(1)
        with contextlib.suppress(Exception):
            self.close()

    def pause(self, seconds):
        self.ending.wait(seconds)

    def close(self):
        pass


class Publisher(Actor):
    """Events at a steady rate and in bursts, over the sandbox's REST API."""

    def __init__(self, stage, weights, rate, burst):
        super().__init__(stage, "publisher")
        self.names, self.weights = list(weights), list(weights.values())
        self.rate, self.burst = rate, burst
        self.socket = None
        self.is_large = False
        self.next_burst = time.monotonic() + 5

    def act(self):
        if self.stage.rest.is_set():
            return self._level()
        now = time.monotonic()
        if now > self.next_burst:
            self.next_burst = now + 8 + self.rng.random() * 15
            channel = self.rng.choices(self.names, self.weights)[0]
            self.is_large = self.rng.random() < 0.3
            self.publish([channel] * (self.rng.randrange(self.burst // 2, self.burst) // (3 if self.is_large else 1)))
            self.is_large = False
            self.counts["bursts"] += 1
        else:
            self.publish(self.rng.choices(self.names, self.weights, k=self.rng.randrange(1, 6)))
            self.pause(self.rng.random() * 6 / self.rate)

    def _level(self):
        """As many small events as are kept of each channel, so that what is kept is the same at each rest."""
        if not self.stage.is_level.is_set():
            for name in self.names:
                self.publish([name] * self.stage.KEPT_EVENTS)
            self.stage.is_level.set()
        self.pause(0.1)

    def publish(self, channels):
        for start in range(0, len(channels), 50):
            events = [(channel, self.stage.oracle.number(channel)) for channel in channels[start : start + 50]]
            try:
                if self.socket is None:
                    self.socket = socket.create_connection(("127.0.0.1", self.stage.upstream_port), SECONDS)
                    self.rest = b""
                self.socket.sendall(b"".join(self._request(*event) for event in events))
                for event in events:
                    if self._answer() == 200:
                        self.stage.oracle.published(*event)
                        self.counts["events"] += 1
            except (OSError, EOFError):
                self.close()
                raise

    def _request(self, channel, number):
        size = 8000 if self.is_large or number % 50 == 0 else self.rng.randrange(400)
        size = 200 if self.stage.rest.is_set() else size
        data = f'{{"n":{number},"s":"{"x" * size}"}}'
        body = json.dumps({"name": "step", "channel": channel, "data": data}).encode()
        path, timestamp = f"/apps/{APP_ID}/events", int(time.time())
        signed = f"{timestamp}\nPOST\n{path}\n{hashlib.md5(body).hexdigest()}"
        signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Realtime-Key: {KEY}\r\n"
            f"X-Realtime-Timestamp: {timestamp}\r\nX-Realtime-Signature: {signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _answer(self):
        while b"\r\n\r\n" not in self.rest:
            self._receive()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(self.rest) < length:
            self._receive()
        self.rest = self.rest[length:]
        return int(head.split()[1])

    def _receive(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self.rest += data

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None


class Callers(Actor):
    """Requests of every kind: pins, forced deletes, client events, state, and malformed ones."""

    def __init__(self, stage, churned):
        super().__init__(stage, "callers")
        self.churned = churned

    def act(self):
        kind = self.rng.choice(["pin", "release", "force", "trigger", "trigger", "read", "read", "abuse", "abuse"])
        daemon = self.stage.daemon
        channel = self.rng.choice(self.churned)
        before = self.stage.restarts
        try:
            getattr(self, kind)(daemon, channel)
            self.counts[kind] += 1
        except (OSError, EOFError, httpx.HTTPError, RuntimeError) as error:  # RuntimeError: the client was closed
            if not self.stage.is_restarting and before == self.stage.restarts:
                self.stage.oracle.violate(f"{kind} of {channel}: {error!r}")
        self.pause(self.rng.random() * 0.5)

    def expect(self, answer, *statuses):
        if answer.status_code not in statuses:
            self.stage.oracle.violate(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")

    def pin(self, daemon, channel):
        self.expect(daemon.put(f"/channels/{channel}"), 200, 201)

    def release(self, daemon, channel):
        self.expect(daemon.delete(f"/channels/{channel}"), 204, 404)

    def force(self, daemon, channel):
        self.expect(daemon.delete(f"/channels/{channel}?force=true"), 204, 404)

    def trigger(self, daemon, _):
        channel = self.rng.choice(["private-orders", "presence-room"])
        answer = daemon.trigger(channel, "client-hello", {"from": "soak"}, params={"wait": "2s"})
        self.expect(answer, 202, 409, 429, 503)

    def read(self, daemon, channel):
        path = self.rng.choice(["/channels", f"/channels/{channel}", "/channels/presence-room/members", "/connection",
                                "/apps", "/metrics", "/healthz", "/readyz", "/openapi.json", "/nothing"])  # fmt: skip
        self.expect(daemon.get(path), 200, 404, 409, 503)

    def abuse(self, daemon, _):
        vector = self.rng.choice(ABUSE)
        with Connection(daemon) as connection:
            connection.socket.settimeout(SECONDS)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.send(vector["text"])
                if self.rng.random() < 0.7:
                    connection.head()


class Members(Actor):
    """Others come to the presence channel, say something, and go."""

    def act(self):
        with contextlib.ExitStack() as here:
            try:
                others = [here.enter_context(Client(self.stage)) for _ in range(self.rng.randrange(1, 4))]
                for other in others:
                    other.subscribe("presence-room", f"user-{self.rng.randrange(20)}")
                    self.counts["joins"] += 1
                    self.pause(self.rng.random())
                for other in others:
                    other.trigger("presence-room", "client-hello", {"n": "no number"})
                self.pause(self.rng.random() * 2)
            except (AssertionError, Exception) as error:  # whatever a killed server makes of a WebSocket
                self.counts[f"lost: {type(error).__name__}"] += 1
                self.pause(0.5)


class OddApp(Actor):
    """A second app whose upstream and auth endpoint do everything wrong in turn, and between that publish."""

    CHANNELS = ("news", "other")

    def __init__(self, stage):
        super().__init__(stage, "odd app")
        self.oracle = stage.odd_oracle
        self.upstream = FaultyUpstream()
        self.endpoint = AuthEndpoint(self._sign)
        self.endpoint.server.handle_error = lambda *_: None  # connections that are cut are no news
        self.faults = []
        self.is_good = False  # no more faults

    @property
    def configuration(self):
        return f"""[[app]]
name = "odd"
app_key = "{KEY}"
url = "{self.upstream.url}"
auth_endpoint = "{self.endpoint.url}/auth"
auth_timeout = "1s"
channels = ["news", "other", "private-a", "private-b", "private-c", "private-d"]
"""

    def _sign(self, handler, body):
        asked = json.loads(body)
        kind = self.rng.choice(["right", "right", "500", "garbage", "slow", "cut"])
        text = json.dumps(authenticate_channel(SECRET, KEY, asked["socket_id"], asked["channel_name"], None))
        if kind == "slow":
            self.pause(1.2)
        if kind == "cut":
            handler.close_connection = True
            return
        handler.send_response(500 if kind == "500" else 200)
        payload = b"\xff{" if kind == "garbage" else text.encode()
        handler.send_header("Content-Length", str(len(payload)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(payload)

    def act(self):
        if not self._is_subscribed():
            self.pause(0.5)
            # Connections that end so soon are waited for longer and longer: most waits are cut short.
            if self.rng.random() < 0.3 and not self._is_subscribed() and not self.stage.is_restarting:
                self.stage.daemon.post("/apps/odd/connection/connect")
            return
        for _ in range(self.rng.randrange(3, 12)):
            self._publish(self.rng.choice([1, 1, 5, 200]))
            self.pause(self.rng.random() * 0.4)
        if self.is_good:
            return
        if not self.faults:
            self.faults = self._all_faults()
            self.rng.shuffle(self.faults)
        name, fault = self.faults.pop()
        self.counts["faults"] += 1
        fault()

    def _is_subscribed(self):
        return self.upstream.peer and set(self.CHANNELS) <= self.upstream.subscribed

    def _publish(self, count):
        channel = self.rng.choice(self.CHANNELS)
        numbers = [self.oracle.number(channel) for _ in range(count)]
        frames = [text_frame(message("step", f'{{"n":{n},"s":"odd"}}', channel)) for n in numbers]
        if self.upstream.send(b"".join(frames)):
            for number in numbers:
                self.oracle.published(channel, number)

    def _all_faults(self):
        upstream = self.upstream

        def fatal(data):
            upstream.send(data)
            if len(data) < 25:
                upstream.hang_up()  # an end where none should be

        def answer(text):
            upstream.answers.append(text)
            upstream.hang_up()

        def close(code):
            upstream.send(b"\x88\x02" + struct.pack("!H", code))
            if code < 4100 and code >= 4000:
                self.pause(0.5)
                self.stage.daemon.post("/apps/odd/connection/connect")

        faults = [(name, lambda data=data: fatal(data)) for name, data in FATAL_FRAMES.items()]
        faults += [(name, lambda data=data: upstream.send(data)) for name, data in HARMLESS_FRAMES.items()]
        # Each costs a wait that doubles; two of them in a row are enough.
        faults += [(name, lambda text=text: answer(text)) for name, text in ANSWERS.items()]
        faults += [(f"close {code}", lambda code=code: close(code)) for code in (1000, 1011, 4001, 4100, 4200, 4900)]
        large = "x" * (1 << 20)
        faults += [("too large", lambda: upstream.events("large", [large], "news")), ("reset", upstream.reset),
                   ("end", upstream.hang_up)]  # fmt: skip
        return faults

    def close(self):
        self.upstream.__exit__()
        self.endpoint.__exit__()


class Faults(Actor):
    """One after the other: the sandbox killed and frozen, the daemon frozen, reloaded and, in the first quarter,
    restarted."""

    def __init__(self, stage, seconds):
        super().__init__(stage, "faults")
        self.started = time.monotonic()
        self.seconds = seconds
        self.restarts_at = [self.started + seconds * part for part in (0.08, 0.15, 0.22)[: 1 if seconds < 120 else 3]]
        self.pace = min(6.0, max(1.0, seconds / 30))
        self.kinds = []

    def act(self):
        if self.stage.rest.is_set():
            return self.pause(0.2)
        if self.restarts_at and time.monotonic() > self.restarts_at[0]:
            self.restarts_at.pop(0)
            kind = "restart"
        else:
            if not self.kinds:
                self.kinds = ["kill", "freeze", "freeze", "reload", "reload", "reload_app", "reload_wrong", "stop"]
                self.rng.shuffle(self.kinds)
            kind = self.kinds.pop()
        getattr(self, kind)()
        self.counts[kind] += 1
        self.pause(self.pace * (0.5 + self.rng.random()))

    def kill(self):
        self.stage.sandbox.kill()
        self.pause(self.rng.random() * 2)
        self.stage.start_sandbox()

    def freeze(self):
        """Shorter than the daemon's patience: all of it arrives late."""
        self._stop_and_continue(self.stage.sandbox, self.rng.random() * 3)

    def stop(self):
        self._stop_and_continue(self.stage.daemon, self.rng.random() * 2)

    def _stop_and_continue(self, program, seconds):
        program.signal(signal.SIGSTOP)
        try:
            self.pause(seconds)
        finally:
            program.signal(signal.SIGCONT)

    def reload(self):
        self._reload(limits=f"max_client_event_bytes = {self.rng.randrange(1000, 10000)}")

    def reload_app(self):
        """The odd app is made anew."""
        self._reload(odd=f'linger = "{self.rng.randrange(1, 1000)}s"')

    def reload_wrong(self):
        self._reload(limits="nonsense = 1")

    def _reload(self, **change):
        daemon = self.stage.daemon
        daemon.configuration.write_text(self.stage.configuration(**change))
        daemon.signal(signal.SIGHUP)

    def restart(self):
        self.stage.restart()


__all__ = ["ABUSE", "Callers", "Faults", "Members", "OddApp", "Publisher", "Sandbox"]
