"""A reader that vanishes without a word is found (HTTP contract, section 6: write_timeout)."""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import time

import pytest

from deadline import poll
from flood import metric
from processes import Daemon, Sandbox, configuration

CLONE_NEWNET = 0x40000000
HERE, THERE = "192.0.2.1", "192.0.2.2"  # RFC 5737: for documentation
WRITE_TIMEOUT = 2
KEEP_ALIVE = 15  # an idle stream gets a comment after that
SLACK = 12


class Network:
    """Two network namespaces of this thread's own with a cable between them; both go with what runs in them."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.original = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.here = self.there = None

    def _new(self):
        if self.libc.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        ip("link", "set", "lo", "up")
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    def enter(self, namespace):
        if self.libc.setns(namespace, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    @contextlib.contextmanager
    def at(self, namespace):
        self.enter(namespace)
        try:
            yield
        finally:
            self.enter(self.here)

    def open(self):
        self.there = self._new()
        self.here = self._new()
        # The thread is in one, a process has to be in the other for `ip` to name it.
        with self.at(self.there):
            holder = subprocess.Popen(["sleep", "60"])
        try:
            ip("link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(holder.pid))
        finally:
            holder.kill()
            holder.wait()
        ip("address", "add", f"{HERE}/24", "dev", "here")
        ip("link", "set", "here", "up")
        with self.at(self.there):
            ip("address", "add", f"{THERE}/24", "dev", "there")
            ip("link", "set", "there", "up")

    def unplug(self):
        with self.at(self.there):
            ip("link", "set", "there", "down")

    def close(self):
        self.enter(self.original)
        for namespace in (self.here, self.there, self.original):
            if namespace is not None:
                os.close(namespace)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def network():
    if os.geteuid() != 0 or not shutil.which("ip"):
        pytest.skip("a network that can be unplugged needs root and `ip`")
    network = Network()
    try:
        try:
            network.open()
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces here: {error} {getattr(error, 'stderr', '')}")
        yield network
    finally:
        network.close()


def vanish(network, daemon, channels, token):
    """Opens a stream of each channel from the other side, and pulls the cable."""
    with network.at(network.there):
        sockets = [socket.create_connection((HERE, daemon.remote_port), 10) for _ in channels]
    for channel, sock in zip(channels, sockets):
        head = f"GET /channels/{channel}/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        sock.sendall(head.encode())
        received = b""
        while b"realtime:subscription_succeeded" not in received:
            received += sock.recv(4096)
    network.unplug()
    return sockets


def open_descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


# contract: 6.7
def test_readers_that_vanish_without_a_word_are_found(network, start, tmp_path):
    sandbox = start(Sandbox)
    secret = tmp_path / "token"
    secret.write_text("a-token")
    secret.chmod(0o600)
    token = f'[[token]]\nname = "all"\nsecret = {{ file = "{secret}" }}\nallow = ["read", "admin"]'
    limits = f'write_timeout = "{WRITE_TIMEOUT}s"'
    text = configuration(sandbox, 'linger = "1h"', limits, rest=token, auth=False)
    daemon = start(Daemon, text.replace('"127.0.0.1:0"', f'"127.0.0.1:0", "{HERE}:0"'))
    daemon.remote_port = int(next(a for a in daemon.addresses if a.startswith(HERE)).rsplit(":", 1)[1])
    daemon.client.headers["Authorization"] = "Bearer a-token"
    daemon.wait_for_state("connected")
    # One of the channels has events, the other none but the comments that the bridge makes.
    near = daemon.subscribed("busy", headers={"Authorization": "Bearer a-token"})
    descriptors = open_descriptors(daemon)
    sockets = vanish(network, daemon, ["busy", "quiet"], "a-token")
    vanished = time.monotonic()
    assert daemon.channel("busy")["streams"] == 2 and daemon.channel("quiet")["streams"] == 1

    def is_found():
        sandbox.publish("busy", "step", "{}")
        return daemon.channel("busy")["streams"] == 1

    poll(is_found, WRITE_TIMEOUT + SLACK)
    print(f"the busy one after {time.monotonic() - vanished:.1f} s")
    # The one that is there noticed nothing.
    sandbox.publish("busy", "last", "{}")
    near.until("last")
    poll(lambda: daemon.channel("quiet")["streams"] == 0, KEEP_ALIVE + WRITE_TIMEOUT + SLACK)
    print(f"the quiet one after {time.monotonic() - vanished:.1f} s")
    assert metric(daemon, 'apinatord_streams{app="main"}') == 1
    # Their descriptors are free again, and they did not hear of it.
    poll(lambda: open_descriptors(daemon) == descriptors)
    for sock in sockets:
        sock.settimeout(0)
        with pytest.raises(BlockingIOError):
            while sock.recv(4096):
                pass
        sock.close()
