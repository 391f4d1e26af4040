"""status, trigger, members and wait against the running daemon (config-and-cli)."""

import json
import os
import shlex
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from authority import Authority
from commands import NOWHERE, call, environment, examples, hazards, on_terminal, said
from deadline import SECONDS, poll
from peers import Client, ScriptedUpstream
from processes import BINARY, Daemon, Program, configuration

COMMANDS = ["status", "trigger", "members", "wait"]
TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def folder():
    """Short: a Unix socket's path has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="apd") as path:
        yield path


@pytest.fixture
def serve(sandbox, start, folder):
    """Starts a daemon that is connected and listens on a Unix socket too."""

    def begin(rest="", top="", app="", upstream=None, connected=True, auth=True):
        text = configuration(upstream or sandbox, app=app, top=top, rest=rest, auth=auth)
        daemon = start(Daemon, text.replace('["127.0.0.1:0"]', f'["127.0.0.1:0", "unix:{folder}/s"]'))
        daemon.address = f"unix:{folder}/s"
        if connected:
            said(call("wait", "--url", daemon.address))
        return daemon

    return begin


def token_entry(folder, allow='["read", "trigger"]', channels='["*"]', apps='["*"]'):
    file = os.path.join(folder, "token")
    with open(file, "w") as out:
        out.write(TOKEN)
    os.chmod(file, 0o600)
    return (
        f'[[token]]\nname = "t"\nsecret = {{ file = "{file}" }}\n'
        f"apps = {apps}\nchannels = {channels}\nallow = {allow}\n"
    )


class Reached:
    """How a daemon is called: options and environment for each of the commands."""

    def __init__(self, options, **variables):
        self.options, self.variables = options, variables

    def __call__(self, *arguments, **more):
        return call(*arguments, *self.options, **self.variables, **more)


@pytest.fixture(params=["unix", "tcp", "variable", "https", "token", "peer", "configuration"])
def reached(request, sandbox, serve, start, folder, tmp_path):
    """A daemon that may be called, by each of the ways there are."""
    kind = request.param
    if kind == "https":
        authority = Authority(tmp_path)
        certificate, key = authority.issue("server")
        key.chmod(0o600)
        file = tmp_path / "apinatord.toml"
        file.write_text(configuration(sandbox, rest=f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'))
        daemon = start(Program, ["serve", "--config", file])
        port = daemon.wait_for_entry("listening")[0]["address"].rsplit(":", 1)[1]
        way = Reached(["--url", f"https://localhost:{port}", "--ca-file", authority.certificate])
        said(way("wait"))
        return way
    rest = ""
    if kind == "token":
        rest = token_entry(folder)
    if kind == "peer":
        rest = f'[[peer]]\nuid = {os.getuid()}\nchannels = ["*"]\nallow = ["read", "trigger"]\n'
    daemon = serve(rest)
    return {
        "unix": Reached(["--url", daemon.address]),
        "tcp": Reached(["--url", daemon.url]),
        "variable": Reached([], APINATORD_URL=daemon.url),
        "token": Reached(["--url", daemon.url], APINATORD_TOKEN=TOKEN),
        "peer": Reached(["--url", daemon.address]),
        "configuration": Reached([], APINATORD_CONFIG=str(daemon.configuration)),
    }[kind]


# Every way to the daemon


def test_every_command_reaches_the_daemon_every_way(reached, name, sandbox):
    channel = name("presence-")
    assert said(reached("wait")) == ""
    members = json.loads(said(reached("members", channel, "--json")))
    assert members["count"] == 1 and members["me"]["user_id"] == members["members"][0]["user_id"]
    with Client(sandbox) as other:
        other.subscribe(channel)
        answer = json.loads(said(reached("trigger", channel, "client-a", '{"n":9223372036854775808}', "--json")))
        assert answer == {"app": "main", "channel": channel, "event": "client-a"}
        assert other.until("client-a")["data"] == '{"n":9223372036854775808}'
        assert said(reached("members", channel)).startswith(f"{channel}  2 members")
        status = json.loads(said(reached("status", "--json")))
        assert [c["member_count"] for c in status["apps"][0]["channels"] if c["name"] == channel] == [2]
    assert "main  connected" in said(reached("status"))


# status


def test_status_shows_each_app_and_its_channels(serve, name, sandbox):
    daemon = serve(rest='[[app]]\nname = "idle"\napp_key = "k"\ncluster = "eu"\nconnect = false\n')
    public, presence = name("news-"), name("presence-")
    daemon.put(f"/channels/{public}")
    stream = daemon.subscribed(presence)
    lines = said(call("status", "--url", daemon.address)).splitlines()
    assert lines[0].startswith("apinatord ") and lines[0].endswith(f"at {daemon.address}")
    rows = [line.split() for line in lines if line.startswith("  ")]
    assert ["CHANNEL", "TYPE", "SUBSCRIBED", "STREAMS", "MEMBERS"] in rows
    assert [public, "public", "yes,", "pinned", "0", "-"] in rows
    assert [presence, "presence", "yes", "1", "1"] in rows
    assert f"main (default)  connected  {sandbox.url}" in lines
    assert any(line.startswith("idle  initialized  wss://") for line in lines)
    columns = {line.index(word) for line in lines for word in ("public", "presence ") if f" {word}" in line}
    assert len(columns) == 1, lines
    stream.close()
    only = said(call("status", "--url", daemon.address, "--app", "idle"))
    assert "idle" in only and "main" not in only
    missing = call("status", "--url", daemon.address, "--app", "none")
    assert "no app is named none" in said(missing, 1)


def test_status_says_attempts_and_the_last_error(serve):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    app = f'[[app]]\nname = "away"\napp_key = "k"\nurl = "ws://127.0.0.1:{port}"\n'
    daemon = serve(rest=app, connected=False)
    poll(lambda: daemon.connection("/apps/away")["attempts"] >= 1)
    text = said(call("status", "--url", daemon.address, "--app", "away"))
    assert "attempt" in text and "last error" in text and "Connection refused" in text
    document = json.loads(said(call("status", "--url", daemon.address, "--app", "away", "--json")))
    assert document["apps"][0]["last_error"]["message"]


def test_status_json_has_what_the_daemon_has(serve, name):
    daemon = serve()
    daemon.put(f"/channels/{name()}")
    document = json.loads(said(call("status", "--url", daemon.url, "--json")))
    health, (app,) = daemon.get("/healthz").json(), daemon.get("/apps").json()["apps"]
    assert document["address"] == daemon.url
    assert (document["status"], document["version"]) == ("ready", health["version"])
    assert document["apps"][0]["channels"] == daemon.get("/channels").json()["channels"]
    assert {**health["apps"][0], **app}.keys() == document["apps"][0].keys()
    assert "refused" not in document


def test_what_may_not_be_read_is_said_and_the_rest_is_shown(serve, folder, name):
    daemon = serve(rest=token_entry(folder, channels='["news"]'))
    for variables, status in (({}, 77), ({"APINATORD_TOKEN": "wrong"}, 77), ({"APINATORD_TOKEN": TOKEN}, 0)):
        done = call("status", "--url", daemon.url, **variables)
        assert done.returncode == status
        text = done.stdout.decode()
        assert "main  connected" in text
        assert ("not this caller's to read" in text) == (status == 77)
        assert ("$APINATORD_TOKEN" in text) == (status == 77)
        document = json.loads(call("status", "--url", daemon.url, "--json", **variables).stdout)
        assert document["apps"][0]["state"] == "connected"
        assert (document["apps"][0]["channels"] is None) == (status == 77)
        assert ("refused" in document) == (status == 77)


# trigger


# contract: 4.1
def test_trigger_sends_json_as_it_is_and_anything_else_as_a_string(serve, name, sandbox):
    daemon, channel = serve(), name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        for arguments, stdin, sent in (
            (['{"b":1, "a":1e400}'], None, '{"b":1, "a":1e400}'), (["just text"], None, '"just text"'),
            ([], None, "{}"), (["-"], b"[1,\n2]", "[1,\n2]"), (["-"], "gr\u00fcn".encode(), '"gr\u00fcn"'), (["17"], None, "17"),
            (["--", "-5"], None, "-5"),
        ):  # fmt: skip
            done = call("trigger", "--url", daemon.address, channel, "client-x", *arguments, stdin=stdin)
            assert said(done) == "" and not done.stderr
            assert other.until("client-x")["data"] == sent


@pytest.mark.parametrize(
    "arguments, detail",
    [(["{}", "x"], "begins with `client-`"), (["news", "client-a"], "public channel"),
     (["a b", "client-a"], "channel name"), (["a/../b", "client-a"], "channel name"),
     (["private-unknown", "client-a", "--wait", "0"], "not subscribed"),
     (["private-x", "client-a", "x" * 20000], "max_client_event_bytes")])  # fmt: skip
def test_a_refused_trigger_says_why(serve, arguments, detail):
    daemon = serve()
    done = call("trigger", "--url", daemon.address, *arguments)
    assert done.stdout == b""
    if arguments[0] != "{}":
        assert detail in said(done, 1)
    else:
        assert "channel name" in said(done, 1)


def test_trigger_waits_as_long_as_it_is_told(serve, name):
    with ScriptedUpstream() as upstream:
        daemon = serve(upstream=upstream, auth=False, app="auth_timeout = \"1s\"")
        started = time.monotonic()
        # A private channel without anybody to sign is never confirmed.
        done = call("trigger", "--url", daemon.address, name("private-"), "client-a", "--wait", "100ms")
        assert done.returncode == 1 and time.monotonic() - started < SECONDS
        assert call("trigger", "--url", daemon.address, "private-a", "client-a", "--wait", "soon").returncode == 64


def test_trigger_without_a_connection_says_so(serve):
    daemon = serve(app="connect = false", connected=False)
    assert "not_connected" in said(call("trigger", "--url", daemon.address, "private-a", "client-a"), 1)


# members


def test_members_subscribes_for_as_long_as_it_takes(serve, name):
    daemon, channel = serve(app='linger = "0s"'), name("presence-")
    assert daemon.get(f"/channels/{channel}").status_code == 404
    text = said(call("members", channel, "--url", daemon.address))
    assert text.splitlines()[0] == f"{channel}  1 member, * is this daemon's own"
    assert text.splitlines()[2].startswith("*  sandbox-user")
    poll(lambda: daemon.get(f"/channels/{channel}").status_code == 404)


def test_members_of_an_app(serve, sandbox, name):
    endpoint = f'auth_endpoint = "{sandbox.http}/auth"'
    daemon = serve(rest=f'[[app]]\nname = "two"\napp_key = "sandbox-key"\nurl = "{sandbox.url}"\n{endpoint}\n')
    channel = name("presence-")
    assert json.loads(said(call("members", channel, "--app", "two", "--json", "--url", daemon.address)))["count"] == 1
    poll(lambda: [c for c in daemon.get("/apps/two/channels").json()["channels"] if c["name"] == channel] or True)
    assert daemon.get(f"/channels/{channel}").status_code == 404
    assert "unknown_app" in said(call("members", channel, "--app", "three", "--url", daemon.address), 1)


def test_members_says_why_there_are_none(serve, name):
    with ScriptedUpstream() as upstream:
        daemon = serve(upstream=upstream, auth=False)
        assert "presence-" in said(call("members", "news", "--url", daemon.address), 1)
        # Nobody signs.
        done = call("members", name("presence-"), "--url", daemon.address)
        assert "refused" in said(done, 1)


def test_members_does_not_wait_for_ever(serve, name):
    daemon = serve(app="connect = false", connected=False)
    done = call("members", name("presence-"), "--url", daemon.address, "--timeout", "200ms")
    text = said(done, 1)
    assert "not confirmed within 200ms" in text and "the connection to Apinator is" in text


# wait


def test_wait_until_the_daemon_comes(sandbox, start, folder):
    path = f"{folder}/s"
    process = subprocess.Popen(
        [BINARY, "wait", "--url", f"unix:{path}", "--timeout", "20s"], stderr=subprocess.PIPE, env=environment()
    )
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    text = configuration(sandbox).replace('["127.0.0.1:0"]', f'["127.0.0.1:0", "unix:{path}"]')
    start(Daemon, text)
    assert process.wait(SECONDS) == 0, process.stderr.read()


def test_wait_gives_up_with_69_when_no_daemon_comes(folder):
    done = call("wait", "--url", f"unix:{folder}/none", "--timeout", "300ms")
    text = said(done, 69)
    assert f"unix:{folder}/none: No such file or directory" in text and "systemctl status apinatord" in text


def test_wait_does_not_spin(folder):
    before = os.times().children_user + os.times().children_system
    call("wait", "--url", f"unix:{folder}/none", "--timeout", "2s")
    assert os.times().children_user + os.times().children_system - before < 1


def test_wait_says_which_app_is_not_ready(serve):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    away = f'[[app]]\nname = "away"\napp_key = "k"\nurl = "ws://127.0.0.1:{port}"\n'
    daemon = serve(rest=f'{away}[[app]]\nname = "idle"\napp_key = "k"\ncluster = "eu"\nconnect = false\n', connected=False)
    said(call("wait", "--app", "main", "--url", daemon.address))
    text = said(call("wait", "--url", daemon.address, "--timeout", "500ms"), 1)
    assert "not ready within 500ms: app away is " in text and "main" not in text and "refused" in text
    assert "initialized" not in text
    asked_once = said(call("wait", "--url", daemon.address, "--timeout", "0"), 1)
    assert "app away is " in asked_once
    assert call("wait", "--app", "away", "--url", daemon.address, "--timeout", "200ms").returncode == 1
    assert "no app is named none" in said(call("wait", "--app", "none", "--url", daemon.address), 1)


# Exit codes


@pytest.mark.parametrize("command", [["trigger", "private-a", "client-a"], ["members", "presence-a"], ["status"]])
def test_a_wrong_token_is_77(serve, folder, command):
    daemon = serve(rest=token_entry(folder))
    for variables in ({"APINATORD_TOKEN": "wrong"}, {}):
        done = call(*command, "--url", daemon.address, **variables)
        assert done.returncode == 77
        text = (done.stdout + done.stderr).decode()
        assert "$APINATORD_TOKEN" in text and TOKEN not in text and "wrong" not in text


def test_what_a_token_does_not_grant_is_77(serve, folder):
    daemon = serve(rest=token_entry(folder, allow='["read"]', channels='["presence-a"]'))
    known = {"APINATORD_TOKEN": TOKEN}
    assert call("trigger", "private-a", "client-a", "--url", daemon.address, **known).returncode == 77
    assert call("members", "presence-b", "--url", daemon.address, **known).returncode == 77
    assert call("members", "presence-a", "--url", daemon.address, **known).returncode == 0


def test_a_host_that_is_not_allowed_is_77(serve):
    daemon = serve()
    done = call("status", "--url", daemon.url.replace("127.0.0.1", "any.localhost"))
    assert "host_not_allowed" in said(done, 77)


@pytest.mark.parametrize("command", [["status"], ["trigger", "private-a", "client-a"], ["members", "presence-a"]])
def test_no_daemon_is_69_and_every_place_is_named(command, folder, tmp_path):
    file = tmp_path / "apinatord.toml"
    file.write_text(f'listen = ["127.0.0.1:1", "unix:{folder}/none"]\n')
    # The daemon of this machine, if there is one, is not what is tested.
    with_usual = call(*command, APINATORD_CONFIG=str(file))
    if with_usual.returncode == 69:
        lines = with_usual.stderr.decode().splitlines()
        assert lines[0] == "apinatord: no daemon answers:"
        assert [line.split(": ")[0].strip() for line in lines[1:-1]] == [
            f"unix:{folder}/none", "http://127.0.0.1:1", "unix:/run/apinatord/apinatord.sock", "http://127.0.0.1:8787",
            "http://[::1]:8787"]  # fmt: skip
    done = call(*command, "--url", "http://127.0.0.1:1")
    assert "no daemon answers at http://127.0.0.1:1: Connection refused" in said(done, 69)
    assert "--url or $APINATORD_URL" in done.stderr.decode()


@pytest.mark.skipif(os.getuid() != 0, reason="needs another user")
def test_a_socket_of_another_group_is_77(serve, folder):
    daemon = serve()
    os.chmod(folder, 0o755)
    done = subprocess.run(
        [BINARY, "status", "--url", daemon.address], user=65534, group=65534, extra_groups=[], env=environment(),
        capture_output=True)  # fmt: skip
    assert "Permission denied" in said(done, 77) and "group" in done.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [["status", "--url", "nowhere"], ["status", "--url", ""], ["status", "--url", "ws://127.0.0.1"], ["status", "x"],
     ["trigger", "private-a"], ["members"], ["wait", "--timeout", "soon"], ["members", "presence-a", "--timeout", "5"],
     ["status", "--url", "https://localhost:1", "--ca-file", "/nonexistent.pem"]])  # fmt: skip
def test_a_command_line_that_is_wrong_is_64(arguments):
    done = call(*arguments)
    assert done.returncode == 64 and done.stderr and not done.stdout


def test_a_token_that_cannot_be_sent_is_64_and_not_shown():
    done = call("status", "--url", "http://127.0.0.1:1", APINATORD_TOKEN="two\nlines")
    assert "APINATORD_TOKEN" in said(done, 64) and "lines" not in done.stderr.decode()


def test_a_certificate_that_is_not_trusted_is_69_with_the_reason(sandbox, start, tmp_path):
    certificate, key = Authority(tmp_path).issue("server")
    key.chmod(0o600)
    file = tmp_path / "apinatord.toml"
    file.write_text(configuration(sandbox, rest=f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'))
    daemon = start(Program, ["serve", "--config", file])
    port = daemon.wait_for_entry("listening")[0]["address"].rsplit(":", 1)[1]
    assert "certificate" in said(call("status", "--url", f"https://localhost:{port}"), 69)
    # And plain HTTP where TLS is spoken.
    assert call("status", "--url", f"http://localhost:{port}").returncode == 69


# Other programs that answer


class Answering:
    """A server that says the same to everybody."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.requests = []
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536) or b"\r\n\r\n"
                self.requests.append(request)
                connection.sendall(self._answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def answer(body, kind="application/json", status="200 OK"):
    body = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "said_by_it",
    [answer(b"<h1>It works!</h1>", "text/html"), answer(b"<h1>no</h1>", "text/html", "404 Not Found"),
     answer({"any": "thing"}), answer(b"not JSON"), b"SSH-2.0-OpenSSH_9.2\r\n", b"", answer({"status": "up"})[:-3],
     b"HTTP/1.1 302 Found\r\nLocation: http://example.com/\r\nContent-Length: 0\r\n\r\n"])  # fmt: skip
@pytest.mark.parametrize("command", [["status"], ["wait", "--timeout", "100ms"]])
def test_another_program_in_its_place_is_69(said_by_it, command):
    with Answering(said_by_it) as server:
        text = said(call(*command, "--url", server.url), 69)
        assert server.url in text


def test_a_path_before_the_daemons_own_is_kept():
    body = {"status": "ready", "version": "1", "uptime_seconds": 1, "apps": []}
    with Answering(answer(body)) as server:
        said(call("wait", "--url", f"{server.url}/realtime/", APINATORD_TOKEN=TOKEN))
        (request,) = server.requests
        assert request.startswith(b"GET /realtime/readyz HTTP/1.1\r\n")
        assert f"Authorization: Bearer {TOKEN}".encode() in request


# What a terminal gets

HOSTILE = "\x1b[2J\x1b]52;c;aGk=\x07\x9b31m\u202egnp.exe\r\nfake line\x7f"


def test_colour_only_on_a_terminal(serve, name, sandbox):
    daemon, channel = serve(), name("presence-")
    stream = daemon.subscribed(channel)
    for command in (["status"], ["members", channel], ["status", "--json"], ["members", channel, "--json"]):
        arguments = [*command, "--url", daemon.address]
        assert b"\x1b" not in call(*arguments).stdout
        status, sent = on_terminal(*arguments)
        assert status == 0
        assert (b"\x1b[" in sent) == ("--json" not in command), sent
        for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            status, sent = on_terminal(*arguments, **variables)
            assert status == 0 and b"\x1b" not in sent
    stream.close()


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_lines_fit_the_terminal(serve, name, columns):
    daemon = serve()
    channel = name("presence-a-channel-with-a-long-name-") + "x" * 60
    daemon.put(f"/channels/{channel}")
    for command in (["status"], ["members", channel]):
        _, sent = on_terminal(*command, "--url", daemon.address, columns=columns, NO_COLOR="1")
        lines = sent.decode().splitlines()
        # The first line is the daemon's address or the channel's name, and is not cut.
        assert all(len(line) <= max(columns, 56) for line in lines[1:]), lines
        assert (channel in "".join(lines[1:])) == (columns == 200 and command == ["status"])


def test_hostile_members_cannot_reach_the_terminal(serve, name, sandbox):
    daemon, channel = serve(), name("presence-")
    with Client(sandbox) as other:
        other.subscribe(channel, user=f"u{HOSTILE}", info={"name": HOSTILE, HOSTILE: 1})
        for json_flag in ([], ["--json"]):
            status, sent = on_terminal("members", channel, *json_flag, "--url", daemon.address)
            assert status == 0
            assert hazards(sent) == [], sent
        document = json.loads(said(call("members", channel, "--json", "--url", daemon.address)))
        assert {"name": HOSTILE, HOSTILE: 1} in [member["user_info"] for member in document["members"]]


def test_hostile_errors_cannot_reach_the_terminal(serve, name):
    with ScriptedUpstream() as upstream:
        daemon, channel = serve(upstream=upstream, auth=False), name("news-")
        daemon.put(f"/channels/{channel}")
        error = {"type": f"AuthError{HOSTILE}", "error": HOSTILE, "status": 403}
        connection = upstream.connection()
        upstream.until("realtime:subscribe")
        upstream.send(connection, "realtime:subscription_error", error, channel=channel)
        poll(lambda: "error" in daemon.channel(channel))
        for json_flag in ([], ["--json"]):
            status, sent = on_terminal("status", *json_flag, "--url", daemon.address)
            assert status == 0 and b"fake line" in sent and hazards(sent) == [], sent


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["members", "presence-a"], ["wait", "--timeout", "0s"]])  # fmt: skip
def test_a_hostile_daemon_cannot_reach_the_terminal(command):
    app = {"name": HOSTILE, "state": HOSTILE, "since": HOSTILE, "socket_id": HOSTILE, "attempts": 1, "url": HOSTILE}
    app["last_error"] = {"code": None, "message": HOSTILE, "at": HOSTILE}
    body = {"status": "not_ready", "version": HOSTILE, "uptime_seconds": 1, "apps": [app]}
    body |= {"channels": [{"name": HOSTILE, "type": HOSTILE, "streams": HOSTILE, "member_count": HOSTILE, HOSTILE: 1}]}
    body |= {"count": HOSTILE, "me": {"user_id": HOSTILE}, "members": [{"user_id": HOSTILE, "user_info": HOSTILE}]}
    problem = {"detail": HOSTILE, "code": HOSTILE, "status": 400}
    for said_by_it in (answer(body, status="503 Service Unavailable"), answer(problem, "application/problem+json", "400 Bad Request")):
        with Answering(said_by_it) as server:
            _, sent = on_terminal(*command, "--url", server.url)
            assert sent and hazards(sent) == [], sent


def test_a_closed_pipe_ends_it_quietly(serve):
    daemon = serve()
    read, write = os.pipe()
    os.close(read)
    for ignored in (True, False):
        done = subprocess.run(
            [BINARY, "status", "--url", daemon.address], stdout=write, stderr=subprocess.PIPE, env=environment(),
            restore_signals=not ignored, timeout=SECONDS)  # fmt: skip
        assert done.returncode in (0, -13) and done.stderr == b""
    os.close(write)


def test_a_full_disk_is_said(serve):
    daemon = serve()
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [BINARY, "status", "--url", daemon.address], stdout=full, stderr=subprocess.PIPE, env=environment(),
            timeout=SECONDS)  # fmt: skip
    assert done.returncode == 1 and b"No space left" in done.stderr


# Help and completions


@pytest.fixture
def playground(start, folder):
    """`apinatord serve --sandbox`, found by its configuration, and a folder where the program goes by its name."""
    text = f'listen = ["127.0.0.1:0", "unix:{folder}/s"]\n'
    daemon = start(Daemon, text, ["--sandbox", "--sandbox-port", "0"])
    os.symlink(BINARY, f"{folder}/apinatord")
    daemon.variables = {
        "APINATORD_CONFIG": str(daemon.configuration), "PATH": f"{folder}:{os.environ['PATH']}",
    }  # fmt: skip
    return daemon


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_each_help_work_as_they_stand(playground, command):
    found = examples(said(call(command, "--help")))
    assert len(found) >= 2
    for line in found:
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, timeout=SECONDS,
            env=environment(**playground.variables))  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), f"{line}: {done.stdout}{done.stderr}"


def complete(daemon, *words, folder=None):
    script = said(call("--generate-completion-script", "bash"))
    ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}'
    ask += '\n_apinatord "$1" "${@: -1}" "${@: -2:1}"\nprintf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{ask}", "bash", *words], capture_output=True, text=True, timeout=SECONDS,
        cwd=folder, env=environment(**daemon.variables))  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.split()


def test_bash_completes_the_channels_that_the_daemon_knows(playground):
    playground.put("/channels/news")
    assert complete(playground, "apinatord", "members", "pres") == ["presence-x"]
    assert complete(playground, "apinatord", "trigger", "") == ["news", "presence-x"]
    assert complete(playground, "apinatord", "trigger", "--app", "main", "n") == ["news"]
    # Nobody there: nothing, quietly.
    playground.variables["APINATORD_URL"] = "http://127.0.0.1:1"
    assert complete(playground, "apinatord", "members", "pres") == []


def test_completions_cannot_be_commands(playground, tmp_path):
    harmful = ["$(touch pwned)", "`touch${IFS}pwned`", "x;reboot", "x&", "x|y", "x>y", "*", "~", "'", "{a,b}", "\\x", "x y"]
    harmless = ["Aa0_-=@,.", "presence-x"]
    with Answering(answer({"channels": [{"name": name} for name in harmful + harmless]})) as server:
        playground.variables |= {"APINATORD_URL": server.url, "HOME": str(tmp_path)}
        assert complete(playground, "apinatord", "members", "", folder=tmp_path) == harmless
    assert list(tmp_path.iterdir()) == []


def test_the_token_is_no_argument():
    for command in COMMANDS:
        text = said(call(command, "--help"))
        assert "--token" not in text
        assert shlex.quote(NOWHERE) not in text
