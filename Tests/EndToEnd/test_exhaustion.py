"""Out of descriptors, and at every limit at once (HTTP contract, section 6): the daemon stays useful and small."""

import os
import socket
import time

import pytest

from deadline import poll
from flood import FastUpstream, Loop, message, metric, text_frame
from peers import ScriptedUpstream
from problems import problem
from processes import IS_MEMORY_JUDGED, Daemon, configuration
from raw import Connection, request

DESCRIPTORS = 64
# Idle connections stay for as long as a test takes.
PATIENT = 'head_timeout = "120s"\nidle_timeout = "120s"'
REFUSAL = "cannot take a connection"


def open_descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def cpu_seconds(daemon):
    with open(f"/proc/{daemon.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def complaints(daemon):
    return [entry for entry in daemon.entries if REFUSAL in entry["message"]]


@pytest.fixture
def upstream():
    with ScriptedUpstream() as server:
        yield server


@pytest.fixture
def exhausted(start, upstream):
    """A daemon with a stream of `news` that has no descriptor left, and the connections that took them."""
    text = configuration(upstream, 'channels = ["news"]', PATIENT, auth=False)
    daemon = start(Daemon, text, prefix=["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"])
    daemon.wait_for_state("connected")
    stream = daemon.subscribed("news")
    connections = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(DESCRIPTORS + 36)]
    poll(lambda: open_descriptors(daemon) == DESCRIPTORS and complaints(daemon), what="no descriptor is left")
    yield daemon, stream, connections
    for connection in connections:
        connection.close()


def test_without_descriptors_streams_go_on_and_accepting_rests_instead_of_spinning(exhausted, upstream):
    daemon, stream, _ = exhausted
    connection = upstream.connection()
    started, cpu, count = time.monotonic(), cpu_seconds(daemon), 0
    # Longer than several of the pauses that the listener makes.
    while (elapsed := time.monotonic() - started) < 3.5:
        upstream.send(connection, "step", str(count), channel="news")
        assert stream.until("step").data == str(count)
        count += 1
        time.sleep(0.1)
    used = cpu_seconds(daemon) - cpu
    assert used < elapsed / 2, f"{used} s of CPU in {elapsed} s"
    assert open_descriptors(daemon) == DESCRIPTORS
    # An open connection is still served as well.
    assert daemon.get("/healthz").status_code == 200
    # Said once, not once a second.
    assert len(complaints(daemon)) == 1, complaints(daemon)


def test_freed_descriptors_go_to_those_who_wait(exhausted):
    daemon, _, connections = exhausted
    waiting = Connection(daemon).send(request())
    # It is behind everybody in the backlog: descriptors for all of them are needed.
    for connection in connections[:-5]:
        connection.close()
    assert waiting.response()[0] == 200
    waiting.close()
    with Connection(daemon).send(request()) as another:
        assert another.response()[0] == 200


def test_the_upstream_comes_back_once_there_are_descriptors(exhausted, upstream):
    daemon, stream, connections = exhausted
    upstream.connection().close(4200)
    assert stream.until("state_change").json["current"] == "connecting"
    for connection in connections:
        connection.close()
    poll(lambda: open_descriptors(daemon) < DESCRIPTORS - 10)
    daemon.post("/connection/connect")
    daemon.wait_for_state("connected", 40)
    stream.until("bridge:gap")
    upstream.send(upstream.connection(), "step", "1", channel="news")
    stream.until("step")


# Memory

KEPT_BYTES, BACKLOG_BYTES, CHANNELS, STREAMS = 4 << 20, 256 << 10, 20, 200
# The logs, twice for storage that grows by doubling and twice for readers on their way through what was evicted, and
# room for what the allocator keeps; a quarter of what is published.
GROWTH_KIB_MAX = 48 << 10
PUBLISHED_BYTES = 192 << 20


# contract: 6.8, 6.12, 6.15, 6.16
def test_memory_stays_bounded_at_every_limit_with_slow_readers_and_a_fast_publisher(start):
    loop = Loop()
    limits = f"""
kept_bytes = {KEPT_BYTES}
reader_backlog_bytes = {BACKLOG_BYTES}
max_channels = {CHANNELS}
max_streams = {STREAMS}
max_connections = {STREAMS + 20}
kept_events = 100000
"""
    with FastUpstream(loop) as upstream:
        names = [f"channel-{number}" for number in range(CHANNELS)]
        daemon = start(Daemon, configuration(upstream, f"channels = {names}", limits, auth=False))
        loop.until(lambda: len(upstream.subscribed) == CHANNELS and not upstream.pending)
        before = daemon.memory_kib()
        paths = [f"/channels/{name}/events" for name in names]
        readers = [SlowReader(daemon, paths[number % CHANNELS], number) for number in range(STREAMS)]
        poll(lambda: metric(daemon, 'apinatord_streams{app="main"}') == STREAMS)
        problem(daemon.get(f"/channels/{names[0]}/events"), 503, "too_many_streams")
        problem(daemon.put("/channels/one-more"), 503, "too_many_channels")
        payload = '{"s":"' + "x" * 4000 + '"}'
        batch = [text_frame(message("step", payload, name)) for name in names] * 5
        batch_bytes = sum(map(len, batch))
        published = turns = 0
        while published < PUBLISHED_BYTES:
            if upstream.pending < 1 << 20:
                upstream.publish(batch)
                published += batch_bytes
            loop.turn(0.001)
            turns += 1
            if turns % 4 == 0:
                for reader in readers[turns // 4 % 8 :: 8]:
                    reader.read()
        loop.until(lambda: not upstream.pending)
        growth = daemon.memory_kib("VmHWM") - before
        came_back = sum(reader.connects for reader in readers) - STREAMS
        print(f"{published >> 20} MiB, {STREAMS} readers, {came_back} came back, {before} KiB before, {growth} more")
        assert not IS_MEMORY_JUDGED or growth < GROWTH_KIB_MAX, f"{growth} KiB more at the peak, {before} KiB at first"
        assert came_back > STREAMS
        stalled = sum(reader.is_stalled for reader in readers)
        assert metric(daemon, 'apinatord_dropped_streams_total{reason="slow_consumer"}') >= stalled
        for reader in readers:
            reader.socket.close()
        poll(lambda: metric(daemon, 'apinatord_streams{app="main"}') == 0)


class SlowReader:
    """A client with a small buffer that reads a little now and then, and leaves to come back for all that is kept; some
    never read."""

    FORMS = ("?since=1h", "?since=1h&format=message", "?since=1h&event=step")

    def __init__(self, daemon, path, number):
        self.address = ("127.0.0.1", daemon.port)
        version = "1.0" if number % 5 == 0 else "1.1"
        self.request = request(path=path + self.FORMS[number % 3], version=version).encode()
        self.is_stalled = number % 4 == 0
        self.connects = 0
        self.connect()

    def connect(self):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(self.address)
        self.socket.sendall(self.request)
        self.socket.setblocking(False)
        self.connects += 1
        self.patience = 8

    def read(self):
        if self.is_stalled:
            return
        try:
            data = self.socket.recv(1 << 15)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        self.patience -= 1
        if not data or not self.patience:
            self.socket.close()
            self.connect()
