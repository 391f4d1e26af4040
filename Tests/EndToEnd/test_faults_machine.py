"""What goes wrong on the machine and on the side of the readers: see test_faults.py."""

import ctypes
import mmap
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from deadline import SECONDS, poll
from faults_scene import CHANNEL, Scene
from flood import metric
from raw import Connection, request
from test_exactly_once import is_stopped
from test_faults import BACKOFF, MORE_BACKOFF, scene  # noqa: F401
from test_restart import FILE, LISTENING

# A mount namespace of the daemon's own; what is mounted there goes with it.
NAMESPACE = ("unshare", "--mount", "bash", "-c")


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        yield listener


def passing(listener, *prefix):
    return {"prefix": [*LISTENING, str(listener.fileno()), *prefix], "pass_fds": [listener.fileno()]}


def needs_namespaces():
    if os.geteuid() != 0 or not shutil.which("unshare") or subprocess.run(["unshare", "--mount", "true"]).returncode:
        pytest.skip("mount namespaces need root and `unshare`")


# The daemon


def test_the_daemon_is_frozen_for_a_while(scene):  # noqa: F811
    stage = scene()
    with stage.fault("daemon frozen (SIGSTOP) for 3 s", BACKOFF, silent=True):
        stage.daemon.signal(signal.SIGSTOP)
        poll(lambda: is_stopped(stage.daemon))
        for _ in range(30):
            stage.publish(10)
            time.sleep(0.1)
        stage.daemon.signal(signal.SIGCONT)


def test_the_daemon_is_killed(scene, listener):  # noqa: F811
    """Nothing is handed over: what may be missing is said."""
    stage = scene(**passing(listener))
    with stage.fault("daemon killed (SIGKILL) and started", BACKOFF):
        stage.publish(5)
        stage.daemon.kill()
        stage.publish(5)
        stage.restart()
    assert stage.witness.told["gap unknown_id"] == 1


def test_nobody_reads_the_log_any_more(scene):  # noqa: F811
    """As after `apinatord serve 2>&1 | head`: what it says next is said to nobody."""
    stage = scene(prefix=["bash", "-c", 'exec "$@" 2> >(exec cat >&2)', "bash"])
    with open(f"/proc/{stage.daemon.pid}/task/{stage.daemon.pid}/children") as file:
        (cat,) = map(int, file.read().split())
    with stage.fault("nobody reads standard error any more", BACKOFF):
        os.kill(cat, signal.SIGKILL)
        stage.upstream.hang_up()
        stage.upstream.until(lambda: not stage.upstream.peer)


# The state folder

SMALL = 'mount -t tmpfs -o size=8k none "$0" && exec "$@"'
READ_ONLY = 'mount -t tmpfs -o ro none "$0" && exec "$@"'
FULL_STATE = {
    "disk full": (*NAMESPACE, SMALL),
    "read-only": (*NAMESPACE, READ_ONLY),
    "files may not grow (RLIMIT_FSIZE)": ("prlimit", "--fsize=4096:4096"),
    "folder gone": (),
}


@pytest.mark.parametrize("name", FULL_STATE)
def test_what_is_kept_cannot_be_handed_over(scene, listener, tmp_path, name):  # noqa: F811
    """The daemon ends in good order and says why; its readers are told that something may be missing."""
    prefix = FULL_STATE[name]
    if prefix[:1] == ("prlimit",) and os.environ.get("APINATORD_SANITIZER") == "thread":
        pytest.skip("ThreadSanitizer maps files of its own that are bigger")
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    if prefix[:1] == NAMESPACE[:1]:
        needs_namespaces()
        prefix = (*prefix, str(folder))
    stage = scene(**passing(listener, *prefix), environment={"STATE_DIRECTORY": str(folder)})
    with stage.fault(f"state folder: {name}", BACKOFF):
        stage.arrive(stage.publish(100, size=1000))
        if name == "folder gone":
            shutil.rmtree(folder)
        old = stage.daemon
        old.signal(signal.SIGTERM)
        assert old.wait() == 0, old.log
        assert any(entry["level"] in ("warning", "error") and "kept" in entry["message"] for entry in old.entries), old.log
        assert not (folder / FILE).exists()
        stage.restart()
    assert stage.witness.told["gap unknown_id"] == 1


# Names

NAME = "upstream.invalid"
NAMES = 'mount --bind "$0" /etc/hosts && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


@pytest.mark.parametrize("kind", ["refuses", "is silent"])
def test_the_resolver_is_gone(scene, tmp_path, kind):  # noqa: F811
    needs_namespaces()
    hosts, resolver = tmp_path / "hosts", tmp_path / "resolv.conf"
    known = f"127.0.0.1 localhost {NAME}\n"
    hosts.write_text(known)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        if kind == "is silent":
            try:
                deaf.bind(("127.9.9.9", 53))
            except OSError as error:
                pytest.skip(f"port 53: {error}")
        resolver.write_text("nameserver 127.9.9.9\noptions timeout:1 attempts:1\n")
        stage = scene(
            prefix=[*NAMESPACE, NAMES, str(hosts), str(resolver)], replace=[('url = "ws://127.0.0.1', f'url = "ws://{NAME}')])
        with stage.fault(f"DNS gone: the resolver {kind}", MORE_BACKOFF):
            hosts.write_text("127.0.0.1 localhost\n")
            stage.upstream.hang_up()
            error = poll(lambda: stage.daemon.connection().get("last_error", {}).get("message", "").count(NAME), 20)
            assert error
            began = time.monotonic()
            assert stage.daemon.get("/healthz").status_code == 200
            assert time.monotonic() - began < 1
            hosts.write_text(known)


# Time

SHIFT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile long *shift;

__attribute__((constructor)) static void begin(void) {
  int file = open(getenv("CLOCK_SHIFT"), O_RDONLY | O_CLOEXEC);
  shift = mmap(0, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*next)(clockid_t, struct timespec *);
  if (!next) next = dlsym(RTLD_NEXT, "clock_gettime");
  int status = next(clock, now);
  if (shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *shift;
  return status;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec time;
  int status = clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec, now->tv_usec = time.tv_nsec / 1000;
  return status;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"""


@pytest.fixture
def clock(tmp_path):
    """A clock for the daemon alone, and how to set it: `clock(seconds)`."""
    if os.environ.get("APINATORD_SANITIZER"):
        pytest.skip("a sanitizer is what has to be loaded first")
    compiler = shutil.which("cc") or shutil.which("clang")
    if not compiler:
        pytest.skip("there is no C compiler")
    (tmp_path / "shift.c").write_text(SHIFT)
    library, value = tmp_path / "shift.so", tmp_path / "shift"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "shift.c", "-ldl"], check=True)
    value.write_bytes(bytes(ctypes.sizeof(ctypes.c_long)))
    with open(value, "r+b") as file, mmap.mmap(file.fileno(), 0) as shared:

        def set_clock(seconds):
            shared[:] = struct.pack("l", seconds)

        set_clock.environment = {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(value)}
        yield set_clock


def hour(daemon):
    """The hour that the daemon's log has."""
    daemon.signal(signal.SIGHUP)
    count = len(daemon.entries)
    return poll(lambda: daemon.entries[count:] and daemon.entries[-1]["time"][:13])


@pytest.mark.parametrize("hours", [-1, 3])
def test_the_clock_is_set(scene, clock, hours):  # noqa: F811
    stage = scene(environment=clock.environment)
    before = hour(stage.daemon)
    with stage.fault(f"clock set {'back' if hours < 0 else 'on'} by {abs(hours)} h", BACKOFF, silent=True):
        first = stage.publish(5)
        stage.arrive(first)
        clock(hours * 3600)
        last = stage.publish(5)
        stage.arrive(last)
    assert hour(stage.daemon) != before
    # What was kept a moment ago is of a moment ago.
    stream = stage.daemon.events(CHANNEL, "?since=5m&event=step")
    numbers = []
    while last not in numbers:
        numbers.append(stream.until("step").json["n"])
    assert first in numbers
    stream.close()


# Readers


def open_readers(stage, count, receive_buffer=None):
    readers = []
    for _ in range(count):
        reader = socket.socket()
        if receive_buffer:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        reader.settimeout(SECONDS)
        reader.connect(("127.0.0.1", stage.daemon.port))
        reader.sendall(request(path=f"/channels/{CHANNEL}/events").encode())
        readers.append(reader)
    poll(lambda: metric(stage.daemon, 'apinatord_streams{app="main"}') == count + 1, 30)
    return readers


@pytest.fixture
def descriptors():
    """As many descriptors as may be had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_5000_readers_leave_at_once(scene, descriptors, how):  # noqa: F811
    if descriptors < 5500:
        pytest.skip(f"only {descriptors} descriptors")
    stage = scene()
    with stage.fault(f"5,000 readers leave at once ({how})", BACKOFF, silent=True):
        readers = open_readers(stage, 5000)
        stage.arrive(stage.publish(10))
        for reader in readers:
            if how == "reset":
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reader.close()
    assert metric(stage.daemon, 'apinatord_streams{app="main"}') == 1


def test_readers_that_never_read(scene):  # noqa: F811
    stage = scene(limits="reader_backlog_bytes = 65536")
    with stage.fault("100 readers never read", BACKOFF, silent=True):
        readers = open_readers(stage, 100, receive_buffer=2048)
        dropped = 'apinatord_dropped_streams_total{reason="slow_consumer"}'
        for _ in range(1000):
            stage.arrive(stage.publish(size=60_000))
            if metric(stage.daemon, dropped) == 100:
                break
        assert metric(stage.daemon, dropped) == 100
        for reader in readers:
            reader.close()


def test_a_flood_of_connections(scene, descriptors):  # noqa: F811
    """Over `max_connections`; who is there already notices nothing."""
    stage = scene(limits='max_connections = 500\nhead_timeout = "2s"')
    flood = []
    with stage.fault("flood: 3,000 connections that come and go", BACKOFF, silent=True):
        for number in range(3000):
            with socket.create_connection(("127.0.0.1", stage.daemon.port)) as connection:
                if number % 2:
                    connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            if number % 100 == 0:
                stage.arrive(stage.publish())
    with stage.fault("flood: 1,500 connections that say half a request", BACKOFF, silent=True):
        for number in range(1500):
            connection = socket.create_connection(("127.0.0.1", stage.daemon.port))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            flood.append(connection)
            if number % 100 == 0:
                stage.arrive(stage.publish())
        assert metric(stage.daemon, 'apinatord_refused_total{reason="too_many_connections"}') > 0
        # The late ones go by themselves.
        poll(lambda: _is_served(stage.daemon), 10)
        for connection in flood:
            connection.close()
    with stage.fault("flood: 20,000 requests on 20 connections", BACKOFF, silent=True):
        connections = [Connection(stage.daemon) for _ in range(20)]
        for connection in connections:
            connection.send(request(path="/nothing") * 1000)
        stage.arrive(stage.publish())
        for connection in connections:
            for _ in range(1000):
                assert connection.response()[0] == 404
            connection.close()


def _is_served(daemon):
    try:
        with Connection(daemon).send(request()) as connection:
            return connection.response()[0] == 200
    except (OSError, EOFError):
        return False
