"""The unit files, and the daemon as systemd runs it (config-and-cli, systemd); no systemd has to run for it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import httpx
import pytest

from deadline import SECONDS, poll
from processes import BINARY, ROOT, Daemon, configuration

UNITS = ROOT / "deploy/systemd"
HAS_JOURNAL = os.path.exists("/run/systemd/journal/socket")

analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


# The unit files


@pytest.fixture
def units(tmp_path):
    """The units with the binary of these tests in the place of the installed one, and their examples taken into use."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/usr/bin/apinatord", BINARY)
        (tmp_path / unit.name).write_text(re.sub(r"^#(?=LoadCredential=)", "", text, flags=re.M))
    return tmp_path


@analyze
def test_systemd_finds_nothing_wrong_with_the_units(units):
    names = ["apinatord.service", "apinatord.socket"]
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *[units / name for name in names]],
        capture_output=True, text=True, env=environment, timeout=60)  # fmt: skip
    complaints = [line for line in result.stderr.splitlines() if "apinatord" in line]
    assert (result.returncode, complaints) == (0, []), result.stderr


@analyze
def test_the_service_can_do_little_besides_its_work():
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=12", "--no-pager", UNITS / "apinatord.service"],
        capture_output=True, text=True, timeout=60)  # fmt: skip
    assert result.returncode == 0, result.stdout


# Notifications


# contract: 8.2
def test_a_reload_is_announced_and_ends_ready(sandbox, start, manager):
    daemon = start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": manager.path})
    manager.until("STATUS=main: connected")
    daemon.signal(signal.SIGHUP)
    manager.until("RELOADING=1")
    # sd_notify(3): Type=notify-reload wants the time with it
    assert re.search(r"^MONOTONIC_USEC=\d+$", manager.messages[-1], re.M)
    manager.until("READY=1")
    daemon.wait_for_entry("reloaded")


# contract: 8.2
def test_a_refused_reload_ends_ready_too(sandbox, start, manager):
    daemon = start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": manager.path})
    manager.until("STATUS=main: connected")
    daemon.configuration.write_text("nonsense = true")
    daemon.signal(signal.SIGHUP)
    manager.until("RELOADING=1")
    manager.until("READY=1")
    assert "STATUS=main: connected, 0 channels, 0 streams; reload refused, see the log" in manager.messages[-1]
    poll(lambda: any(entry["message"].startswith("reload refused") for entry in daemon.entries))
    # For as long as that is so.
    stream = daemon.events("x")
    assert manager.until("STATUS=main: connected, 1").endswith("; reload refused, see the log")
    daemon.configuration.write_text(configuration(sandbox))
    daemon.signal(signal.SIGHUP)
    manager.until("READY=1")
    assert "refused" not in manager.messages[-1]
    stream.close()
    assert "refused" not in manager.until("STATUS=main: connected, 1 channels, 0")


def test_a_service_manager_that_is_gone_is_no_reason_to_stop(sandbox, start, tmp_path):
    daemon = start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": str(tmp_path / "nothing")})
    assert daemon.get("/healthz").status_code == 200


# Sockets that are passed in


class Activated:
    """A daemon with sockets from descriptor 3 on, as sd_listen_fds(3) has them."""

    SCRIPT = """
        numbers=$1 count=$2 names=$3; shift 3
        target=20; for number in $numbers; do eval "exec $target<&$number"; target=$((target + 1)); done
        for ((i = 0; i < count; i++)); do eval "exec $((3 + i))<&$((20 + i)) $((20 + i))<&-"; done
        export LISTEN_PID=$$ LISTEN_FDS=${FDS:-$count} LISTEN_FDNAMES=$names
        exec "$@"
    """

    def __init__(self, file, sockets, names=None, count=""):
        numbers = [socket.fileno() for socket in sockets.values()]
        self.process = subprocess.Popen(
            ["bash", "-c", self.SCRIPT, "bash", " ".join(map(str, numbers)), str(len(numbers)), names or ":".join(sockets),
             BINARY, "serve", "--config", str(file)],
            pass_fds=numbers, stderr=subprocess.PIPE, text=True, env={**os.environ, "FDS": count})  # fmt: skip
        self.lines = []
        for line in self.process.stderr:
            self.lines.append(line)
            if '"message":"ready"' in line:
                break
        else:
            raise AssertionError(f"ended with {self.process.wait(SECONDS)}: {self.log}")
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.reader.start()

    @property
    def log(self):
        return "".join(self.lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        status = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        self.process.stderr.close()
        assert status == 0, self.log


@pytest.fixture
def sockets(tmp_path):
    """A TCP and a Unix socket that listen, as a socket unit holds them."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "a.sock"))
        unix.listen()
        yield {"web": tcp, "local": unix}


@pytest.fixture
def file(sandbox, tmp_path):
    path = tmp_path / "apinatord.toml"
    path.write_text(configuration(sandbox))
    return path


def answers(sockets):
    """What the daemon says through each of the two sockets."""
    with httpx.Client(trust_env=False, timeout=SECONDS) as tcp:
        first = tcp.get(f"http://127.0.0.1:{sockets['web'].getsockname()[1]}/healthz").status_code
    transport = httpx.HTTPTransport(uds=sockets["local"].getsockname())
    with httpx.Client(transport=transport, timeout=SECONDS) as unix:
        return first, unix.get("http://localhost/healthz").status_code


# contract: 1.4
def test_tcp_and_unix_sockets_are_served_and_logged_with_their_names(file, sockets):
    with Activated(file, sockets) as daemon:
        assert answers(sockets) == (200, 200)
        taken = [line for line in daemon.lines if "took over a socket" in line]
        assert ['"web"' in taken[0], '"local"' in taken[1]] == [True, True], daemon.log
        port = sockets["web"].getsockname()[1]
        assert f"127.0.0.1:{port}" in taken[0] and sockets["local"].getsockname() in taken[1]
        # The configuration's own address is not listened on, and that is said.
        assert len([line for line in daemon.lines if '"listening"' in line]) == 2
        assert any("`listen` is not used" in line for line in daemon.lines)


# contract: 1.4
@pytest.mark.parametrize("names", ["web", "web:local:more"])
def test_names_that_do_not_fit_are_no_reason_to_listen_elsewhere(file, sockets, names):
    with Activated(file, sockets, names) as daemon:
        assert answers(sockets) == (200, 200)
        assert len([line for line in daemon.lines if "took over a socket" in line]) == 2


@pytest.mark.parametrize("count", ["many", "100"])
def test_sockets_that_are_not_there_are_no_reason_to_listen_elsewhere(file, sockets, count):
    with pytest.raises(AssertionError, match="ended with 1: apinatord: .LISTEN_FDS does not say"):
        Activated(file, sockets, count=count)


# contract: 1.4
def test_a_reload_does_not_listen_beside_them_either(file, sockets, tmp_path):
    with Activated(file, sockets) as daemon:
        address = f"unix:{tmp_path}/beside.sock"
        file.write_text(file.read_text().replace('listen = ["127.0.0.1:0"]', f'listen = ["{address}"]'))
        daemon.process.send_signal(signal.SIGHUP)
        poll(lambda: '"message":"reloaded"' in daemon.log)
        assert len([line for line in daemon.lines if "`listen` is not used" in line]) == 2
        assert not (tmp_path / "beside.sock").exists()
        assert answers(sockets) == (200, 200)


# contract: 1.4
def test_the_sockets_outlive_a_restart_and_callers_wait_meanwhile(file, sockets):
    with Activated(file, sockets):
        assert answers(sockets) == (200, 200)
    assert os.path.exists(sockets["local"].getsockname())
    with socket.create_connection(sockets["web"].getsockname(), SECONDS) as early:
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with Activated(file, sockets):
            assert early.recv(64).startswith(b"HTTP/1.1 200 ")
            assert answers(sockets) == (200, 200)


# contract: 1.4
def test_what_is_passed_in_and_is_no_listening_socket_is_refused(file, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(str(tmp_path / "d.sock"))
        with pytest.raises(AssertionError, match="ended with 1: apinatord: "):
            Activated(file, {"wrong": datagrams})


# Credentials


def test_a_secret_can_be_a_credential(sandbox, start, tmp_path):
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    (folder / "ci_token").write_text("s3cret-token\n")
    (folder / "ci_token").chmod(0o400)
    token = """
        [[token]]
        name = "ci"
        secret = { credential = "ci_token" }
        channels = ["*"]
        allow = ["read"]
    """
    daemon = start(Daemon, configuration(sandbox, rest=token), environment={"CREDENTIALS_DIRECTORY": str(folder)})
    assert daemon.get("/connection").status_code == 401
    assert daemon.get("/connection", headers={"Authorization": "Bearer s3cret-token"}).status_code == 200
    assert daemon.get("/connection", headers={"Authorization": "Bearer guessed-wrongly"}).status_code == 401
    daemon.stop()
    assert "s3cret-token" not in daemon.log and "guessed-wrongly" not in daemon.log


# The log


def first_lines(file, environment=None):
    """What a daemon writes until it is ready, standard error being a pipe that `environment` may be made from."""
    reading, writing = os.pipe()
    more = environment(os.fstat(writing)) if environment else {}
    process = subprocess.Popen([BINARY, "serve", "--config", file], stderr=writing, env={**os.environ, **more})
    os.close(writing)
    lines = []
    with open(reading) as stream:
        for line in stream:
            lines.append(line)
            if "ready" in line:
                process.terminate()
    assert process.wait(SECONDS) == 0, lines
    return lines


@pytest.mark.skipif(HAS_JOURNAL, reason="the journal of this machine would take the lines")
@pytest.mark.parametrize("how", ["configured", "found out"])
def test_without_a_journal_to_write_to_lines_carry_their_priority(sandbox, tmp_path, how):  # sd-daemon(3)
    file = tmp_path / "a.toml"
    file.write_text(configuration(sandbox, rest='[log]\nformat = "journal"' if how == "configured" else ""))
    stream = {} if how == "configured" else {"environment": lambda of: {"JOURNAL_STREAM": f"{of.st_dev}:{of.st_ino}"}}
    lines = first_lines(file, **stream)
    assert any(re.match(r"<6>ready pid=\d+", line) for line in lines), lines
    assert all(re.match(r"<\d>", line) for line in lines), lines


def test_a_journal_that_is_not_standard_error_is_left_alone(file):
    # A service that was redirected has the variable as well (systemd.exec(5)).
    lines = first_lines(file, lambda of: {"JOURNAL_STREAM": f"{of.st_dev}:{of.st_ino + 1}"})
    assert all(line.startswith("{") for line in lines), lines


def test_lines_that_repeat_are_summed_up(run):
    count = 200
    daemon = run()
    for _ in range(count):
        assert daemon.get("/nothing").status_code == 404
    daemon.stop()
    refusals = [entry for entry in daemon.entries if entry["message"].startswith("refused a request")]
    assert {(entry["status"], entry["code"]) for entry in refusals} == {("404", "not_found")}
    sums = [int(found[1]) for entry in refusals if (found := re.search(r"… repeated (\d+) times$", entry["message"]))]
    assert sums and len(refusals) - len(sums) + sum(sums) == count
    assert len(refusals) < count / 2


def test_the_log_tells_what_happens_and_no_payload(run, sandbox, name):
    daemon, channel = run(app='linger = "0s"'), name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "news", '{"text":"payload-of-upstream"}')
    stream.until("news")
    daemon.trigger(name(), "not-a-client-event", "payload-of-a-caller")
    stream.close()
    daemon.wait_for_entry("unsubscribed", app="main", channel=channel)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_entry("reloaded")
    daemon.stop()
    messages = [entry["message"] for entry in daemon.entries]
    expected = ["listening", "ready", "connection connected", "subscribed", "refused a request", "stopping", "stopped"]
    assert not [message for message in expected if message not in messages], messages
    assert "payload" not in daemon.log
