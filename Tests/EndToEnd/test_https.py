"""HTTP over TLS (HTTP contract, section 1; config-and-cli, `[tls]`)."""

import shutil
import signal
import socket
import ssl
import subprocess

import httpx
import pytest

from certificates import make_certificate
from deadline import SECONDS, poll
from peers import ScriptedUpstream
from processes import BINARY, Program, configuration
from streams import Stream


class SecureDaemon(Program):
    """A daemon whose port speaks TLS."""

    def __init__(self, folder, text):
        self.configuration = folder / "apinatord.toml"
        self.configuration.write_text(text)
        super().__init__(["serve", "--config", str(self.configuration)])
        self.wait_for_entry("ready")
        address = self.wait_for_entry("listening")[0]["address"]
        self.port = int(address.rsplit(":", 1)[1])
        self.url = f"https://localhost:{self.port}"


@pytest.fixture
def secure(sandbox, start, tmp_path):
    certificate, key = make_certificate(tmp_path, "a")
    tls = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
    daemon = start(SecureDaemon, tmp_path, configuration(sandbox, rest=tls))
    daemon.certificate, daemon.key = certificate, key
    with client(daemon) as http:
        poll(lambda: http.get("/readyz").status_code == 200)
    return daemon


def client(daemon, **options):
    context = ssl.create_default_context(cafile=daemon.certificate)
    return httpx.Client(base_url=daemon.url, verify=context, trust_env=False, timeout=SECONDS, **options)


def wrap(daemon, context=None):
    context = context or ssl.create_default_context(cafile=daemon.certificate)
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", daemon.port), SECONDS), server_hostname="localhost"
    )


# contract: 1.7
def test_requests_and_streams_go_over_tls(secure, sandbox, name):
    channel = name("private-")
    with client(secure) as http:
        assert http.get("/connection").json()["state"] == "connected"
        with http.stream("GET", f"/channels/{channel}/events") as answer:
            lines = answer.iter_lines()
            while next(lines) != "event: realtime:subscription_succeeded":
                pass
            payload = '{"n":9223372036854775808,"s":"' + "x" * 9000 + '"}'
            for _ in range(50):
                sandbox.publish(channel, "news", payload)
            data = []
            while len(data) < 50:
                if (line := next(lines)).startswith('data: {"n"'):
                    data.append(line)
            assert data == ["data: " + payload] * 50


def test_a_reader_that_takes_all_at_once_is_not_behind_however_much_that_is(start, tmp_path, name):  # §6
    certificate, key = make_certificate(tmp_path, "a")
    tls, channel = f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n', name()
    with ScriptedUpstream() as upstream:
        text = configuration(upstream, limits="reader_backlog_bytes = 65536", rest=tls, auth=False)
        daemon = start(SecureDaemon, tmp_path, text)
        daemon.certificate = certificate
        with client(daemon) as http, http.stream("GET", f"/channels/{channel}/events") as answer:
            lines = answer.iter_lines()
            while next(lines) != "event: realtime:subscription_succeeded":
                pass
            # Each LF begins a line of its own for the reader.
            upstream.send(upstream.connection(), "large", "\n" * 30_000, channel=channel)
            while (line := next(lines)) != "event: large":
                assert line != "event: bridge:gap"
            assert [next(lines) for _ in range(30_001)] == ["data: "] * 30_001


# contract: 1.8
def test_alpn_chooses_what_is_spoken(secure):
    context = ssl.create_default_context(cafile=secure.certificate)
    context.set_alpn_protocols(["http/1.1"])
    with wrap(secure, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert connection.version() in ("TLSv1.2", "TLSv1.3")


# contract: 1.7
def test_tls_1_2_is_spoken(secure):
    context = ssl.create_default_context(cafile=secure.certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with wrap(secure, context) as connection:
        assert connection.version() == "TLSv1.2"


# contract: 1.7
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused(secure):  # §1: TLS 1.2+
    context = ssl.create_default_context(cafile=secure.certificate)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        wrap(secure, context)


# contract: 1.7
def test_plain_http_is_not_answered(secure):
    with socket.create_connection(("127.0.0.1", secure.port), SECONDS) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = b""
        try:
            while more := connection.recv(4096):
                data += more
        except ConnectionResetError:
            pass
        assert b"200 OK" not in data and b"apinator" not in data
    with client(secure) as http:
        assert http.get("/healthz").status_code == 200


def test_a_handshake_that_never_ends_hurts_nobody(secure):  # §6
    waiting = [socket.create_connection(("127.0.0.1", secure.port), SECONDS) for _ in range(20)]
    with client(secure) as http:
        assert http.get("/healthz").status_code == 200
    for connection in waiting:
        connection.close()


# contract: 5.1, 5.4, 5.6
def test_host_and_origin_are_checked_as_well(secure):
    with client(secure) as http:
        assert http.get("/connection", headers={"Host": "example.com"}).status_code == 421
        assert http.get("/connection", headers={"Origin": "https://example.com"}).status_code == 403
        assert http.get("/connection", headers={"Origin": secure.url}).status_code == 200


# contract: 3.29, 8.6
def test_sigterm_ends_streams_in_order(secure, name):  # config-and-cli
    with client(secure) as http, http.stream("GET", f"/channels/{name()}/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        secure.signal(signal.SIGTERM)
        assert "event: bridge:shutdown" in list(lines)
    assert secure.wait(5) == 0


def test_sighup_reads_the_certificate_again(secure, tmp_path):  # config-and-cli
    with wrap(secure) as connection:
        before = connection.getpeercert(binary_form=True)
    certificate, key = make_certificate(tmp_path, "b")
    shutil.copy(certificate, secure.certificate)
    shutil.copy(key, secure.key)
    secure.signal(signal.SIGHUP)
    secure.wait_for_entry("reloaded")
    with wrap(secure) as connection:
        assert connection.getpeercert(binary_form=True) != before


# contract: 1.7
def test_unix_sockets_stay_plain(sandbox, start, tmp_path):
    certificate, key = make_certificate(tmp_path, "a")
    path = tmp_path / "s"
    text = configuration(sandbox, rest=f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n')
    start(SecureDaemon, tmp_path, text.replace('"127.0.0.1:0"', f'"127.0.0.1:0", "unix:{path}"'))
    stream = Stream(str(path), "/healthz")
    assert '"version"' in stream.text()


# contract: 8.8
def test_a_certificate_without_its_key_is_78(sandbox, tmp_path):  # config-and-cli
    certificate, _ = make_certificate(tmp_path, "a")
    _, other = make_certificate(tmp_path, "b")
    file = tmp_path / "a.toml"
    file.write_text(configuration(sandbox, rest=f'[tls]\ncertificate = "{certificate}"\nkey = "{other}"\n'))
    done = subprocess.run([BINARY, "serve", "--config", file], capture_output=True, text=True, timeout=20)
    assert done.returncode == 78
    assert str(other) in done.stderr or str(certificate) in done.stderr
