"""HTTP contract, sections 5 and 8, where a caller is careless or hostile."""

import grp
import json
import os
import signal
import tempfile

import httpx
import pytest

from deadline import poll
from peers import Client
from problems import problem
from processes import Daemon, configuration
from raw import Connection, request
from test_contract_resources import spelled
from test_reload import reload

# 1. Host


# contract: 5.1
@pytest.mark.parametrize("host", ["LOCALHOST", "localhost:", "[::1]:65535", "127.255.255.255:1", "127.0.0.1:0"])
def test_hosts_that_are_loopback(daemon, host):
    with Connection(daemon).send(request(path="/apps", host=f"Host: {host}\r\n")) as connection:
        assert connection.response()[0] == 200


# contract: 5.1
@pytest.mark.parametrize(
    "host",
    ["localhost.", "evil.localhost", "localhost.evil", "127.0.0.1.nip.io", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]",
     "[0:0:0:0:0:0:0:2]", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.256", "127.+0.0.1", "127.0.-0.1", "loc%61lhost", "127.0.0.1,evil", "",
     "evil.test:8787", "localhost..", "xn--localhost"])  # fmt: skip
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_hosts_that_are_not(daemon, host, version):
    for path in ("/", "/healthz", "/channels/x/events", "/openapi.json"):
        with Connection(daemon).send(request(path=path, host=f"Host: {host}\r\n", version=version)) as connection:
            status, fields, body = connection.response()
            assert status == 421 and json.loads(body)["code"] == "host_not_allowed"


# contract: 5.1
def test_a_target_in_absolute_form_is_what_counts(daemon):  # RFC 9112 §3.2.2
    with Connection(daemon).send(request(path="http://evil.test/apps")) as connection:
        assert connection.response()[0] == 421


# contract: 5.2
def test_allowed_hosts_are_no_patterns(run):
    daemon = run(top='allowed_hosts = ["bridge.internal", "other.internal"]', connected=False)
    for host in ("other.internal", "BRIDGE.INTERNAL:1", "localhost"):
        assert daemon.get("/apps", headers={"Host": host}).status_code == 200
    for host in ("a.bridge.internal", "bridge.internal.", "bridge.internal.evil", "bridgeXinternal"):
        problem(daemon.get("/apps", headers={"Host": host}), 421, "host_not_allowed")
    # The page that is loaded from there is the bridge's own, also behind what ends TLS.
    for scheme in ("http", "https"):
        fields = {"Host": "bridge.internal:1", "Origin": f"{scheme}://bridge.internal:1"}
        assert daemon.get("/apps", headers=fields).status_code == 200
    problem(daemon.get("/apps", headers=fields | {"Origin": "https://other.internal:1"}), 403, "origin_not_allowed")


# 2. Origin


# contract: 5.4, 5.6
@pytest.mark.parametrize(
    ("host", "origin", "is_own"),
    [("localhost:8787", "http://localhost:8787", True), ("127.0.0.1:8787", "http://127.0.0.1:8787", True),
     ("[::1]:8787", "http://[::1]:8787", True), ("LOCALHOST:8787", "HTTP://localhost:8787", True),
     ("localhost:8787", "http://127.0.0.1:8787", False), ("127.0.0.1:8787", "http://localhost:8787", False),
     ("localhost:8787", "http://localhost", False), ("localhost:8787", "http://localhost:8788", False),
     ("localhost:8787", "https://localhost:8787", False), ("localhost:8787", "http://localhost:8787/", False),
     ("localhost:8787", "http://localhost:8787.evil", False),
     ("localhost:8787", "http://evil, http://localhost:8787", False),
     ("localhost:8787", "http://localhost:8787\r\nOrigin: http://evil", False),
     ("localhost:8787", "http://evil\r\nOrigin: http://localhost:8787", False),
     ("localhost:8787", "localhost:8787", False), ("localhost:8787", "file://", False), ("localhost:8787", "chrome-extension://abc", False),
     ("localhost:8787", "null", False), ("localhost:8787", "", False)])  # fmt: skip
def test_the_bridges_own_origin_is_the_one_it_was_asked_under(daemon, host, origin, is_own):
    for path in ("/apps", "/healthz", "/nothing"):
        text = request(path=path, host=f"Host: {host}\r\n", fields=f"Origin: {origin}\r\n")
        with Connection(daemon).send(text) as connection:
            status, fields, body = connection.response()
            assert status == ((404 if path == "/nothing" else 200) if is_own else 403), body
            assert not any(field.startswith("access-control") for field in fields)


# contract: 5.5
@pytest.mark.parametrize(
    "fields",
    ["Sec-Fetch-Site: same-site", "sec-fetch-site: CROSS-SITE", "Sec-Fetch-Site: ", "Sec-Fetch-Site: none, cross-site",
     "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site", "Sec-Fetch-Site: something-new",
     "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document"])  # fmt: skip
def test_what_a_browser_says_about_other_sites(daemon, fields):
    for method, path in [("GET", "/"), ("GET", "/healthz"), ("HEAD", "/apps"), ("POST", "/connection/disconnect")]:
        assert spelled(daemon, method, path, fields + "\r\n")[0] == 403


# contract: 5.4
def test_a_refusal_comes_before_the_body_is_read(daemon):
    fields = "Origin: https://example.com\r\nContent-Length: 60000\r\n"
    with Connection(daemon).send(request("POST", "/channels/private-x/events", fields)) as connection:
        assert connection.response()[0] == 403
        assert connection.is_closed()


# contract: 5.7, 5.8
@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [("http://localhost:3000", True), ("HTTP://LOCALHOST:3000", True), ("https://app.example:8443", True),
     ("http://localhost:3001", False), ("http://localhost", False), ("https://localhost:3000", False),
     ("https://app.example", False), ("http://app.example:8443", False), ("https://x.app.example:8443", False),
     ("null", False)])  # fmt: skip
def test_preflights(run, origin, is_allowed):
    daemon = run(top='allowed_origins = ["http://localhost:3000", "https://App.Example:8443"]', connected=False)
    fields = {
        "Origin": origin, "Access-Control-Request-Method": "PUT", "Sec-Fetch-Site": "cross-site",
        "Access-Control-Request-Headers": "authorization,content-type,last-event-id",
        "Access-Control-Request-Private-Network": "true"}  # fmt: skip
    answer = daemon.client.request("OPTIONS", "/channels/x", headers=fields)
    assert daemon.get("/apps", headers={"Origin": origin}).status_code == (200 if is_allowed else 403)
    if not is_allowed:
        problem(answer, 403, "origin_not_allowed")
        assert not any(field.startswith("access-control") for field in answer.headers)
        return
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == origin
    assert "Origin" in answer.headers["vary"]
    assert {"PUT", "DELETE", "GET"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "last-event-id"} <= set(allowed)
    assert answer.headers["access-control-allow-private-network"] == "true"
    # What was not asked for is not granted.
    del fields["Access-Control-Request-Private-Network"]
    plain = daemon.client.request("OPTIONS", "/channels/x", headers=fields)
    assert "access-control-allow-private-network" not in plain.headers


# 3. Tokens


@pytest.fixture
def guarded(run, tmp_path):
    """A daemon with tokens that may different things."""

    def entry(name, more):
        file = tmp_path / name
        file.write_text(f"secret-of-{name}\n")
        file.chmod(0o600)
        return f'[[token]]\nname = "{name}"\nsecret = {{ file = "{file}" }}\n{more}\n'

    daemon = run(
        connected=False, top='allowed_origins = ["https://app.example"]',
        rest=entry("all", 'allow = ["read", "trigger", "admin"]')
        + entry("reader", 'channels = ["private-orders-*", "news"]\nallow = ["read"]')
        + entry("sender", 'allow = ["trigger"]')
        + entry("admin", 'channels = ["news"]\nallow = ["admin"]')
        + entry("main", 'apps = ["main"]')
        + '[[app]]\nname = "other"\napp_key = "k"\ncluster = "eu"\nconnect = false\n')  # fmt: skip
    poll(lambda: daemon.get("/readyz").json()["apps"][0]["state"] == "connected")
    return daemon


def bearer(name):
    return {"Authorization": f"Bearer secret-of-{name}"}


# contract: 5.10
@pytest.mark.parametrize(
    ("value", "status"),
    [("Bearer secret-of-all", 200), ("bEaReR secret-of-all", 200), ("Bearer   secret-of-all", 200),
     ("Bearer secret-of-all  ", 200), ("Bearer", 401), ("Bearer ", 401), ("Basic secret-of-all", 401),
     ("secret-of-all", 401), ("Bearer secret-of-al", 401), ("Bearer secret-of-all2", 401),
     ("Bearer SECRET-OF-ALL", 401),
     ("Bearer secret-of-all, Bearer x", 401), ("Bearer x\r\nAuthorization: Bearer secret-of-all", 401),
     ("Bearer secret-of-all\r\nAuthorization: Bearer x", 401), ("Bearer secret-of-all\r\nAuthorization: Basic x", 401),
     ("Bearersecret-of-all", 401), ("Bearer " + "x" * 8000, 401)])  # fmt: skip
def test_spellings_of_a_token(guarded, value, status):
    answer, fields, body = spelled(guarded, "GET", "/connection", f"Authorization: {value}\r\n")
    assert answer == status, body
    if status == 401:
        assert fields["www-authenticate"].startswith("Bearer ")
        assert json.loads(body)["code"] == "unauthorized" and b"secret-of" not in body


# contract: 5.10
def test_a_token_is_nowhere_but_in_its_field(guarded):
    for path in ("/connection?access_token=secret-of-all", "/connection?token=secret-of-all"):
        assert guarded.get(path).status_code == 401
    assert guarded.get("/connection", headers={"Cookie": "token=secret-of-all"}).status_code == 401
    # … and not asked for by what needs none, nor of a preflight.
    for path in ("/healthz", "/readyz", "/", "/openapi.json"):
        for fields in ({}, {"Authorization": "Bearer wrong"}):
            assert guarded.get(path, headers=fields).status_code == 200
            assert guarded.client.head(path, headers=fields).status_code == 200
    assert guarded.client.request("OPTIONS", "/channels/news").status_code == 204


# contract: 5.10, 5.7
def test_the_page_of_an_allowed_origin_can_read_that_it_needs_a_token(guarded):
    answer = guarded.get("/connection", headers={"Origin": "https://app.example"})
    problem(answer, 401, "unauthorized")
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


# contract: 4.8, 5.12, 5.13
@pytest.mark.parametrize(
    ("token", "expected"),
    [("reader", [200, 200, 403, 403, 403, 200, 403, 403]), ("sender", [403, 403, 403, 202, 403, 403, 403, 403]),
     ("admin", [403, 403, 201, 403, 204, 403, 403, 202]),
     ("all", [200, 404, 201, 202, 204, 200, 200, 202])])  # fmt: skip
def test_what_each_action_grants(guarded, token, expected):
    fields, everything = bearer(token), bearer("all")
    if token == "reader":
        guarded.put("/channels/news", headers=everything)
    known = "/channels/news" if token == "reader" else "/channels/unknown"
    answers = [
        guarded.get("/connection", headers=fields), guarded.get(known, headers=fields),
        guarded.put("/channels/news", headers=fields),
        guarded.trigger("private-orders-1", "client-x", 1, headers=fields),
        guarded.delete("/channels/news", headers=fields), guarded.client.head("/events", headers=fields),
        guarded.get("/metrics", headers=fields), guarded.post("/connection/connect", headers=fields)]  # fmt: skip
    assert [answer.status_code for answer in answers] == expected
    problem(guarded.trigger("private-elsewhere", "client-x", 1, headers=bearer("reader")), 403, "channel_not_allowed")


# contract: 5.12
@pytest.mark.parametrize(
    ("channel", "status"),
    [("private-orders-", 404), ("private-orders-1", 404), ("private-orders-presence-x", 404), ("news", 404),
     ("private-orders", 403), ("xprivate-orders-1", 403), ("news-", 403), ("NEWS", 403), ("new", 403),
     ("private%2Dorders%2D1", 404), ("presence-private-orders-1", 403), ("a%20b", (400, 403))])  # fmt: skip
def test_patterns_of_channels(guarded, channel, status):
    answer = spelled(guarded, "GET", f"/channels/{channel}", "Authorization: Bearer secret-of-reader\r\n")[0]
    assert answer in (status if isinstance(status, tuple) else (status,))


# contract: 5.11, 5.18
def test_a_token_of_one_app(guarded):
    apps = guarded.get("/apps", headers=bearer("main")).json()["apps"]
    assert [app["name"] for app in apps] == ["main"]
    for path in ("", "/connection", "/channels", "/channels/x", "/events", "/channels/presence-x/members"):
        assert guarded.get(f"/apps/other{path}", headers=bearer("main")).status_code == 403, path
    assert guarded.get("/apps", headers=bearer("sender")).json() == {"apps": []}


# contract: 5.17
def test_metrics_need_read_on_all(guarded):
    assert guarded.get("/metrics").status_code == 401
    assert guarded.get("/metrics", headers=bearer("all")).status_code == 200
    for token in ("reader", "sender", "admin", "main"):
        problem(guarded.get("/metrics", headers=bearer(token)), 403, "not_allowed")


# contract: 5.19, 5.20
def test_a_stream_of_everything_leaves_out_what_a_caller_may_not_read(guarded, sandbox):
    for channel in ("news", "secret", "private-orders-1"):
        guarded.put(f"/channels/{channel}", headers=bearer("all"))
        poll(lambda: guarded.get(f"/channels/{channel}", headers=bearer("all")).json()["subscribed"])
    before = guarded.get("/channels", headers=bearer("all")).headers["last-event-id"]
    live = guarded.stream("/events", bearer("reader"))
    assert live.next().json["data"]["channels"] == ["news", "private-orders-1"]
    # Also of what is subscribed to later.
    guarded.put("/channels/private-orders-2", headers=bearer("all"))
    guarded.put("/channels/private-secret-2", headers=bearer("all"))
    for channel in ("private-orders-2", "private-secret-2"):
        poll(lambda: guarded.get(f"/channels/{channel}", headers=bearer("all")).json()["subscribed"])
    for channel in ("secret", "private-secret-2", "private-orders-2", "private-orders-1", "news"):
        sandbox.publish(channel, "step", '"of everybody"')
    seen = []
    while not seen or (seen[-1]["event"], seen[-1]["channel"]) != ("step", "news"):
        seen.append(live.next().json)
    assert [m["channel"] for m in seen if m["event"] == "step"] == ["private-orders-2", "private-orders-1", "news"]
    assert "secret" not in live.body.decode()
    for fields, query in [({"Last-Event-ID": before}, ""), ({}, "?since=1h")]:
        again = guarded.stream(f"/events{query}", bearer("reader") | fields)
        while "of everybody" not in (frame := again.next()).data or frame.json["channel"] != "news":
            pass
        assert "secret" not in again.body.decode()
    for query in ("channel=secret", "channel=news&channel=secret", "channel=secret&channel=news"):
        problem(guarded.get(f"/events?{query}", headers=bearer("reader")), 403, "channel_not_allowed")
    # What is refused subscribes to nothing.
    problem(guarded.get("/events?channel=news&channel=unheard", headers=bearer("reader")), 403, "channel_not_allowed")
    assert guarded.get("/channels/unheard", headers=bearer("all")).status_code == 404


# contract: 5.20
def test_members_are_of_a_channel_that_may_be_read(guarded):
    guarded.put("/channels/presence-x", headers=bearer("all"))
    for path in ("/members", "/members/me", "/members/ada", "/events", ""):
        problem(guarded.get(f"/channels/presence-x{path}", headers=bearer("reader")), 403, "channel_not_allowed")


# 4. The Unix socket


# contract: 5.3, 5.4, 5.14, 5.15
def test_on_a_unix_socket_a_token_adds_to_what_a_peer_may(sandbox, start, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a-secret-of-some-length")
    secret.chmod(0o600)
    rest = (
        f'[[peer]]\ngroup = "{grp.getgrgid(os.getgid()).gr_name}"\nchannels = ["news"]\nallow = ["read"]\n'
        f'[[token]]\nname = "t"\nsecret = {{ file = "{secret}" }}\nallow = ["admin"]\nchannels = ["other"]\n'
    )
    with tempfile.TemporaryDirectory(prefix="apd") as folder:
        path = f"{folder}/s"
        text = configuration(sandbox, rest=rest)
        daemon = start(Daemon, text.replace('"127.0.0.1:0"', f'"127.0.0.1:0", "unix:{path}"'))
        token = {"Authorization": "Bearer a-secret-of-some-length"}
        with httpx.Client(transport=httpx.HTTPTransport(uds=path), base_url="http://any.example", timeout=10) as client:
            assert client.get("/channels/news").status_code == 404
            assert client.put("/channels/other").status_code == 403
            assert client.put("/channels/other", headers=token).status_code == 201
            assert client.get("/channels/news", headers=token).status_code == 404
            assert client.get("/channels/other", headers=token).status_code == 403
            # What is for a proxy on the way is no token.
            assert client.get("/channels/news", headers={"Authorization": "Basic YTpi"}).status_code == 404
            assert client.get("/channels/other", headers={"Authorization": "Negotiate YTpi"}).status_code == 403
            # A token that is none is not passed over, and a page is a page here too.
            assert client.get("/channels/news", headers={"Authorization": "Bearer"}).status_code == 401
            assert client.get("/channels/news", headers={"Authorization": "Bearer x"}).status_code == 401
            problem(client.get("/channels", headers={"Origin": "https://example.com"}), 403, "origin_not_allowed")
            assert client.get("/channels", headers={"Host": "evil.test"}).status_code == 200
        daemon.stop()


# 8. Reloading


# contract: 8.2, 8.3
def test_limits_hosts_and_origins_of_the_new_file_are_in_force_at_once(run, sandbox, name):
    daemon, channel = run(app='linger = "0s"'), name()
    stream = daemon.subscribed(channel)
    page = {"Origin": "https://app.example"}
    problem(daemon.get("/apps", headers=page), 403, "origin_not_allowed")
    top = 'allowed_hosts = ["bridge.internal"]\nallowed_origins = ["https://app.example"]'
    reload(daemon, configuration(sandbox, 'linger = "0s"', "max_head_bytes = 1000\nmax_channels = 1", top))
    assert daemon.get("/apps", headers=page | {"Host": "bridge.internal"}).status_code == 200
    assert spelled(daemon, "GET", "/apps", f"X: {'a' * 1000}\r\n")[0] == 431
    problem(daemon.get(f"/channels/{name()}/events"), 503, "too_many_channels")
    reload(daemon, configuration(sandbox, 'linger = "0s"'))
    problem(daemon.get("/apps", headers=page), 403, "origin_not_allowed")
    problem(daemon.get("/apps", headers={"Host": "bridge.internal"}), 421, "host_not_allowed")
    assert spelled(daemon, "GET", "/apps", f"X: {'a' * 1000}\r\n")[0] == 200
    sandbox.publish(channel, "news", "{}")
    stream.until("news")


# contract: 8.4
@pytest.mark.parametrize(
    "more",
    ["nonsense = 1", "[limits", '[[token]]\nname = "t"\nsecret = { file = "/nonexistent" }', "[[app]]\napp_key = 'k'",
     '[tls]\ncertificate = "/nonexistent"\nkey = "/nonexistent"',
     '[[peer]]\nuser = "nobody-of-that-name"'])  # fmt: skip
def test_a_bad_file_changes_nothing(run, sandbox, name, more):
    daemon, channel = run(), name()
    stream = daemon.subscribed(channel)
    text = configuration(sandbox, limits="max_channels = 1", top='allowed_hosts = ["bridge.internal"]', rest=more)
    reload(daemon, text, "reload refused")
    problem(daemon.get("/apps", headers={"Host": "bridge.internal"}), 421, "host_not_allowed")
    assert daemon.put(f"/channels/{name()}").status_code == 201
    daemon.configuration.unlink()
    daemon.signal(signal.SIGHUP)
    poll(lambda: sum(entry["message"].startswith("reload refused") for entry in daemon.entries) == 2, what=daemon.log)
    sandbox.publish(channel, "news", "{}")
    stream.until("news")


# contract: 8.3, 5.21
def test_a_token_that_was_taken_away_opens_nothing_more(run, sandbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the-first-secret")
    secret.chmod(0o600)
    text = configuration(sandbox, rest=f'[[token]]\nname = "t"\nsecret = {{ file = "{secret}" }}\n')
    daemon = run(connected=False)
    reload(daemon, text)
    first, second = ({"Authorization": f"Bearer the-{word}-secret"} for word in ("first", "second"))
    assert [daemon.get("/apps", headers=f).status_code for f in (first, second)] == [200, 401]
    # The file's contents are read again although the configuration is the same.
    secret.write_text("the-second-secret")
    reload(daemon, text)
    assert [daemon.get("/apps", headers=f).status_code for f in (first, second)] == [401, 200]
    assert "-secret" not in daemon.log.replace(str(secret), "")


# contract: 2.4, 5.13
def test_a_sender_may_send_though_it_may_not_read(guarded, sandbox):
    with Client(sandbox) as other:
        other.subscribe("private-orders-9")
        assert guarded.trigger("private-orders-9", "client-x", 1, headers=bearer("sender")).status_code == 202
        assert other.until("client-x")["data"] == "1"
