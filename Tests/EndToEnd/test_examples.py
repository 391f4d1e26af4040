"""The examples of the library, against the sandbox: what they say, and that they end."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from deadline import SECONDS
from peers import Client
from processes import BINARY, ROOT

# Beside the binary, or where the build for `swift test` has put them.
FOLDERS = [Path(BINARY).parent, ROOT / ".build/debug"]


def example(name, *arguments):
    program = next((folder / name for folder in FOLDERS if (folder / name).exists()), None)
    if not program:
        pytest.skip(f"{name} is not built")
    return [program, *arguments]


def output(name, *arguments):
    """What an example prints that ends by itself."""
    done = subprocess.run(example(name, *arguments), capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout


@pytest.fixture
def watch():
    """Starts examples that go on, on a terminal, so that each line comes when it is printed."""
    running = []

    def begin(name, *arguments):
        ours, theirs = os.openpty()
        process = subprocess.Popen(example(name, *arguments), stdout=theirs)
        # Its end is the end of what is waited for.
        timer = threading.Timer(2 * SECONDS, process.kill)
        timer.start()
        running.append((process, timer, ours))
        os.close(theirs)
        return os.fdopen(os.dup(ours))

    yield begin
    for process, timer, terminal in running:
        timer.cancel()
        process.kill()
        process.wait(SECONDS)
        os.close(terminal)


def test_getting_started_prints_what_is_published(sandbox, watch, name):
    channel = name()
    lines = watch("GettingStarted", sandbox.url, "sandbox-key", channel)
    assert next(lines) == "realtime:subscription_succeeded: {}\n"
    sandbox.publish(channel, "hello", '{"n":1}')
    assert next(lines) == 'hello: {"n":1}\n'


def test_presence_says_who_comes_and_goes(sandbox, watch):
    lines = watch("Presence", sandbox.url, f"{sandbox.http}/auth")
    assert [next(lines), next(lines)] == ["I am ann; 1 here\n", '  ann {"name":"ann"}\n']
    with Client(sandbox) as other:
        other.subscribe("presence-room", "bob")
        assert next(lines) == "+ bob, now 2\n"
    assert next(lines) == "- bob, now 1\n"


def test_connection_states_says_each(sandbox):
    states = output("ConnectionStates", sandbox.url).split("\n")
    assert [state.split(" as ")[0] for state in states] == ["initialized", "connecting", "connected", "disconnected", ""]


@pytest.mark.parametrize("attempt", range(10))
def test_error_handling_meets_one_of_each(sandbox, attempt):
    lines = output("ErrorHandling", sandbox.url)
    assert "callback for realtime:connection_established threw: Clumsy()\n" in lines
    assert "subscription: private and presence channels need" in lines
    assert lines.endswith("connection: closed as asked\n")
    lines = output("ErrorHandling", sandbox.url, "wrong-key")
    assert "service: 4001 " in lines
    assert "connection: No app has this key" in lines
