"""The process: systemd, signals, the log (config-and-cli, systemd)."""

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import time

import httpx
import pytest

from deadline import SECONDS, poll
from peers import ScriptedUpstream
from processes import BINARY, Daemon, Sandbox, configuration
from raw import Connection, request

F_SETPIPE_SZ = 1031  # fcntl(2); in Python's fcntl only from 3.10 on


def test_ready_once_it_listens_status_kept_current_stopping_at_the_end(sandbox, start, manager, name):
    daemon = start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": manager.path})
    manager.until("READY=1")
    manager.until("STATUS=main: connected")
    channel = name()
    stream = daemon.subscribed(channel)
    assert "1 channels, 1 streams" in manager.until("STATUS=main: connected, 1 channels, 1")
    stream.close()
    manager.until("STATUS=main: connected, 1 channels, 0 streams")
    assert daemon.stop() == 0
    manager.until("STOPPING=1")


def test_an_abstract_notify_socket_works_too(sandbox, start):
    address = f"apinatord-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + address)
        receiver.settimeout(SECONDS)
        start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": "@" + address})
        assert b"READY=1" in receiver.recv(4096)


def test_watchdog_from_the_loop_itself(sandbox, start, manager):
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"}
    start(Daemon, configuration(sandbox), environment=environment)
    for _ in range(3):
        manager.until("WATCHDOG=1", 0.5 if manager.messages else SECONDS)


def test_a_watchdog_meant_for_another_process_is_not_answered(sandbox, start, manager):
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"}
    daemon = start(Daemon, configuration(sandbox), environment=environment)
    daemon.stop()
    manager.until("STOPPING=1")
    assert not [message for message in manager.messages if "WATCHDOG=1" in message]


# contract: 3.29, 8.6
def test_sigterm_streams_get_bridge_shutdown_and_the_exit_is_0_within_5_s(run, name):
    daemon = run()
    chunked, plain = daemon.subscribed(name()), daemon.subscribed(name(), version="1.0")
    lines = daemon.events(name(), headers={"Accept": "application/x-ndjson"})
    idle = Connection(daemon).send(request())
    idle.response()
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    for stream in (chunked, plain):
        assert [frame.event for frame in stream.rest()][-1] == "bridge:shutdown"
        assert not stream.was_cut
    assert '"bridge:shutdown"' in lines.text().strip().splitlines()[-1]
    assert idle.is_closed()
    assert daemon.wait(5) == 0
    assert time.monotonic() - began < 5


# contract: 8.6
def test_sigterm_closes_upstream_with_1000(run):
    with ScriptedUpstream() as upstream:
        daemon = run(upstream=upstream, auth=False)
        connection = upstream.connection()
        assert daemon.stop() == 0
        poll(lambda: connection.close_code is not None)
        assert connection.close_code == 1000


# contract: 8.6
def test_sigterm_ends_within_5_s_though_a_reader_takes_nothing(run, sandbox, name):
    daemon, channel = run(limits="reader_backlog_bytes = 67108864"), name()
    slow = Connection(daemon, receive_buffer=4096).send(request(path=f"/channels/{channel}/events"))
    slow.head()
    server = sandbox.server()
    for _ in range(400):
        server.trigger("step", "x" * 9500, channel=channel)
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(5) == 0
    slow.close()


# contract: 8.6
def test_sigterm_right_after_ready_is_obeyed(sandbox, tmp_path):
    # Whoever reads the line may act on it at once.
    file = tmp_path / "a.toml"
    file.write_text(configuration(sandbox))
    for arguments, line in ((["serve", "--config", file], '"ready"'), (["sandbox", "--port", "0"], "listening")):
        for _ in range(10):
            with subprocess.Popen([BINARY, *arguments], stderr=subprocess.PIPE, text=True) as process:
                for text in process.stderr:
                    if line in text:
                        process.terminate()
                assert process.wait(SECONDS) == 0, arguments[0]


# contract: 8.6
def test_what_arrives_while_it_stops_brings_nothing_back(run, name):
    # The rest of a request keeps a stop waiting; what it asks for must not outlive it.
    with ScriptedUpstream() as upstream:
        daemon = run(upstream=upstream, auth=False)
        first = upstream.connection()
        held = name()
        asked = [request(path=f"/channels/{held}/events"), request("POST", "/connection/connect", "Content-Length: 0\r\n")]
        late = [Connection(daemon).send(text[:-2]) for text in asked]
        daemon.get("/healthz")
        daemon.signal(signal.SIGTERM)
        daemon.wait_for_entry("stopping")
        late[1].send(asked[1][-2:])
        assert late[1].response()[0] == 202
        late[0].send(asked[0][-2:])
        assert late[0].head()[0] == 200
        while late[0].receive():
            pass
        events = re.findall(rb"^event: (.*)$", late[0].bytes, re.MULTILINE)
        assert (events[0], events[-1]) == (b"bridge:open", b"bridge:shutdown") and late[0].bytes.endswith(b"\r\n0\r\n\r\n")
        assert daemon.wait(5) == 0
        poll(lambda: first.close_code is not None)
        assert first.close_code == 1000 and upstream.connections.empty()


# contract: 8.6
def test_a_stop_is_not_reloaded_and_is_told_once(sandbox, start, manager):
    daemon = start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": manager.path})
    daemon.wait_for_state("connected")
    late = [Connection(daemon).send(request(path="/apps")[:-2]) for _ in range(2)]
    daemon.get("/healthz")
    daemon.signal(signal.SIGTERM)
    daemon.wait_for_entry("stopping")
    second = f'[[app]]\nname = "second"\napp_key = "k"\nurl = "{sandbox.url}"'
    daemon.configuration.write_text(configuration(sandbox, rest=second))
    daemon.signal(signal.SIGHUP)
    daemon.signal(signal.SIGTERM)
    # One answer after the turn of the signals.
    for connection in late:
        answer = connection.send("\r\n").response()[2]
        assert [app["name"] for app in json.loads(answer)["apps"]] == ["main"]
    assert daemon.wait(5) == 0
    assert not [entry for entry in daemon.entries if "reload" in entry["message"]]
    manager.until("STOPPING=1")
    manager.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        while True:
            assert "=1" not in manager.socket.recv(4096).decode().replace("WATCHDOG=1", "")


def test_sighup_while_it_starts_is_a_reload(sandbox, tmp_path):
    file = tmp_path / "pipe"
    os.mkfifo(file)
    with subprocess.Popen([BINARY, "serve", "--config", file], stderr=subprocess.PIPE, text=True) as process:
        try:
            # Opened once the daemon waits for its configuration.
            with open(file, "w") as pipe:
                process.send_signal(signal.SIGHUP)
                pipe.write(configuration(sandbox))
            assert any('"ready"' in line for line in process.stderr)
            with open(file, "w") as pipe:
                pipe.write(configuration(sandbox))
            assert any('"reloaded"' in line for line in process.stderr)
        finally:
            process.terminate()
        assert process.wait(SECONDS) == 0


def test_sigint_ends_it_as_well(run):
    daemon = run()
    daemon.signal(signal.SIGINT)
    assert daemon.wait(5) == 0


def test_sigterm_during_the_first_connection_attempt_ends_it(start):
    gone = start(Sandbox)
    gone.kill()
    daemon = start(Daemon, configuration(gone))
    assert daemon.stop(5) == 0


# contract: 8.2
def test_sighup_leaves_streams_alone(run, sandbox, name):  # config-and-cli: no stream of an untouched app drops
    daemon, channel = run(), name()
    stream = daemon.subscribed(channel)
    daemon.signal(signal.SIGHUP)
    sandbox.publish(channel, "news", "{}")
    stream.until("news")


def test_sigpipe_does_not_end_it(run, name):
    daemon, channel = run(), name()
    for _ in range(30):
        Connection(daemon).send(request(path=f"/channels/{channel}/events")).close()
    assert daemon.get("/healthz").status_code == 200


def test_log_lines_are_json_where_standard_error_is_no_terminal(run, name):
    daemon = run()
    daemon.subscribed(name())
    daemon.stop()
    for line in daemon.lines:
        assert line.startswith("{"), line
    for entry in daemon.entries:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])
        assert entry["level"] and entry["logger"] and entry["message"]


def test_a_pipe_for_the_log_that_nobody_reads_stops_nothing(sandbox, start, tmp_path, name):
    file, path = tmp_path / "a.toml", tmp_path / "a.sock"
    file.write_text(configuration(sandbox).replace("127.0.0.1:0", f"unix:{path}"))
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
    with open(reading, "rb", buffering=0) as pipe, subprocess.Popen(
        [BINARY, "serve", "--config", file], stderr=writing
    ) as process:
        os.close(writing)
        try:
            log = b""
            while b'"ready"' not in log:
                log += pipe.read(4096)
            client = httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost")

            def subscribe(count):
                """Each has its line in the log."""
                for _ in range(count):
                    assert client.put(f"/channels/{name()}").status_code == 201

            subscribe(100)
            while b"lost" not in log:
                subscribe(1)
                log += pipe.read(4096)
            assert client.get("/healthz").status_code == 200
        finally:
            process.terminate()
            while piece := pipe.read(4096):
                log += piece
        assert process.wait(SECONDS) == 0
    messages = [json.loads(line)["message"] for line in log.splitlines() if line]
    lost = [re.fullmatch(r"(\d+) log lines are lost, which standard error did not take", text) for text in messages]
    assert sum(int(match[1]) for match in lost if match) > 10
    assert messages[-1] == "stopped"


def test_the_logs_format_can_be_chosen(sandbox, tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(configuration(sandbox, rest='[log]\nformat = "text"'))
    with subprocess.Popen([BINARY, "serve", "--config", file], stderr=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "ready" in line:
                process.terminate()
        assert process.wait(SECONDS) == 0
    assert any(re.search(r"^\d{4}-.*info.*ready.*pid=", line) for line in lines), lines


# contract: 1.4
def test_sockets_passed_in_by_systemd_come_first(sandbox, start, name):
    # sd_listen_fds(3): descriptors from 3 on, LISTEN_PID names the process
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        script = 'exec 3<&"$1"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$2" serve --sandbox --sandbox-port 0'
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", str(listener.fileno()), BINARY], pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE, text=True)  # fmt: skip
        try:
            for line in process.stderr:
                if "ready" in line:
                    break
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
        finally:
            process.terminate()
            rest = process.stderr.read()
            process.stderr.close()
            assert process.wait(SECONDS) == 0, rest
