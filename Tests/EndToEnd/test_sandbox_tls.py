"""The sandbox over TLS, and slow to sign: for the clients that are tested and measured against it."""

import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import time

import httpx
import pytest

from certificates import make_certificate
from processes import APP_ID, BINARY, KEY, SECRET, Daemon, Sandbox, configuration


class SecureSandbox(Sandbox):
    """A sandbox that speaks TLS and nothing else."""

    def __init__(self, folder, *arguments):
        self.certificate, self.key = make_certificate(folder, "sandbox")
        super().__init__(arguments=["--certificate", str(self.certificate), "--key", str(self.key), *arguments])

    @property
    def url(self):
        return f"wss://localhost:{self.port}"

    @property
    def http(self):
        return f"https://localhost:{self.port}"

    @property
    def client(self):
        context = ssl.create_default_context(cafile=self.certificate)
        return httpx.Client(base_url=self.http, verify=context, trust_env=False, timeout=60)


def publish(client, channel, event, data):
    """By hand, since the official server SDK takes no authority of one's own."""
    path, body, now = f"/apps/{APP_ID}/events", json.dumps({"name": event, "channel": channel, "data": data}), time.time()
    text = f"{int(now)}\nPOST\n{path}\n{hashlib.md5(body.encode()).hexdigest()}"
    headers = {
        "X-Realtime-Key": KEY,
        "X-Realtime-Timestamp": str(int(now)),
        "X-Realtime-Signature": hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest(),
    }
    assert client.post(path, content=body, headers=headers).status_code == 200


def test_a_daemon_is_connected_over_wss_and_signed_for_over_https(start, tmp_path, name):
    sandbox = start(SecureSandbox, tmp_path)
    daemon = start(Daemon, configuration(sandbox, app=f'ca_file = "{sandbox.certificate}"'))
    daemon.wait_for_state("connected")
    private = daemon.subscribed(channel := name("private-"))
    presence = daemon.events(name("presence-"))
    members = presence.until("realtime:subscription_succeeded").json["presence"]
    assert members["ids"] == ["sandbox-user"]
    with sandbox.client as client:
        publish(client, channel, "news", '{"n":1}')
    assert private.until("news").data == '{"n":1}'


def test_plain_http_is_not_served_beside_it(start, tmp_path):
    sandbox = start(SecureSandbox, tmp_path)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{sandbox.port}/", trust_env=False, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--certificate", "a.pem"], "--certificate needs --key"),
        (["--key", "a.key"], "needs --certificate"),
        (["--auth-delay", "5"], "5ms"),
        (["--auth-delay", "-1s"], "5ms"),
    ],
)
def test_half_an_identity_and_no_duration_are_wrong_usage(arguments, hint):
    # One argument, so that a value that begins with a hyphen is a value.
    joined = [arguments[0] + "=" + arguments[1]]
    done = subprocess.run([BINARY, "sandbox", "--port", "0", *joined], capture_output=True, text=True, timeout=60)
    assert done.returncode == 64
    assert hint in done.stderr


def test_a_certificate_that_cannot_be_used_is_named(tmp_path):
    certificate, key = make_certificate(tmp_path, "good")
    other = tmp_path / "other"
    other.mkdir()
    for files in [(tmp_path / "none.pem", key), (certificate, tmp_path / "none.key"),
                  (certificate, make_certificate(other, "other")[1])]:  # fmt: skip
        done = subprocess.run(
            [BINARY, "sandbox", "--port", "0", "--certificate", files[0], "--key", files[1]],
            capture_output=True, text=True, timeout=60)  # fmt: skip
        assert done.returncode == 1
        assert str(files[0] if "none.pem" in str(files[0]) else files[1]) in done.stderr


def test_a_delayed_signature_holds_up_nobody_else(start, tmp_path):
    sandbox = start(SecureSandbox, tmp_path, "--auth-delay", "1h")
    body = b'{"socket_id":"1.2","channel_name":"private-a"}'
    context = ssl.create_default_context(cafile=sandbox.certificate)
    with (
        socket.create_connection(("127.0.0.1", sandbox.port), 60) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as slow,
        sandbox.client as client,
    ):
        slow.sendall(b"POST /auth HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert client.get("/nowhere").status_code == 404
        slow.settimeout(0.2)
        with pytest.raises(TimeoutError):
            slow.recv(1)
    # The client that left is forgotten: nothing keeps the sandbox from ending.
    assert sandbox.stop() == 0


def test_a_delayed_signature_comes(start, tmp_path):
    sandbox = start(SecureSandbox, tmp_path, "--auth-delay=5ms")
    with sandbox.client as client:
        answer = client.post("/auth", json={"socket_id": "1.2", "channel_name": "private-a"})
    assert answer.json() == sandbox.server().authenticate_channel("1.2", "private-a")
    sandbox.stop()
    stopped = sandbox.wait_for_entry("sandbox stopped")[0]
    assert (stopped["auth_requests"], stopped["auth_in_flight_max"]) == (1, 1)
