"""TLS as a bank would: what is refused, before a byte of a request is sent, upstream and at the auth endpoint alike."""

import ssl

import pytest

from authority import FUTURE, PAST, Authority
from deadline import poll
from processes import KEY, Daemon, Sandbox
from test_tls import TLSProxy


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


class Listening(TLSProxy):
    """Ends TLS, and remembers whatever it was sent inside."""

    def __init__(self, certificate, key, maximum=None):
        self.received = b""
        self.refused = 0
        super().__init__(certificate, key, None, maximum)

    def _serve(self, connection):
        connection.settimeout(10)
        try:
            with self.context.wrap_socket(connection, server_side=True) as secure:
                self.received += secure.recv(1 << 16)
        except OSError:
            self.refused += 1


# How a certificate is had from the authority, what is trusted, and what the reason has to say.
REFUSALS = {
    "expired": (lambda authority: authority.issue("expired", validity=PAST), "expired"),
    "not yet valid": (lambda authority: authority.issue("early", validity=FUTURE), "not valid yet"),
    "for another host": (lambda authority: authority.issue("elsewhere", "elsewhere"), "another name"),
    "a common name only": (lambda authority: authority.issue("unnamed", "unnamed"), "subjectAltName"),
    "self-signed": (lambda authority: authority.self_signed("lonely"), "self-signed"),
    "an unknown root": (
        lambda authority: authority.issue("unknown", signer=authority.self_signed("other", "authority")),
        "no trusted authority",
    ),
    "outside of what its authority may sign for": (
        lambda authority: authority.issue(
            "outside", signer=authority.issue("constrained", "constrained", subject="authority constrained")
        ),
        "permitted subtree",
    ),
}


def refused_everywhere(start, sandbox, authority, server, reason):
    """Two apps, one for which `server` is the upstream, and one for which it is the auth endpoint."""
    daemon = start(
        Daemon,
        f"""
listen = ["127.0.0.1:0"]
[[app]]
name = "upstream"
app_key = "{KEY}"
url = "wss://localhost:{server.port}"
ca_file = "{authority.certificate}"
[[app]]
name = "auth"
app_key = "{KEY}"
url = "{sandbox.url}"
auth_endpoint = "https://localhost:{server.port}/auth"
ca_file = "{authority.certificate}"
""",
    )
    message = poll(lambda: (daemon.connection("/apps/upstream").get("last_error") or {}).get("message"))
    assert reason in message, message
    assert daemon.connection("/apps/upstream")["state"] != "connected"
    error = daemon.stream("/apps/auth/channels/private-a/events").until("realtime:subscription_error").json
    assert (error["type"], error["status"]) == ("AuthError", 403)
    assert reason in error["error"], error
    poll(lambda: server.refused >= 2)
    assert server.received == b""


@pytest.mark.parametrize(("make", "reason"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_certificate_is_refused_with_the_reason(start, sandbox, authority, make, reason):
    with Listening(*make(authority)) as server:
        refused_everywhere(start, sandbox, authority, server, reason)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_version_before_tls_1_2_is_refused_with_the_reason(start, sandbox, authority, version):
    with Listening(*authority.issue("old"), maximum=version) as server:
        refused_everywhere(start, sandbox, authority, server, "TLS 1.2")


class ResumingProxy(TLSProxy):
    """Tells which handshakes were resumed."""

    def __init__(self, *arguments, version=None):
        self.reused = []
        super().__init__(*arguments)
        if version:
            self.context.maximum_version = version

    def _serve(self, connection):
        proxy = self

        class Noting(ssl.SSLSocket):
            def do_handshake(self, block=False):
                super().do_handshake(block)
                proxy.reused.append(self.session_reused)

        self.context.sslsocket_class = Noting
        super()._serve(connection)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_reconnect_resumes_the_session(start, authority, version):
    upstream = start(Sandbox)
    with ResumingProxy(*authority.issue("proxy"), upstream.port, version=version) as proxy:
        daemon = start(
            Daemon,
            f"""
listen = ["127.0.0.1:0"]
[[app]]
app_key = "{KEY}"
url = "wss://localhost:{proxy.port}"
ca_file = "{authority.certificate}"
""",
        )
        first = daemon.wait_for_state("connected")["socket_id"]
        upstream.kill()
        poll(lambda: daemon.connection()["state"] != "connected")
        start(Sandbox, upstream.port)

        def connected_again():
            connection = daemon.connection()
            return connection["state"] == "connected" and connection["socket_id"] != first

        poll(connected_again, 30)
        assert proxy.reused[0] is False and proxy.reused[-1] is True
