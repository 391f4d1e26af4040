"""What goes wrong upstream, one fault after the other: afterwards a reader that was there gets the next event, a new one
is served, a client event goes through, nothing is left open, and nothing was lost in silence. Tests/long/faults runs
these again and again, those that take half a minute too, and prints what was measured as a table."""

import contextlib
import http.server
import json
import os
import signal
import socket
import struct
import threading
import time

import pytest

from apinator import authenticate_channel
from deadline import poll
from faults import ANSWERS, FATAL_FRAMES, HARMLESS_FRAMES, FaultyUpstream, frame
from faults_scene import CHANNEL, Scene
from flood import message, metric, text_frame
from peers import AuthEndpoint, answer_with
from processes import IS_MEMORY_JUDGED, KEY, SECRET, Sandbox
from test_vanish import THERE, ip, network  # noqa: F401

LONG = pytest.mark.skipif(not os.environ.get("APINATORD_LONG"), reason="takes half a minute: Tests/long/faults")
BACKOFF = 12  # one wait or two, of at most 1 and 2 s, and a busy machine
MORE_BACKOFF = 20


@pytest.fixture
def scene(start, tmp_path):
    scenes = []

    def make(**options):
        scenes.append(Scene(start, tmp_path, **options))
        return scenes[-1]

    yield make
    for each in scenes:
        each.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A scene that many faults share, so that what one of them left would show in the next."""
    programs = []

    def start(kind, *arguments, **options):
        programs.append(kind(*arguments, **options))
        return programs[-1]

    stage = Scene(start, tmp_path_factory.mktemp("faults"))
    first = stage.rss_kib
    yield stage
    stage.close()
    grown = stage.rss_kib - first
    assert all(program.stop() == 0 for program in programs)
    print(f"{grown} KiB more after all of them")
    assert grown < 8 << 10 or not IS_MEMORY_JUDGED


# The connection


@pytest.mark.parametrize("how", ["hang_up", "reset"])
def test_the_connection_is_lost(standing, how):
    with standing.fault({"hang_up": "upstream ends (FIN)", "reset": "upstream resets (RST)"}[how], BACKOFF):
        getattr(standing.upstream, how)()
        standing.upstream.until(lambda: not standing.upstream.peer)


def test_nobody_listens_for_a_while(standing):
    with standing.fault("upstream refuses for 3 s", MORE_BACKOFF):
        standing.upstream.refuse()
        standing.upstream.hang_up()
        time.sleep(3)
        standing.upstream.listen_again()


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4100, 4200, 4900, None])
def test_a_close_frame(standing, code):
    payload = b"" if code is None else struct.pack("!H", code) + b"bye"
    with standing.fault(f"upstream closes, {code or 'no code'}", BACKOFF):
        standing.upstream.send(frame(8, payload))
        standing.upstream.until(lambda: not standing.upstream.peer)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_in_place_of_the_upgrade(standing, name):
    upstream = standing.upstream
    with standing.fault(f"in place of the upgrade: {name}", BACKOFF):
        attempts = upstream.attempts
        upstream.answers.append(ANSWERS[name])
        upstream.hang_up()
        upstream.until(lambda: upstream.attempts > attempts)
        poll(lambda: standing.daemon.connection()["state"] != "connected")


def test_the_upgrade_is_refused_often(standing):
    upstream = standing.upstream
    with standing.fault("500 three times in a row", MORE_BACKOFF):
        attempts = upstream.attempts
        upstream.answers.extend([ANSWERS["500"]] * 3)
        upstream.hang_up()
        upstream.until(lambda: upstream.attempts >= attempts + 3, 30)


@pytest.mark.parametrize("name", FATAL_FRAMES)
def test_a_malformed_frame_ends_the_connection(standing, name):
    upstream = standing.upstream
    with standing.fault(f"frame: {name}", BACKOFF):
        connections = upstream.connections
        upstream.send(FATAL_FRAMES[name])
        if name.startswith("end "):
            upstream.hang_up()
        upstream.until(lambda: not upstream.peer or upstream.connections > connections)
    assert upstream.connections == connections + 1


@pytest.mark.parametrize("name", HARMLESS_FRAMES)
def test_a_malformed_message_is_passed_over(standing, name):
    upstream = standing.upstream
    with standing.fault(f"message: {name}", BACKOFF):
        connections = upstream.connections
        assert upstream.send(HARMLESS_FRAMES[name])
    assert upstream.connections == connections and upstream.peer


def test_a_fragment_that_is_never_finished(standing):
    """The connection is of no use then, and only silence shows it: what follows is read as part of the message."""
    upstream = standing.upstream
    with standing.fault("frame: fragments without end", BACKOFF):
        connections = upstream.connections
        upstream.send(frame(1, b'{"event":', final=False))
        # A message over max_event_bytes is skipped, and its end ends the skipping.
        for _ in range(20):
            upstream.send(frame(0, b"x" * (1 << 16), final=False))
        upstream.send(frame(0, b"}"))
    assert upstream.connections == connections


def sized(number, size):
    """A message of so many bytes."""
    empty = len(message("step", f'{{"n":{number},"s":""}}', CHANNEL))
    return message("step", f'{{"n":{number},"s":"{"x" * (size - empty)}"}}', CHANNEL)


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1])
def test_events_at_the_limit_and_just_over_it(standing, size):
    told = standing.witness.told["gap too_large"]
    with standing.fault(f"event of {size} bytes", BACKOFF):
        number = standing.oracle.number(CHANNEL)
        data = sized(number, size)
        assert len(data) == size and standing.upstream.send(text_frame(data))
        standing.oracle.published(CHANNEL, number)
        if size == 1 << 20:
            standing.arrive(number)
    assert standing.witness.told["gap too_large"] == told + (size > 1 << 20)


def test_a_burst_of_100000_events(scene):
    stage = scene()
    with stage.fault("100,000 events at once", 30):
        for _ in range(100):
            last = stage.publish(1000, size=20)
        stage.arrive(last, 60)
    assert metric(stage.daemon, 'apinatord_events_total{app="main"}') > 100_000


# A server that dies, or stops


def test_the_sandbox_is_killed(scene, start):
    upstream = start(Sandbox)
    stage = scene(upstream=upstream)
    for seconds in (0, 3):
        with stage.fault(f"upstream killed, away for {seconds} s", MORE_BACKOFF):
            stage.upstream.kill()
            time.sleep(seconds)
            stage.upstream = start(Sandbox, port=upstream.port)


def test_the_sandbox_is_frozen_for_a_while(scene, start):
    stage = scene(upstream=start(Sandbox))
    with stage.fault("upstream frozen (SIGSTOP) for 3 s", BACKOFF, silent=True):
        stage.upstream.signal(signal.SIGSTOP)
        time.sleep(3)
        assert stage.daemon.get("/healthz").status_code == 200
        stage.upstream.signal(signal.SIGCONT)


@LONG
def test_an_upstream_that_is_silent_for_ever_is_left(scene):
    """It takes the pings and says nothing: 1 s of silence, 30 s for an answer."""
    stage = scene(upstream=Mute(activity_timeout=1))
    with stage.fault("upstream silent until the pong is overdue", BACKOFF):
        stage.upstream.is_mute = True
        stage.upstream.until(lambda: not stage.upstream.peer, 45)
        stage.upstream.is_mute = False
    assert "gap upstream_reconnect" in stage.witness.told


class Mute(FaultyUpstream):
    is_mute = False

    def _answer(self, connection, received):
        if not self.is_mute:
            super()._answer(connection, received)


@LONG
def test_a_half_open_connection_is_found(network, scene):  # noqa: F811
    """Packets vanish: no FIN and no RST. The way back is open again later, for a new connection."""
    with network.at(network.there):
        upstream = FaultyUpstream(activity_timeout=1, host=THERE)
    stage = scene(upstream=upstream)
    with stage.fault("upstream half-open: packets dropped for 40 s", MORE_BACKOFF):
        network.unplug()
        time.sleep(40)
        assert stage.daemon.connection()["state"] != "connected"
        with network.at(network.there):
            ip("link", "set", "there", "up")


@LONG
def test_an_upgrade_that_is_never_answered(scene):
    stage = scene()
    with stage.fault("upgrade never answered (open timeout 20 s)", MORE_BACKOFF):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            held = []
            port = stage.upstream.port
            stage.upstream.refuse()
            stage.upstream.hang_up()
            silent.close()
            quiet = poll(lambda: _listen(port))
            thread = threading.Thread(target=_hold, args=(quiet, held), daemon=True)
            thread.start()
            time.sleep(25)
            assert stage.daemon.connection()["state"] != "connected"
            quiet.shutdown(socket.SHUT_RDWR)
            quiet.close()
            for each in held:
                each.close()
            stage.upstream.listen_again()


def _listen(port):
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return None


def _hold(listener, held):
    with contextlib.suppress(OSError):
        while True:
            held.append(listener.accept()[0])


# The auth endpoint


class FaultySigner:
    """An auth endpoint that is right, or wrong in one way."""

    def __init__(self):
        self.fault = None
        self.endpoint = AuthEndpoint(self._answer)
        self.endpoint.server.handle_error = lambda *_: None
        self.url = f"{self.endpoint.url}/auth"

    def refuse(self):
        """Nobody listens; who is connected already finds that it is cut."""
        self.fault = "cut"
        self.endpoint.server.shutdown()
        self.endpoint.server.server_close()

    def listen_again(self):
        old = self.endpoint.server
        self.endpoint.server = http.server.ThreadingHTTPServer(old.server_address, old.RequestHandlerClass)
        self.endpoint.server.daemon_threads = True
        self.endpoint.server.handle_error = old.handle_error
        threading.Thread(target=self.endpoint.server.serve_forever, args=(0.05,), daemon=True).start()

    def _answer(self, handler, body):
        asked = json.loads(body)
        signed = json.dumps(authenticate_channel(SECRET, KEY, asked["socket_id"], asked["channel_name"], None))
        match self.fault:
            case None:
                answer_with(200, signed)(handler, body)
            case "slow":
                time.sleep(1.5)
                with contextlib.suppress(OSError):
                    answer_with(200, signed)(handler, body)
            case "cut":
                handler.connection.shutdown(socket.SHUT_RDWR)
                handler.close_connection = True
            case "garbage":
                handler.wfile.write(b"\0garbage\xff\r\n\r\n")
                handler.close_connection = True
            case "endless":
                handler.send_response(200)
                handler.send_header("Content-Type", "application/json")
                handler.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(1000):
                        handler.wfile.write(b" " * (1 << 16))
                handler.close_connection = True
            case "no JSON":
                answer_with(200, "<html>")(handler, body)
            case "no auth":
                answer_with(200, "{}")(handler, body)
            case status:
                answer_with(int(status), "no", [("Location", "http://127.0.0.1:1/")])(handler, body)


AUTH_FAULTS = ["slow", "cut", "garbage", "endless", "no JSON", "no auth", "302", "403", "404", "500"]


@pytest.fixture(scope="module")
def signer():
    signer = FaultySigner()
    with signer.endpoint:
        yield signer


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, signer):
    programs = []

    def start(kind, *arguments, **options):
        programs.append(kind(*arguments, **options))
        return programs[-1]

    stage = Scene(start, tmp_path_factory.mktemp("auth"), auth=signer.url, app='auth_timeout = "1s"\nlinger = "0s"')
    yield stage
    stage.close()
    assert all(program.stop() == 0 for program in programs)


@pytest.mark.parametrize("fault", [*AUTH_FAULTS, "down"])
def test_the_auth_endpoint_fails(guarded, signer, fault, name):
    """Who reads public channels notices nothing; the private one is subscribed by itself once the endpoint is well."""
    channel = name("private-")
    with guarded.fault(f"auth endpoint: {fault}", 30, silent=True) as over:
        signer.fault = fault
        if fault == "down":
            signer.refuse()
        stream = guarded.daemon.events(channel)
        error = stream.until("realtime:subscription_error")
        assert error.json["type"] == "AuthError", error
        assert not guarded.daemon.channel(channel)["subscribed"]
        guarded.arrive(guarded.publish())
        if fault == "down":
            signer.listen_again()
        signer.fault, over.at = None, time.monotonic()
        stream.until("realtime:subscription_succeeded", 20)
        stream.close()
        poll(lambda: guarded.daemon.get(f"/channels/{channel}").status_code == 404)
