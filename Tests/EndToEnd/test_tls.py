"""wss:// upstream: the sandbox behind a proxy that ends TLS (upstream-protocol; config-and-cli, ca_file)."""

import socket
import ssl
import subprocess
import threading

import pytest

from authority import Authority
from certificates import make_certificate
from deadline import poll
from processes import BINARY, KEY, Daemon, configuration


class TLSProxy:
    """Ends TLS and passes the bytes on, both ways."""

    def __init__(self, certificate, key, port, maximum=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        if maximum:
            self.context.minimum_version = ssl.TLSVersion.TLSv1
            self.context.maximum_version = maximum
            self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
        self.target = port
        self.names = []
        self.context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            secure = self.context.wrap_socket(connection, server_side=True)
            plain = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            return
        threading.Thread(target=self._pass_on, args=(plain, secure), daemon=True).start()
        self._pass_on(secure, plain)

    @staticmethod
    def _pass_on(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        for side in (source, target):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "good")


@pytest.fixture
def proxy(sandbox, authority):
    with TLSProxy(*authority, sandbox.port) as server:
        yield server


def over_tls(start, proxy, ca_file=None, host="localhost"):
    trust = f'ca_file = "{ca_file}"' if ca_file else ""
    return start(
        Daemon,
        f"""
listen = ["127.0.0.1:0"]
[[app]]
app_key = "{KEY}"
url = "wss://{host}:{proxy.port}"
auth_endpoint = "https://{host}:{proxy.port}/auth"
{trust}
""",
    )


def refused(daemon):
    """The reason that /connection gives for not being connected."""
    return poll(lambda: (daemon.connection().get("last_error") or {}).get("message"))


def test_wss_with_ca_file_is_connected_and_ca_file_counts_for_the_auth_endpoint(start, proxy, authority, sandbox, name):
    daemon = over_tls(start, proxy, authority[0])
    daemon.wait_for_state("connected")
    channel = name("private-")
    stream = daemon.subscribed(channel)  # signed for over https
    payload = '{"s":"' + "0123456789" * 900 + '"}'
    for _ in range(50):
        sandbox.publish(channel, "news", payload)
    assert all(stream.until("news").data == payload for _ in range(50))
    assert set(proxy.names) == {"localhost"}  # SNI


def test_ca_file_may_hold_the_servers_own_certificate_without_its_authority(start, sandbox, tmp_path):
    certificate, key = Authority(tmp_path).issue("own")
    with TLSProxy(certificate, key, sandbox.port) as proxy:
        over_tls(start, proxy, certificate).wait_for_state("connected")


def test_an_unknown_authority_is_not_connected_and_last_error_names_the_reason(start, proxy):
    daemon = over_tls(start, proxy)
    message = refused(daemon)
    assert "certificate" in message.lower()
    assert daemon.connection()["state"] in ("connecting", "unavailable")


def test_a_wrong_host_is_not_connected_and_last_error_names_the_reason(start, sandbox, tmp_path):
    certificate, key = make_certificate(tmp_path, "other", "elsewhere.example")
    with TLSProxy(certificate, key, sandbox.port) as proxy:
        message = refused(over_tls(start, proxy, certificate))
        assert "host" in message.lower() and "certificate" in message.lower()


def test_a_name_in_the_certificate_does_not_stand_for_an_address(start, proxy, authority):
    assert "certificate" in refused(over_tls(start, proxy, authority[0], host="127.0.0.1")).lower()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_1_is_refused(start, sandbox, authority):
    with TLSProxy(*authority, sandbox.port, maximum=ssl.TLSVersion.TLSv1_1) as proxy:
        daemon = over_tls(start, proxy, authority[0])
        assert refused(daemon)
        assert daemon.connection()["state"] != "connected"


def test_a_plain_server_behind_wss_is_not_connected(start, sandbox, authority):
    daemon = over_tls(start, sandbox, authority[0])
    assert refused(daemon)
    assert daemon.connection()["state"] != "connected"


def test_a_ca_file_that_is_none_stops_the_start_with_78(sandbox, tmp_path):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nonsense")
    file = tmp_path / "a.toml"
    file.write_text(configuration(sandbox, app=f'ca_file = "{wrong}"').replace("ws://", "wss://"))
    done = subprocess.run([BINARY, "serve", "--config", file], capture_output=True, text=True, timeout=10)
    assert done.returncode == 78
    assert "wrong.pem" in done.stderr
