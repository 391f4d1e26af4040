"""doctor: each thing that can be wrong is found, alone, with its fix (config-and-cli)."""

import contextlib
import datetime
import email.utils
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
import websockets.sync.server

from apinator import authenticate_channel
from authority import FUTURE, PAST, Authority
from certificates import make_certificate
from commands import call, environment, examples, hazards, on_terminal, said
from deadline import SECONDS, poll
from peers import AuthEndpoint, ScriptedUpstream, answer_with
from processes import BINARY, KEY, SECRET, Daemon, Program, Sandbox
from secure_endpoint import SecureEndpoint
from test_sandbox_tls import SecureSandbox
from test_tls_refusals import Listening

# What is in a file or a header of a test; in no line of a doctor.
HEADER = "Bearer a-header-that-nobody-guesses"
CHECKS = ["dns", "tcp", "tls", "upgrade", "key", "clock", "auth", "signature"]
NO_PROXY = {"http_proxy": "", "https_proxy": "", "HTTPS_PROXY": "", "all_proxy": "", "ALL_PROXY": ""}
SIGNED = 'channels = ["private-orders", "presence-room"]'


class Report:
    """What a doctor said of a configuration."""

    def __init__(self, status, findings):
        self.status, self.findings = status, findings

    def of(self, check, app=None):
        return [f for f in self.findings if f["check"] == check and (app is None or f["app"] == app)]

    def the(self, check):
        (finding,) = self.of(check)
        return finding

    @property
    def failed(self):
        return [(f["check"], f["code"]) for f in self.findings if f["status"] == "failed"]

    @property
    def worse(self):
        return [f for f in self.findings if f["status"] not in ("ok", "skipped")]


def no_secret_in(said):
    for secret in (SECRET, HEADER, HEADER.removeprefix("Bearer ")):
        assert secret not in said
    # A signature is 64 digits.
    assert not re.search(r"[0-9a-fA-F]{32}", said)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def examine(folder):
    """Runs a doctor on a configuration, for machines and for people, who are told the same."""

    def begin(text, *arguments, also_as_text=False, **more):
        file = folder / "apinatord.toml"
        file.write_text(text)
        done = call("doctor", "--config", file, "--json", *arguments, **{**NO_PROXY, **more})
        assert done.stderr == b""
        no_secret_in(done.stdout.decode())
        findings = json.loads(done.stdout)
        for finding in findings:
            assert list(finding) == ["app", "check", "status", "code", "message", "fix"]
            assert (finding["status"] in ("failed", "warning")) == bool(finding["fix"]), finding
            assert finding["message"] and (finding["status"] == "ok") == (finding["code"] == "ok"), finding
        return Report(done.returncode, findings)

    return begin


def app(url, lines="", key=KEY, name="main"):
    return f'[[app]]\nname = "{name}"\napp_key = "{key}"\nurl = "{url}"\n{lines}\n'


def config(url, lines="", key=KEY, listen='["127.0.0.1:0"]', top=""):
    return f"listen = {listen}\n{top}\n{app(url, lines, key)}"


def secret_file(folder, text=SECRET, mode=0o600, name="secret"):
    file = folder / name
    file.write_text(text)
    file.chmod(mode)
    return file


def is_found_alone(report, check, code, status=1):
    """One thing is wrong and is told once, with a fix; what needs it is skipped."""
    assert report.failed == [(check, code)], report.findings
    assert report.status == status
    assert len(report.worse) == 1
    return report.the(check) if len(report.of(check)) == 1 else report.worse[0]


def steps(report):
    return {f["check"]: f["status"] for f in report.findings if f["app"]}


def after(check):
    """How the steps that lead to a key come out when `check` fails."""
    names = CHECKS[: CHECKS.index("clock")]
    place = names.index(check)
    return {name: "skipped" if names.index(name) > place else "failed" for name in names[place:]}


# All is well


@pytest.fixture(params=["plain", "TLS"])
def upstream(request, start, sandbox, tmp_path):
    """A sandbox, and the lines that an app needs to trust it."""
    if request.param == "plain":
        return sandbox, ""
    secure = start(SecureSandbox, tmp_path)
    return secure, f'ca_file = "{secure.certificate}"'


@pytest.mark.parametrize("signer", ["endpoint", "local"])
def test_all_is_well(examine, upstream, signer, folder):
    server, trust = upstream
    if signer == "endpoint":
        header = secret_file(folder, HEADER, name="header")
        lines = f'auth_endpoint = "{server.http}/auth"\nauth_headers = {{ Authorization = {{ file = "{header}" }} }}'
    else:
        identity = '{ user_id = "host-1", user_info = { name = "Host 1" } }'
        lines = f'app_secret = {{ file = "{secret_file(folder)}" }}\npresence = {identity}'
    report = examine(config(server.url, f"{lines}\n{trust}\n{SIGNED}"))
    assert report.status == 0, report.findings
    assert report.worse == []
    assert [f["check"] for f in report.findings] == [
        "configuration", "secrets", "listen", *CHECKS[:-2], "auth", "signature", "auth", "signature",
    ]  # fmt: skip
    statuses = {f["check"]: f["status"] for f in report.findings}
    # The sandbox dates its answers, but for that to an upgrade; a machine that signs alone hears none.
    expected = {"tls": "skipped"} if server.url.startswith("ws://") else {}
    if signer == "local":
        expected["clock"] = "skipped"
    assert {check: status for check, status in statuses.items() if status != "ok"} == expected
    for check in ("auth", "signature"):
        messages = [finding["message"] for finding in report.of(check)]
        assert "private-orders" in messages[0] and "presence-room" in messages[1]


def test_an_app_without_a_signer_is_well_too(examine, sandbox):
    report = examine(config(sandbox.url))
    assert report.status == 0
    assert [report.the(check)["status"] for check in ("secrets", "auth", "signature")] == ["skipped"] * 3
    assert report.the("auth")["code"] == "not_used"


def test_without_a_channel_of_its_own_a_name_is_made_up(examine, sandbox):
    report = examine(config(sandbox.url, f'auth_endpoint = "{sandbox.http}/auth"\nchannels = ["news"]'))
    assert report.status == 0
    assert "private-apinatord-doctor" in report.the("signature")["message"]


def test_a_channel_can_be_named(examine, sandbox):
    report = examine(config(sandbox.url, f'auth_endpoint = "{sandbox.http}/auth"\n{SIGNED}'), "--channel", "presence-me")
    assert "presence-me" in report.the("signature")["message"]


def test_it_unsubscribes_and_leaves_with_1000(examine):
    closed = []

    def serve(connection):
        data = {"socket_id": "1.1", "activity_timeout": 120}
        ScriptedUpstream.send(connection, "realtime:connection_established", data)
        with contextlib.suppress(websockets.ConnectionClosed):
            for text in connection:
                message = json.loads(text)
                closed.append(message["event"])
                if message["event"] == "realtime:subscribe":
                    channel = json.loads(message["data"])["channel"]
                    ScriptedUpstream.send(connection, "realtime:subscription_succeeded", "{}", channel=channel)
        connection.close()
        closed.append(connection.close_code)

    with serving(serve) as url, AuthEndpoint(answer_with(200, json.dumps({"auth": f"{KEY}:x"}))) as endpoint:
        assert examine(config(url, f'auth_endpoint = "{endpoint.url}/auth"')).status == 0
        poll(lambda: len(closed) == 3)
    assert closed == ["realtime:subscribe", "realtime:unsubscribe", 1000]


def test_several_apps_each_have_their_findings_and_one_can_be_chosen(examine, sandbox):
    text = 'listen = ["127.0.0.1:0"]\n' + app(sandbox.url) + app(sandbox.url, key="wrong", name="second")
    report = examine(text)
    assert (report.status, report.failed) == (1, [("key", "key_unknown")])
    assert [f["check"] for f in report.findings if f["app"] == "main"] == CHECKS
    assert [f["check"] for f in report.findings if f["app"] == "second"] == CHECKS
    report = examine(text, "--app", "main")
    assert report.status == 0 and not report.of("key", "second")


# Where the server is


def test_a_name_without_an_address_is_found(examine):
    report = examine(config("wss://nowhere.invalid"), "--timeout", "30s")
    finding = is_found_alone(report, "dns", "name_unresolvable")
    assert "nowhere.invalid" in finding["message"] and "getent hosts nowhere.invalid" in finding["fix"]
    assert steps(report).items() >= after("dns").items()


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_refused_port_is_found(examine):
    port = unused_port()
    report = examine(config(f"ws://127.0.0.1:{port}"))
    finding = is_found_alone(report, "tcp", "connection_refused")
    assert f"127.0.0.1:{port}" in finding["message"] and "url" in finding["fix"]
    assert steps(report).items() >= after("tcp").items()


def test_a_proxy_that_the_environment_names_is_hinted_at(examine):
    report = examine(config(f"ws://127.0.0.1:{unused_port()}"), http_proxy="http://me:password@proxy.test:3128")
    fix = report.the("tcp")["fix"]
    assert "$http_proxy" in fix and "password" not in fix


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


# How a certificate is had, and what is found.
CERTIFICATES = {
    "for another name": (lambda authority: authority.issue("elsewhere", "elsewhere"), "tls_wrong_name", "subjectAltName"),
    "of an unknown authority": (
        lambda authority: authority.issue("unknown", signer=authority.self_signed("other", "authority")),
        "tls_unknown_authority",
        "ca_file",
    ),
    "expired": (lambda authority: authority.issue("expired", validity=PAST), "tls_expired", "-dates"),
    "not yet valid": (lambda authority: authority.issue("early", validity=FUTURE), "tls_not_yet_valid", "clock"),
    "self-signed": (lambda authority: authority.self_signed("lonely"), "tls_self_signed", "ca_file"),
}


@pytest.mark.parametrize(("make", "code", "fix"), CERTIFICATES.values(), ids=CERTIFICATES.keys())
def test_a_certificate_that_is_refused_is_found(examine, sandbox, authority, make, code, fix):
    trust = f'ca_file = "{authority.certificate}"'
    with Listening(*make(authority)) as server:
        report = examine(config(f"wss://localhost:{server.port}", trust))
        assert fix in is_found_alone(report, "tls", code)["fix"]
        assert steps(report).items() >= after("tls").items()
        # The same of the auth endpoint, where it keeps nobody from looking at the server.
        report = examine(config(sandbox.url, f'auth_endpoint = "https://localhost:{server.port}/auth"\n{trust}'))
        finding = is_found_alone(report, "auth", code)
        assert fix in finding["fix"] and "localhost" in finding["message"]
        assert (report.the("key")["status"], report.the("signature")["status"]) == ("ok", "skipped")


def test_a_certificate_that_is_about_to_expire_is_a_warning(examine, start, authority):
    now = datetime.datetime.now(datetime.UTC)
    ends = [f"{now + datetime.timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (-80, 2)]
    certificate, key = authority.issue("soon", validity=ends)
    sandbox = start(Sandbox, arguments=["--certificate", str(certificate), "--key", str(key)])
    report = examine(config(f"wss://localhost:{sandbox.port}", f'ca_file = "{authority.certificate}"'))
    assert (report.status, [f["code"] for f in report.worse]) == (0, ["tls_expires_soon"])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_version_of_tls_that_is_too_old_is_found(examine, authority):
    with Listening(*authority.issue("old"), maximum=ssl.TLSVersion.TLSv1_1) as server:
        report = examine(config(f"wss://localhost:{server.port}", f'ca_file = "{authority.certificate}"'))
    assert "TLS 1.2" in is_found_alone(report, "tls", "tls_too_old")["fix"]


def test_a_server_without_tls_is_found(examine, sandbox):
    report = examine(config(f"wss://127.0.0.1:{sandbox.port}"))
    assert "ws://" in is_found_alone(report, "tls", "tls_handshake")["fix"]


def test_a_ca_file_without_a_certificate_is_found(examine, sandbox, folder):
    file = folder / "ca.pem"
    file.write_text("nothing")
    report = examine(config(f"wss://127.0.0.1:{sandbox.port}", f'ca_file = "{file}"'))
    assert ("configuration", "file_unusable") in report.failed
    assert str(file) in report.the("configuration")["message"] and report.status == 78


# The upgrade


class Answering:
    """A server that answers whatever comes with the same bytes, or with nothing."""

    def __init__(self, answer=b"", closes=True):
        self.answer, self.closes = answer, closes
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        self._kept = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self._kept.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            if connection.recv(1 << 16) and self.answer:
                connection.sendall(self.answer)
            if self.closes:
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self._kept:
            connection.close()


def http_answer(status, *fields):
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Length: 0", *fields, "", ""]).encode()


UPGRADES = {
    "a proxy": (http_answer("503 No", "Via: 1.1 gate.test (squid/5.7)", "Server: squid/5.7"), "upgrade_proxy"),
    "a proxy that wants to know who it is": (http_answer("407 No", 'Proxy-Authenticate: Basic realm="x"'), "upgrade_proxy"),
    "another server": (http_answer("404 Not Found", "Server: nginx/1.22.1"), "upgrade_refused"),
    "a page": (http_answer("200 OK", "Server: Apache"), "upgrade_refused"),
    "a redirect": (http_answer("301 Moved", "Location: https://elsewhere.test/"), "upgrade_refused"),
    "a 101 that is none": (http_answer("101 Yes", "Upgrade: websocket", "Connection: Upgrade"), "upgrade_invalid"),
    "something else than HTTP": (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "upgrade_not_http"),
    "nothing, and the end": (b"", "upgrade_closed"),
}


@pytest.mark.parametrize(("answer", "code"), UPGRADES.values(), ids=UPGRADES.keys())
def test_what_answers_in_place_of_the_upgrade_is_found(examine, answer, code):
    with Answering(answer) as server:
        report = examine(config(server.url))
    finding = is_found_alone(report, "upgrade", code)
    assert steps(report).items() >= after("upgrade").items()
    status = re.match(rb"HTTP/1.1 (\d+)", answer)
    if status and status[1] != b"101":
        assert f"HTTP {status[1].decode()}" in finding["message"]
    for field in re.findall(rb"(?:Server|Via): .*(?=\r)", answer):
        assert field.decode() in finding["message"]


def test_what_others_say_is_harmless_on_a_terminal(folder):
    answer = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nServer: nginx\xc2\x9b31m\xe2\x80\xae\r\n\r\n"
    with Answering(answer) as server:
        file = folder / "a.toml"
        file.write_text(config(server.url))
        status, sent = on_terminal("doctor", "--config", file, **NO_PROXY)
    assert status == 1 and b"nginx" in sent
    assert hazards(sent) == []


# The key


def test_a_wrong_key_is_found(examine, sandbox):
    report = examine(config(sandbox.url, key="app_wrong"))
    finding = is_found_alone(report, "key", "key_unknown")
    assert "4001" in finding["message"] and "app_wrong" in finding["message"] and "app_key" in finding["fix"]
    assert report.the("upgrade")["status"] == "ok"


@contextlib.contextmanager
def serving(serve, **options):
    """A WebSocket server of a test's own: its URL."""
    server = websockets.sync.server.serve(serve, "127.0.0.1", 0, ping_interval=None, **options)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()


KEYS = {
    "another app error": ("error", 4003, "key_refused"),
    "come back later": ("error", 4100, "server_busy"),
    "a close with 4001": ("close", 4001, "key_unknown"),
    "a close with 1011": ("close", 1011, "not_established"),
}


@pytest.mark.parametrize(("how", "number", "code"), KEYS.values(), ids=KEYS.keys())
def test_what_a_server_says_to_the_key_is_told(examine, how, number, code):
    def serve(connection):
        if how == "close":
            return connection.close(number, "not today")
        ScriptedUpstream.send(connection, "realtime:error", {"code": number, "message": "not today"})
        with contextlib.suppress(websockets.ConnectionClosed):
            connection.recv()

    with serving(serve) as url:
        report = examine(config(url))
    finding = is_found_alone(report, "key", code)
    assert "not today" in finding["message"] and str(number) in finding["message"]


# The clock


def date(seconds):
    return email.utils.format_datetime(datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds), True)


CLOCKS = {
    "ahead": (-400, "failed", "clock_skew", "ahead"),
    "behind": (400, "failed", "clock_skew", "behind"),
    "a little off": (-100, "warning", "clock_drift", "ahead"),
    "right": (0, "ok", "ok", "agree"),
}


@pytest.mark.parametrize(("offset", "status", "code", "word"), CLOCKS.values(), ids=CLOCKS.keys())
@pytest.mark.parametrize("source", ["upgrade", "refusal", "endpoint"])
def test_a_clock_that_is_off_is_found(examine, sandbox, source, offset, status, code, word):
    if source == "upgrade":

        def redate(_connection, _request, response):
            response.headers.pop("Date", None)
            response.headers["Date"] = date(offset)

        with serving(established, process_response=redate) as url:
            report = examine(config(url))
    elif source == "refusal":
        with Answering(http_answer("403 No", f"Date: {date(offset)}")) as server:
            report = examine(config(server.url))
        report.findings = [f for f in report.findings if f["check"] != "upgrade"]
        report.status = int(status == "failed")
    else:

        def answer(handler, body):
            handler.date_time_string = lambda: date(offset)
            answer_with(200, sign(body))(handler, body)

        with AuthEndpoint(answer) as endpoint:
            report = examine(config(sandbox.url, f'auth_endpoint = "{endpoint.url}/auth"'))
    finding = report.the("clock")
    assert (finding["status"], finding["code"]) == (status, code), finding
    assert word in finding["message"]
    assert report.status == int(status == "failed")
    if status == "failed":
        assert report.failed == [("clock", code)]
        assert re.search(r"6 min (3\d|4\d) s", finding["message"]) and "timedatectl" in finding["fix"]


def established(connection):
    ScriptedUpstream.send(connection, "realtime:connection_established", {"socket_id": "1.1", "activity_timeout": 120})
    with contextlib.suppress(websockets.ConnectionClosed):
        connection.recv()


# Who signs


def sign(body, secret=SECRET, key=KEY, channel_data=None):
    fields = json.loads(body)
    return json.dumps(authenticate_channel(secret, key, fields["socket_id"], fields["channel_name"], channel_data))


def never(handler, _):
    """Nothing is answered until the other end has gone."""
    handler.rfile.read(1)
    handler.close_connection = True


def broken(handler, _):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    handler.close_connection = True


ENDPOINTS = {
    "404": (answer_with(404, "no"), "auth_not_found", "path"),
    "401": (answer_with(401, "no"), "auth_unauthorized", "auth_headers"),
    "403": (answer_with(403, "no"), "auth_forbidden", "private-orders"),
    "a redirect": (answer_with(302, "", [("Location", "/x")]), "auth_redirect", "auth_endpoint"),
    "500": (answer_with(500, "no"), "auth_server_error", "log"),
    "400": (answer_with(400, "no"), "auth_status", "auth_format"),
    "a timeout": (never, "auth_timeout", "auth_timeout"),
    "half an answer": (broken, "auth_broken", "log"),
    "bad JSON": (answer_with(200, "<html>"), "auth_not_json", "auth"),
    "JSON that is no object": (answer_with(200, "[]"), "auth_not_json", "auth"),
    "no auth": (answer_with(200, "{}"), "auth_missing", "auth"),
}


@pytest.mark.parametrize(("answer", "code", "fix"), ENDPOINTS.values(), ids=ENDPOINTS.keys())
def test_what_an_auth_endpoint_does_wrong_is_found(examine, sandbox, answer, code, fix):
    with AuthEndpoint(answer) as endpoint:
        lines = f'auth_endpoint = "{endpoint.url}/auth?token={SECRET}"\nauth_timeout = "1s"\nchannels = ["private-orders"]'
        report = examine(config(sandbox.url, f'{lines}\nauth_headers = {{ Authorization = "{HEADER}" }}'))
        assert endpoint.requests
    assert fix in is_found_alone(report, "auth", code)["fix"]
    assert (report.the("key")["status"], report.the("signature")["code"]) == ("ok", "not_reached")


def test_a_made_up_channel_may_rightly_be_refused(examine, sandbox):
    with AuthEndpoint(answer_with(403, "no")) as endpoint:
        report = examine(config(sandbox.url, f'auth_endpoint = "{endpoint.url}/auth"'))
    assert report.status == 0
    assert (report.the("auth")["status"], report.the("auth")["code"]) == ("warning", "auth_forbidden")
    assert "--channel" in report.the("auth")["fix"]


def test_an_endpoint_without_an_address_is_found(examine, sandbox):
    report = examine(config(sandbox.url, 'auth_endpoint = "http://nowhere.invalid/auth"\nauth_timeout = "30s"'))
    assert "auth_endpoint" in is_found_alone(report, "auth", "name_unresolvable")["fix"]


def test_an_endpoint_that_refuses_the_connection_is_found(examine, sandbox):
    report = examine(config(sandbox.url, f'auth_endpoint = "http://127.0.0.1:{unused_port()}/auth"'))
    assert "auth_endpoint" in is_found_alone(report, "auth", "connection_refused")["fix"]


PRESENCE = {
    "missing": (None, "channel_data_missing"),
    "without a user": ('{"user_info":{}}', "channel_data_invalid"),
    "no JSON": ("me", "channel_data_invalid"),
}


@pytest.mark.parametrize(("data", "code"), PRESENCE.values(), ids=PRESENCE.keys())
def test_channel_data_that_says_nobody_is_found(examine, sandbox, data, code):
    def answer(handler, body):
        answer_with(200, sign(body, channel_data=data))(handler, body)

    with AuthEndpoint(answer) as endpoint:
        lines = f'auth_endpoint = "{endpoint.url}/auth"\n{SIGNED}'
        report = examine(config(sandbox.url, lines))
    finding = is_found_alone(report, "auth", code)
    assert "presence-room" in finding["message"]
    assert [f["status"] for f in report.of("signature")] == ["ok", "skipped"]


@pytest.mark.parametrize("channel", ["private-orders", "presence-room"])
def test_a_signature_of_another_secret_is_found(examine, sandbox, channel):
    data = '{"user_id":"u","user_info":{}}' if channel.startswith("presence") else None

    def answer(handler, body):
        answer_with(200, sign(body, "another-secret", channel_data=data))(handler, body)

    with AuthEndpoint(answer) as endpoint:
        report = examine(config(sandbox.url, f'auth_endpoint = "{endpoint.url}/auth"\nchannels = ["{channel}"]'))
    finding = is_found_alone(report, "signature", "signature_refused")
    assert channel in finding["message"] and KEY in finding["fix"]
    assert report.the("auth")["status"] == "ok"


def test_a_signature_for_another_key_is_found(examine, sandbox):
    def answer(handler, body):
        answer_with(200, sign(body, key="other"))(handler, body)

    with AuthEndpoint(answer) as endpoint:
        report = examine(config(sandbox.url, f'auth_endpoint = "{endpoint.url}/auth"'))
    assert report.the("auth")["code"] == "auth_other_key"
    assert report.failed == [("signature", "signature_refused")]


SIGNATURES = {
    "4009": ("error", 4009, "signature_refused"),
    "another error": ("error", 4301, "subscription_refused"),
    "a refusal of another kind": ("refusal", 429, "subscription_refused"),
    "the end": ("close", 1011, "subscription_refused"),
    "nothing": ("nothing", 0, "subscription_unanswered"),
}


@pytest.mark.parametrize(("how", "number", "code"), SIGNATURES.values(), ids=SIGNATURES.keys())
def test_what_a_server_says_to_a_signature_is_told(examine, how, number, code):
    """The server repeats the signature, as some do; the doctor does not."""

    def serve(connection):
        ScriptedUpstream.send(connection, "realtime:connection_established", {"socket_id": "1.1"})
        request = json.loads(json.loads(connection.recv())["data"])
        text = f"bad signature {request['auth']}"
        if how == "error":
            ScriptedUpstream.send(connection, "realtime:error", {"code": number, "message": text})
        elif how == "refusal":
            data = {"type": "Limit", "error": text, "status": number}
            ScriptedUpstream.send(connection, "realtime:subscription_error", data, channel=request["channel"])
        elif how == "close":
            return connection.close(number, "bad signature")
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                connection.recv()

    with serving(serve) as url, AuthEndpoint(lambda handler, body: answer_with(200, sign(body))(handler, body)) as endpoint:
        report = examine(config(url, f'auth_endpoint = "{endpoint.url}/auth"'), "--timeout", "1s")
    finding = is_found_alone(report, "signature", code)
    if how != "nothing":
        assert "bad signature" in finding["message"] and str(number) in finding["message"]


def test_an_endpoint_is_looked_at_also_when_the_server_is_not_there(examine, sandbox):
    report = examine(config(f"ws://127.0.0.1:{unused_port()}", f'auth_endpoint = "{sandbox.http}/auth"'))
    assert is_found_alone(report, "tcp", "connection_refused")
    assert (report.the("auth")["status"], report.the("signature")["status"]) == ("ok", "skipped")
    assert report.the("clock")["status"] == "ok"


def test_an_http2_endpoint_is_well(examine, sandbox, authority):
    with SecureEndpoint(*authority.issue("h2")) as endpoint:
        lines = f'auth_endpoint = "{endpoint.url}"\nca_file = "{authority.certificate}"'
        report = examine(config(sandbox.url, lines))
        assert endpoint.protocols == ["h2"]
    assert report.status == 0, report.worse


# Signing here


def test_a_local_secret_that_is_another_apps_is_found(examine, sandbox, folder):
    file = secret_file(folder, "another-secret")
    report = examine(config(sandbox.url, f'app_secret = {{ file = "{file}" }}'))
    assert "app_secret" in is_found_alone(report, "signature", "signature_refused")["fix"]


def test_a_presence_channel_without_an_identity_is_found(examine, sandbox, folder):
    lines = f'app_secret = {{ file = "{secret_file(folder)}" }}'
    report = examine(config(sandbox.url, lines), "--channel", "presence-room")
    assert "user_id" in is_found_alone(report, "auth", "identity_missing")["fix"]


# Secrets


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602])
def test_a_secret_that_others_can_read_is_found(examine, sandbox, folder, mode):
    file = secret_file(folder, mode=mode)
    report = examine(config(sandbox.url, f'app_secret = {{ file = "{file}" }}'))
    finding = is_found_alone(report, "secrets", "secret_exposed", status=78)
    assert report.the("auth")["message"] == report.the("signature")["message"] == "not tried, since secrets failed"
    assert f"chmod o-rwx {file}" in finding["fix"] and "apinatord.toml:" in finding["message"]
    subprocess.run(finding["fix"].removeprefix("run: "), shell=True, check=True)
    assert examine(config(sandbox.url, f'app_secret = {{ file = "{file}" }}')).status == 0


SECRETS = {
    "missing": (lambda folder: folder / "none", "secret_missing"),
    "empty": (lambda folder: secret_file(folder, ""), "secret_invalid"),
    "a folder": (lambda folder: folder, "secret_unreadable"),
}


@pytest.mark.parametrize(("make", "code"), SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_that_is_of_no_use_is_found(examine, sandbox, folder, make, code):
    token = f'[[token]]\nname = "t"\nsecret = {{ file = "{make(folder)}" }}'
    report = examine(config(sandbox.url) + token)
    is_found_alone(report, "secrets", code, status=78)
    # What does not need it was looked at.
    assert report.the("key")["status"] == "ok"


def test_a_credential_that_only_the_service_has_is_no_failure(examine, sandbox, folder):
    lines = 'app_secret = { credential = "app_secret" }'
    report = examine(config(sandbox.url, lines), CREDENTIALS_DIRECTORY="")
    assert report.status == 0
    assert (report.the("secrets")["status"], report.the("secrets")["code"]) == ("warning", "credential_elsewhere")
    assert report.the("auth")["code"] == report.the("signature")["code"] == "credential_elsewhere"
    secret_file(folder, name="app_secret")
    report = examine(config(sandbox.url, lines), CREDENTIALS_DIRECTORY=str(folder))
    assert report.status == 0 and report.the("signature")["status"] == "ok"


# Listen addresses


@contextlib.contextmanager
def other_program(code):
    """Another program that runs `code`, which prints a line when it listens."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.communicate()


LISTEN = "import socket, sys; s = {make}; print({name}, flush=True); sys.stdin.read()"
WAYS = {
    "IPv4": ('socket.create_server(("127.0.0.1", 0))', "127.0.0.1:{}"),
    "IPv6": ('socket.create_server(("::1", 0), family=socket.AF_INET6)', "[::1]:{}"),
    "IPv4, by one for all": ('socket.create_server(("0.0.0.0", 0))', "127.0.0.1:{}"),
    "IPv4, by one for both": (
        'socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)', "127.0.0.1:{}"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "address"), WAYS.values(), ids=WAYS.keys())
def test_a_port_that_another_program_has_is_found_with_its_name(examine, sandbox, make, address):
    with other_program(LISTEN.format(make=make, name="s.getsockname()[1]")) as (program, port):
        address = address.format(port)
        report = examine(config(sandbox.url, listen=f'["{address}", "127.0.0.1:0"]'))
        with open(f"/proc/{program.pid}/comm") as file:
            name = file.read().strip()
    finding = is_found_alone(report, "listen", "address_in_use")
    assert f"{address} is in use by {name} (pid {program.pid})" in finding["message"]
    assert f"kill {program.pid}" in finding["fix"]
    assert [f["status"] for f in report.of("listen")] == ["failed", "ok"]
    assert report.the("key")["status"] == "ok"


def test_a_unix_socket_that_another_program_has_is_found_with_its_name(examine, sandbox, folder):
    path = folder / "s"
    make = f's if (s := socket.socket(socket.AF_UNIX)).bind("{path}") or s.listen() else s'
    with other_program(LISTEN.format(make=make, name="1")) as (program, _):
        report = examine(config(sandbox.url, listen=f'["unix:{path}"]'))
    assert f"(pid {program.pid})" in is_found_alone(report, "listen", "address_in_use")["message"]
    assert path.exists(), "the doctor changes nothing"


def test_what_a_dead_program_left_is_no_problem_and_stays(examine, sandbox, folder):
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "left"))
    left.close()
    assert examine(config(sandbox.url, listen=f'["unix:{folder}/left", "unix:{folder}/new"]')).status == 0
    assert (folder / "left").exists() and not (folder / "new").exists()


UNIX = {
    "in no folder": (lambda folder: f"{folder}/none/s", "socket_folder_missing"),
    "where a file is": (lambda folder: secret_file(folder), "not_a_socket"),
}


@pytest.mark.parametrize(("make", "code"), UNIX.values(), ids=UNIX.keys())
def test_a_unix_socket_that_cannot_be_made_is_found(examine, sandbox, folder, make, code):
    report = examine(config(sandbox.url, listen=f'["unix:{make(folder)}"]'))
    is_found_alone(report, "listen", code)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_what_this_user_may_not_do_is_found(sandbox):
    """As nobody: a folder of root's, a secret of root's, and a port of another user's program."""
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as listener:
        place = Path(name)
        place.chmod(0o755)
        # Wherever the program is, nobody may not get there.
        program = shutil.copy(BINARY, place)
        port = listener.getsockname()[1]
        mine = place / "mine"
        mine.mkdir(mode=0o755)
        lines = f'app_secret = {{ file = "{secret_file(place)}" }}'
        file = place / "a.toml"
        file.write_text(config(sandbox.url, lines, listen=f'["unix:{mine}/s", "127.0.0.1:{port}"]'))
        done = subprocess.run(
            [*nobody, program, "doctor", "--config", file, "--json"], capture_output=True, timeout=30,
            env=environment(**NO_PROXY))  # fmt: skip
    report = Report(done.returncode, json.loads(done.stdout))
    assert report.failed == [
        ("secrets", "secret_unreadable"), ("listen", "listen_not_permitted"), ("listen", "address_in_use"),
    ]  # fmt: skip
    denied, taken = report.of("listen")
    assert str(mine) in denied["message"]
    assert "a program of user 0" in taken["message"] and "root" in taken["fix"]


def test_an_address_that_this_machine_does_not_have_is_found(examine, sandbox, folder):
    token = f'[[token]]\nname = "t"\nsecret = {{ file = "{secret_file(folder)}" }}\n'
    # RFC 5737: for documentation.
    report = examine(config(sandbox.url, listen='["192.0.2.1:8787"]') + token)
    is_found_alone(report, "listen", "address_not_available")


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_the_daemon_itself_may_have_its_addresses(examine, sandbox, start, folder, secure):
    tls = ""
    if secure:
        # For a name that its addresses do not have.
        certificate, key = make_certificate(folder, "bridge", "bridge.test")
        tls = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    text = config(sandbox.url, listen=f'["127.0.0.1:0", "unix:{folder}/s"]') + tls
    # Its own configuration is not TLS for the helper's client, which is not needed.
    daemon = start(Daemon, text)
    report = examine(text.replace("127.0.0.1:0", f"127.0.0.1:{daemon.port}"))
    assert report.status == 0, report.worse
    assert [f["status"] for f in report.of("listen")] == ["ok", "ok"]
    assert all("apinatord" in f["message"] for f in report.of("listen"))


def test_sockets_of_a_socket_unit_are_left_to_it(examine, sandbox):
    assert examine(config(sandbox.url, listen="[]")).the("listen")["status"] == "skipped"


# The configuration


def test_all_that_is_wrong_with_the_configuration_is_found_and_the_rest_is_looked_at(examine, sandbox):
    text = config(sandbox.url, 'auth_formt = "json"', top='lisen = []\n[limits]\nmax_streams = "many"')
    report = examine(text)
    assert report.status == 78
    assert report.failed == [("configuration", "config_invalid")] * 3
    for finding in report.of("configuration"):
        assert re.match(r".*/apinatord\.toml:\d+:\d+: .", finding["message"])
    assert 'did you mean auth_format' in report.of("configuration")[2]["fix"]
    # Nothing else is wrong, and that is found out too.
    assert report.the("key")["status"] == "ok"


def test_it_says_what_check_config_says(examine, sandbox, folder):
    text = config(sandbox.url, f'app_secret = {{ file = "{folder}/none" }}\nca_file = "{folder}/nothing"', top="lisen = 1")
    report = examine(text)
    lines = said(call("check-config", folder / "apinatord.toml"), 78).splitlines()
    own = [f"{f['message']}; {f['fix']}" for f in report.of("configuration")]
    assert len(lines) == 3 and set(own) == {line for line in lines if "app_secret" not in line}


def test_an_app_that_does_not_say_where_it_lives_is_skipped(examine):
    report = examine('listen = ["127.0.0.1:0"]\n[[app]]\napp_key = "k"\n')
    assert is_found_alone(report, "configuration", "config_invalid", status=78)
    assert set(steps(report).values()) == {"skipped"}


@pytest.mark.parametrize("text", ["a = ", "[[app]", "\xff"])
def test_what_is_no_toml_is_found(folder, text):
    file = folder / "a.toml"
    file.write_bytes(text.encode("latin-1"))
    done = call("doctor", "--config", file, "--json", **NO_PROXY)
    report = Report(done.returncode, json.loads(done.stdout))
    is_found_alone(report, "configuration", "config_invalid", status=78)
    assert report.the("listen")["status"] == "skipped"


def test_a_configuration_that_is_not_there_is_found(folder):
    done = call("doctor", "--config", folder / "none.toml", "--json", **NO_PROXY)
    report = Report(done.returncode, json.loads(done.stdout))
    is_found_alone(report, "configuration", "config_unreadable", status=78)


def test_tls_files_that_do_not_belong_together_are_found(examine, sandbox, folder):
    (certificate, _), (_, key) = make_certificate(folder, "one"), make_certificate(folder, "two")
    report = examine(config(sandbox.url) + f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n')
    finding = is_found_alone(report, "configuration", "file_unusable", status=78)
    assert "does not belong" in finding["message"]


def test_an_account_that_is_not_there_is_found(examine, sandbox):
    report = examine(config(sandbox.url) + '[[peer]]\nuser = "nobody-of-that-name"\n')
    is_found_alone(report, "configuration", "account_unknown", status=78)


# It always ends


SILENT = {
    "to the upgrade": ("ws", "upgrade", "upgrade_timeout"),
    "to the TLS handshake": ("wss", "tls", "tls_timeout"),
}


@pytest.mark.parametrize(("scheme", "check", "code"), SILENT.values(), ids=SILENT.keys())
def test_it_ends_in_time_against_a_server_that_says_nothing(examine, scheme, check, code):
    with Answering(closes=False) as server:
        report = examine(config(server.url.replace("ws", scheme)), "--timeout", "300ms")
    assert "300 ms" in is_found_alone(report, check, code)["message"]


def test_it_ends_in_time_against_a_websocket_that_says_nothing(examine):
    with ScriptedUpstream(establish=False) as server:
        report = examine(config(server.url), "--timeout", "300ms")
    assert "300 ms" in is_found_alone(report, "key", "key_timeout")["message"]


def test_it_ends_in_time_against_everything_at_once(examine):
    """Ten seconds a check is the default; a listener that nobody accepts from takes connections, too."""
    with Answering(closes=False) as server:
        lines = f'auth_endpoint = "http://127.0.0.1:{server.port}/auth"\nauth_timeout = "300ms"'
        began = time.monotonic()
        report = examine(
            config(server.url, lines, listen=f'["127.0.0.1:{server.port}"]'), "--timeout", "300ms")  # fmt: skip
        assert time.monotonic() - began < SECONDS
    assert report.failed == [
        ("listen", "address_in_use"), ("upgrade", "upgrade_timeout"), ("auth", "auth_timeout"),
    ]  # fmt: skip


# How it is said


def text_of(file, *arguments, status=0, **more):
    done = call("doctor", "--config", file, *arguments, **{**NO_PROXY, **more})
    assert done.returncode == status and done.stderr == b"", done
    no_secret_in(done.stdout.decode())
    return done.stdout.decode()


@pytest.fixture
def bad(folder, sandbox):
    """A configuration with something of everything: ok, a failure with its fix, and what is skipped."""
    file = folder / "apinatord.toml"
    file.write_text(config(sandbox.url, f'auth_endpoint = "{sandbox.http}/auth"', key="wrong"))
    return file


def test_text_has_a_line_a_check_with_the_fix_below(bad):
    lines = text_of(bad, status=1).splitlines()
    checks = [line for line in lines if re.match(r"(ok|warn|FAIL|skip)\b", line)]
    assert [line.split()[1] for line in checks] == ["configuration", "secrets", "listen", *CHECKS]
    # The messages begin in one column.
    assert len({re.match(r"\S+ +\S+ +", line).end() for line in checks}) == 1
    (failed,) = [index for index, line in enumerate(lines) if line.startswith("FAIL")]
    assert re.match(r" +fix: copy app_key again", lines[failed + 1])
    # The endpoint signs for another key than the wrong one.
    assert lines[-1] == "1 problem, 1 warning; 3 checks skipped."
    assert lines.index("app main") > 3


def test_text_says_when_all_is_well(folder, sandbox):
    file = folder / "a.toml"
    file.write_text(config(sandbox.url))
    assert text_of(file).splitlines()[-1].startswith("All is well")


def test_a_terminal_gets_colours_and_lines_that_fit(bad):
    status, sent = on_terminal("doctor", "--config", bad, columns=70, **NO_PROXY)
    assert status == 1
    assert b"\x1b[31mFAIL\x1b[0m" in sent and b"\x1b[32mok" in sent
    assert hazards(sent) == []
    lines = re.sub(rb"\x1b\[\d*m", b"", sent).decode().splitlines()
    assert max(map(len, lines)) <= 70


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_they_are_not_wanted(bad, variables):
    _, sent = on_terminal("doctor", "--config", bad, **{**NO_PROXY, **variables})
    assert b"\x1b" not in sent


def test_no_colours_in_a_pipe(bad):
    assert "\x1b" not in text_of(bad, status=1)


def test_findings_come_as_they_are_found(folder):
    """What is known is shown while a slow check goes on."""
    with Answering(closes=False) as server:
        file = folder / "a.toml"
        file.write_text(config(server.url))
        process = subprocess.Popen(
            [BINARY, "doctor", "--config", file], stdout=subprocess.PIPE, text=True, env=environment(**NO_PROXY))  # fmt: skip
        for line in process.stdout:
            if "connected to" in line:
                break
        assert process.poll() is None
        process.kill()
        process.communicate()


def test_a_reader_that_leaves_ends_it_quietly(bad):
    done = subprocess.run(
        ["sh", "-c", '"$0" doctor --config "$1" | head -n 1', BINARY, bad], capture_output=True, text=True, timeout=30,
        env=environment(**NO_PROXY))  # fmt: skip
    assert done.stdout.startswith("ok") and done.stderr == ""


def test_an_unknown_app_is_a_usage_error(bad):
    message = said(call("doctor", "--config", bad, "--app", "other"), 64)
    assert "other" in message and "main" in message


@pytest.mark.parametrize(
    "arguments",
    [["--timeout", "soon"], ["--timeout", "0s"], ["x"], ["--sandbox-port", "70000"], ["--channel", "news"]])  # fmt: skip
def test_usage_errors(arguments):
    assert call("doctor", *arguments).returncode == 64


def test_the_help_has_examples():
    found = examples(said(call("doctor", "--help")))
    assert found == [
        "apinatord doctor --config /etc/apinatord/apinatord.toml",
        "apinatord serve --sandbox & apinatord wait && apinatord doctor --sandbox",
    ]


def test_the_sandbox_can_be_examined(start):
    port = unused_port()
    program = start(Program, ["serve", "--sandbox", "--sandbox-port", str(port)])
    program.wait_for_entry("ready")
    done = call("doctor", "--sandbox", "--sandbox-port", port, "--json", **{**NO_PROXY, "APINATORD_CONFIG": ""})
    report = Report(done.returncode, json.loads(done.stdout))
    assert report.status == 0, report.findings
    assert report.the("signature")["status"] == "ok"
    assert "presence-x" in report.the("signature")["message"]
