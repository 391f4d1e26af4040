"""Fixtures: an upstream and a daemon that most tests share, and makers for those that need their own."""

import itertools
import os
import signal

import pytest

import browser
from followers import Follower
from peers import ServiceManager
from processes import BINARY, Daemon, Sandbox, configuration

# Loopback is not reached through a proxy.
os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"


def pytest_report_header():
    return f"binary: {BINARY}"


@pytest.fixture(scope="session")
def sandbox():
    """An upstream that nothing happens on by itself."""
    program = Sandbox()
    yield program
    assert program.stop() == 0, program.log


@pytest.fixture(scope="session")
def daemon(sandbox):
    """A daemon with the defaults, connected to `sandbox`; tests use channels of their own."""
    program = Daemon(configuration(sandbox, app='linger = "0s"'))
    program.wait_for_state("connected")
    yield program
    assert program.stop() == 0, program.log


@pytest.fixture(autouse=True)
def closed_streams(request):
    """No stream of the shared daemon outlives its test."""
    yield
    if "daemon" in request.fixturenames:
        request.getfixturevalue("daemon").close_streams()


@pytest.fixture
def start():
    """Starts programs that end with the test, in the opposite order, and in good order."""
    programs = []

    def begin(kind, *arguments, **options):
        program = kind(*arguments, **options)
        programs.append(program)
        return program

    yield begin
    statuses = [(program, program.stop()) for program in reversed(programs)]
    for program, status in statuses:
        assert status in (0, -9), f"{status}: {program.log}"


@pytest.fixture
def follow():
    """Starts followers that end with the test."""
    running = []

    def begin(*arguments, **options):
        follower = Follower(*arguments, **options)
        running.append(follower)
        return follower

    yield begin
    for follower in running:
        follower.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def chromium():
    """A browser, for the tests of one file."""
    program = browser.Browser()
    yield program
    program.close()


@pytest.fixture
def run(sandbox, start):
    """Starts a daemon at `sandbox` with further lines of configuration."""

    def begin(app="", limits="", top="", rest="", auth=True, upstream=None, connected=True, **options):
        text = configuration(upstream or sandbox, app, limits, top, rest, auth)
        program = start(Daemon, text, **options)
        if connected:
            program.wait_for_state("connected")
        return program

    return begin


@pytest.fixture
def manager(tmp_path):
    """What waits for notifications."""
    return ServiceManager(tmp_path)


_numbers = itertools.count(1)


@pytest.fixture
def name():
    """A maker of channel names that no other test uses."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "w")
    return lambda prefix="": f"{prefix}{worker}-{next(_numbers)}"
