"""A service manager that does not read what it is told (config-and-cli, systemd)."""

import signal
import socket

from deadline import poll
from processes import Daemon, configuration


def fill(path):
    """Leaves no room for another datagram."""
    while True:
        count = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                while True:
                    sender.sendto(b"filler", path)
                    count += 1
            except BlockingIOError:
                if count == 0:
                    return


def test_it_holds_nothing_up_and_is_told_later(sandbox, start, manager, name):
    daemon = start(Daemon, configuration(sandbox, app='linger = "0s"'), environment={"NOTIFY_SOCKET": manager.path})
    daemon.wait_for_state("connected")
    fill(manager.path)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_entry("reloaded")
    # Notifications do not fit any more, and the loop turns.
    stalled = lambda: [e for e in daemon.entries if e["message"].startswith("the service manager does not take")]
    poll(stalled)
    for _ in range(20):
        daemon.subscribed(name()).close()
    assert daemon.get("/healthz").status_code == 200
    manager.until("RELOADING=1")
    manager.until("READY=1")
    # With its newest status.
    assert "STATUS=main: connected" in manager.messages[-1]
    assert len(stalled()) == 1


def test_it_does_not_keep_the_daemon_from_ending(sandbox, start, manager, name):
    daemon = start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": manager.path})
    daemon.wait_for_state("connected")
    fill(manager.path)
    daemon.subscribed(name())
    assert daemon.stop() == 0
