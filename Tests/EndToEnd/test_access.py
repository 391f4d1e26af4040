"""HTTP contract, section 5: who may call."""

import os
import pwd
import stat
import subprocess
import tempfile

import httpx
import pytest

from h2peer import H2Client
from problems import problem
from processes import BINARY, Daemon, configuration
from raw import Connection, request


# 1. Host


# contract: 5.1
@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8787", "127.9.9.9", "[::1]", "[::1]:80"]
)
def test_host_must_be_loopback(daemon, host):
    assert daemon.get("/connection", headers={"Host": host}).status_code == 200


# contract: 5.1
@pytest.mark.parametrize(
    "host",
    ["example.com", "localhost.example.com", "127.0.0.1.example.com", "192.168.0.1", "[::2]", "localhost.", "xlocalhost",
     "0.0.0.0", "127.0.0.1@example.com", "127.1"])  # fmt: skip
@pytest.mark.parametrize("path", ["/connection", "/healthz", "/nothing"])
def test_any_other_host_is_421(daemon, host, path):
    response = daemon.get(path, headers={"Host": host})
    if response.status_code != 400:  # a Host that is malformed is 400 (RFC 9112 §3.2)
        problem(response, 421, "host_not_allowed")


# contract: 5.2
def test_allowed_hosts_are_allowed(run):
    daemon = run(top='allowed_hosts = ["bridge.internal"]')
    assert daemon.get("/connection", headers={"Host": "bridge.internal:8787"}).status_code == 200
    assert daemon.get("/connection", headers={"Host": "Bridge.Internal"}).status_code == 200
    problem(daemon.get("/connection", headers={"Host": "other.internal"}), 421, "host_not_allowed")


# contract: 5.2
def test_addresses_are_allowed_with_any_port(run):
    hosts, origins = '["FD00:0::1", "[fd00::0:2]", "192.0.2.1"]', '["http://[FD00:0::3]:1"]'
    daemon = run(top=f"allowed_hosts = {hosts}\nallowed_origins = {origins}", connected=False)
    for host in ("[fd00::1]", "[fd00::1]:8787", "[FD00::1]:8787", "[fd00::2]:1", "192.0.2.1:8787"):
        assert daemon.get("/connection", headers={"Host": host}).status_code == 200, host
        # The page that is loaded from there is the bridge's own.
        fields = {"Host": host, "Origin": f"http://{host}"}
        assert daemon.get("/connection", headers=fields).status_code == 200, host
    assert daemon.get("/connection", headers={"Origin": "http://[fd00::3]:1"}).status_code == 200
    for host in ("[fd00::3]:8787", "[fd00::]", "192.0.2.2"):
        problem(daemon.get("/connection", headers={"Host": host}), 421, "host_not_allowed")


# 2. Origin


# contract: 5.4, 5.5
@pytest.mark.parametrize(
    "fields",
    [{"Origin": "https://example.com"}, {"Origin": "null"}, {"Origin": ""}, {"Origin": "http://localhost:1"},
     {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_a_page_of_another_origin_is_403_whatever_the_method(daemon, method, fields):
    response = daemon.client.request(method, "/channels/x/events", headers=fields)
    assert response.status_code == 403
    if method != "HEAD":
        problem(response, 403, "origin_not_allowed")
    assert "access-control-allow-origin" not in response.headers


# contract: 5.4
def test_it_is_403_whatever_the_content_type(daemon):
    for content_type in ("text/plain", "application/json", "multipart/form-data"):
        fields = {"Origin": "https://example.com", "Content-Type": content_type}
        body = '{"event":"client-x","data":1}'
        problem(daemon.post("/channels/private-x/events", content=body, headers=fields), 403, "origin_not_allowed")


# contract: 5.5
@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_sec_fetch_site_none_and_same_origin_pass(daemon, site):
    assert daemon.get("/connection", headers={"Sec-Fetch-Site": site}).status_code == 200


# contract: 5.6
def test_the_bridges_own_page_may(daemon):
    assert daemon.get("/connection", headers={"Origin": daemon.url}).status_code == 200


# contract: 5.7
def test_an_allowed_origin_may_and_can_read_the_answer(run, name):
    daemon = run(top='allowed_origins = ["https://app.example"]')
    fields = {"Origin": "https://app.example", "Sec-Fetch-Site": "cross-site"}
    answer = daemon.get("/connection", headers=fields)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "origin" in answer.headers["vary"].lower()
    stream = daemon.events(name(), headers=fields)
    assert stream.headers["access-control-allow-origin"] == "https://app.example"
    missing = daemon.get("/nothing", headers=fields)
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, "https://app.example")
    for other in ("https://app.example.evil", "http://app.example", "https://app.example:444"):
        problem(daemon.get("/connection", headers={"Origin": other}), 403, "origin_not_allowed")


# contract: 5.7
@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [("/channels/private-x/events", f"Content-Length: {1 << 30}\r\n", 413),
     ("/channels/private-x/events", "Transfer-Encoding: chunked\r\n\r\n7ffffff", 413),
     ("/channels/private-x/events", "Transfer-Encoding: chunked\r\n\r\nx", 400),
     ("/channels/private-x/events", "Content-Length: 1\r\n", 408), ("/channels/%zz", "", 400)])  # fmt: skip
def test_an_allowed_origin_can_read_what_is_refused_before_it_is_served(run, path, fields, status):
    daemon = run(top='allowed_origins = ["https://app.example"]', limits='body_timeout = "100ms"', connected=False)
    with Connection(daemon).send(request("POST", path, "Origin: https://app.example\r\n" + fields)) as connection:
        answer = connection.response()
    assert answer[0] == status, answer
    assert answer[1]["access-control-allow-origin"] == "https://app.example"
    assert answer[1]["vary"] == "Origin" and answer[1]["x-content-type-options"] == "nosniff"


# contract: 5.7
@pytest.mark.parametrize(("path", "status"), [("/channels/private-x/events", 413), ("/channels/%zz", 400)])
def test_an_allowed_origin_can_read_it_on_http2_as_well(run, path, status):
    daemon = run(top='allowed_origins = ["https://app.example"]', limits="max_body_bytes = 1000", connected=False)
    with H2Client(daemon) as client:
        body = b"x" * (1001 if status == 413 else 1)
        answer = client.get(path, method="POST", headers=[("origin", "https://app.example")], body=body)
    assert (answer.status, answer.headers.get("access-control-allow-origin")) == (status, "https://app.example")


# contract: 5.8
def test_preflights_answer_likewise(run):
    daemon = run(top='allowed_origins = ["https://app.example"]')
    fields = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = daemon.client.request("OPTIONS", "/channels/private-x/events", headers=fields)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "content-type" in answer.headers["access-control-allow-headers"].lower()


# 3. Tokens


@pytest.fixture
def guarded(run, tmp_path):
    """A daemon with three tokens: everything, reading one kind of channel, and another app's."""

    def entry(name, allow, channels='["*"]', apps='["*"]'):
        file = tmp_path / name
        file.write_text(f"secret-of-{name}\n")
        file.chmod(0o600)
        return f"""
[[token]]
name = "{name}"
secret = {{ file = "{file}" }}
apps = {apps}
channels = {channels}
allow = {allow}
"""

    return run(
        connected=False,
        rest=entry("all", '["read", "trigger", "admin"]')
        + entry("orders", '["read", "trigger"]', '["private-orders-*", "news"]')
        + entry("foreign", '["read"]', apps='["other"]')
        + '[[app]]\nname = "other"\napp_key = "k"\ncluster = "eu"\nconnect = false\n',
    )


def bearer(name):
    return {"Authorization": f"Bearer secret-of-{name}"}


# contract: 5.10
def test_without_a_token_401_with_www_authenticate(guarded):
    for fields in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        for path in ("/connection", "/channels", "/channels/news/events", "/nothing", "/apps"):
            answer = guarded.get(path, headers=fields)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"].startswith("Bearer")


# contract: 5.16
def test_healthz_and_readyz_need_none(guarded):
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/readyz").status_code in (200, 503)


# contract: 5.10
def test_the_scheme_is_case_insensitive(guarded):  # RFC 9110 §11.1
    assert guarded.get("/connection", headers={"Authorization": "bearer secret-of-all"}).status_code == 200


# contract: 5.12, 5.13
def test_a_token_grants_actions_on_channels(guarded):
    client = guarded
    everything, orders = bearer("all"), bearer("orders")
    client.events("private-orders-1", headers=orders)
    client.events("news", headers=orders)
    # Outside them 403.
    for channel in ("other", "private-order", "news2", "presence-x"):
        problem(client.get(f"/channels/{channel}/events", headers=orders), 403, "channel_not_allowed")
        problem(client.trigger(channel, "client-x", 1, headers=orders), 403, "channel_not_allowed")
    assert client.put("/channels/news", headers=orders).status_code == 403
    assert client.delete("/channels/news", headers=orders).status_code == 403
    assert client.post("/connection/disconnect", headers=orders).status_code == 403
    assert client.put("/channels/other", headers=everything).status_code == 201


# contract: 5.18, 5.20
def test_what_a_caller_may_not_read_is_left_out_of_lists(guarded):
    guarded.put("/channels/other", headers=bearer("all"))
    guarded.put("/channels/news", headers=bearer("all"))
    names = lambda fields: [c["name"] for c in guarded.get("/channels", headers=fields).json()["channels"]]  # noqa: E731
    assert names(bearer("all")) == ["news", "other"]
    assert names(bearer("orders")) == ["news"]
    problem(guarded.get("/channels/other", headers=bearer("orders")), 403, "channel_not_allowed")


# contract: 5.11, 5.18
def test_a_token_of_another_app_may_nothing_here(guarded):
    apps = guarded.get("/apps", headers=bearer("foreign")).json()["apps"]
    assert [app["name"] for app in apps] == ["other"]
    for path in ("/connection", "/channels", "/channels/news/events", "/apps/main"):
        assert guarded.get(path, headers=bearer("foreign")).status_code == 403


# contract: 2.25, 5.21
def test_a_secret_never_reaches_a_log_or_an_answer(guarded):  # architecture, invariant 6
    texts = [
        guarded.get(path, headers=bearer("all")).text for path in ("/apps", "/apps/main", "/connection", "/healthz")
    ]
    texts.append(guarded.get("/connection", headers={"Authorization": "Bearer secret-of-nobody"}).text)
    assert "secret-of" not in "".join(texts) + guarded.log


# contract: 1.9
def test_a_non_loopback_address_without_tokens_refuses_to_start(sandbox, start, tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(configuration(sandbox).replace("127.0.0.1:0", "0.0.0.0:0"))
    done = subprocess.run([BINARY, "serve", "--config", file], capture_output=True, text=True, timeout=10)
    assert done.returncode == 78
    assert "token" in done.stderr


# 4. The Unix socket


@pytest.fixture
def folder():
    """Short: a Unix socket's path has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="apd") as path:
        yield path


def unix_client(path):
    return httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://anything.example", timeout=10)


def with_socket(path, more=""):
    return f'listen = ["127.0.0.1:0", "unix:{path}"]\n{more}'


def start_on_socket(sandbox, start, path, top="", rest=""):
    text = configuration(sandbox, rest=rest).replace('listen = ["127.0.0.1:0"]', with_socket(path, top))
    return start(Daemon, text)


# contract: 1.2, 1.3, 5.3
def test_a_unix_socket_has_mode_0660_and_takes_any_host(sandbox, start, folder):
    path = f"{folder}/s"
    daemon = start_on_socket(sandbox, start, path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    with unix_client(path) as client:
        assert client.get("/connection").status_code == 200
    stream = daemon.stream("/channels/unix/events", {"Host": "x"}, unix=path)
    assert stream.next().event == "bridge:open"
    daemon.stop()
    assert not os.path.exists(path)


# contract: 1.3
def test_socket_mode_is_configurable(sandbox, start, folder):  # config-and-cli
    path = f"{folder}/s"
    start_on_socket(sandbox, start, path, top='socket_mode = "0600"')
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_socket_left_behind_is_replaced(sandbox, start, folder):  # §1
    path = f"{folder}/s"
    daemon = start_on_socket(sandbox, start, path)
    daemon.kill()
    assert os.path.exists(path)
    start_on_socket(sandbox, start, path)
    with unix_client(path) as client:
        assert client.get("/healthz").status_code == 200


PEER = '[[peer]]\n{who}\nchannels = ["news"]\nallow = ["read"]\n'


# contract: 5.14, 5.15
@pytest.mark.parametrize("who", [f"uid = {os.getuid()}", f"gid = {os.getgid()}"])
def test_peers_are_matched_by_so_peercred_without_a_secret(sandbox, start, folder, who):
    path = f"{folder}/s"
    daemon = start_on_socket(sandbox, start, path, rest=PEER.format(who=who))
    with unix_client(path) as client:
        assert client.get("/channels").status_code == 200
        assert client.get("/channels/other").status_code == 403
        assert client.put("/channels/news").status_code == 403
    # Over TCP the peer is nobody, once peers exist.
    assert daemon.get("/connection").status_code == 401


# contract: 5.14
def test_peers_are_matched_by_user_name(sandbox, start, folder):
    path = f"{folder}/s"
    who = f'user = "{pwd.getpwuid(os.getuid()).pw_name}"'
    start_on_socket(sandbox, start, path, rest=PEER.format(who=who))
    with unix_client(path) as client:
        assert client.get("/channels").status_code == 200


# contract: 5.15, 5.16
def test_a_caller_that_no_peer_names_needs_a_token(sandbox, start, folder):
    path = f"{folder}/s"
    start_on_socket(sandbox, start, path, rest=PEER.format(who="uid = 54321"))
    with unix_client(path) as client:
        assert client.get("/connection").status_code == 401
        assert client.get("/healthz").status_code == 200
