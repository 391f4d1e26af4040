"""Who signs for private and presence channels (upstream-protocol, Authorisation)."""

import json
import socket
import threading
import urllib.parse

import pytest

from apinator import authenticate_channel
from peers import AuthEndpoint, Client, answer_with
from processes import KEY, SECRET


@pytest.fixture
def secret(tmp_path):
    file = tmp_path / "app_secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def signing(run, secret):
    """A daemon that signs itself."""
    return run(
        auth=False,
        app=f"""
app_secret = {{ file = "{secret}" }}
presence = {{ user_id = "host-1", user_info = {{ name = "Höst \\"1\\"", n = 1 }} }}
""",
    )


@pytest.mark.parametrize("prefix", ["private-", "presence-", "private-cache-", "presence-cache-"])
def test_local_signing_is_accepted_by_the_server(signing, name, prefix):
    signing.subscribed(name(prefix))


def test_local_signing_says_who_this_machine_is(signing, sandbox, name):
    channel = name("presence-")
    signing.subscribed(channel)
    host = {"user_id": "host-1", "user_info": {"name": 'Höst "1"', "n": 1}}
    assert signing.get(f"/channels/{channel}/members/me").json() == host
    with Client(sandbox) as other:
        presence = json.loads(other.subscribe(channel)["data"])["presence"]
        assert presence["hash"]["host-1"] == host["user_info"]


# contract: 2.25, 5.21
def test_the_secret_is_in_no_answer_no_log_and_no_argument(signing, name):  # architecture, invariant 6
    signing.subscribed(name("private-"))
    texts = [signing.get(path).text for path in ("/apps", "/apps/main", "/connection", "/healthz", "/channels")]
    with open(f"/proc/{signing.pid}/cmdline") as arguments:
        texts.append(arguments.read())
    assert SECRET not in "".join(texts) + signing.log


# contract: 2.12, 3.16
def test_a_wrong_secret_is_a_subscription_error(run, tmp_path, name):
    file = tmp_path / "wrong"
    file.write_text("not the secret")
    file.chmod(0o600)
    daemon, channel = run(auth=False, app=f'app_secret = {{ file = "{file}" }}'), name("private-")
    daemon.events(channel).until("realtime:subscription_error")
    assert daemon.channel(channel)["subscribed"] is False
    assert "not the secret" not in daemon.log


# An endpoint of the test's own


def signs(form):
    """Signs with the official server SDK, and insists on `form`."""

    def answer(handler, body):
        if form == "json":
            fields = json.loads(body)
            assert handler.headers["Content-Type"].startswith("application/json")
        else:
            fields = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
            assert handler.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
        channel_data = None
        if fields["channel_name"].startswith("presence-"):
            channel_data = json.dumps({"user_id": "é-1", "user_info": {"name": 'A "quoted" ☃'}}, ensure_ascii=False)
        signed = authenticate_channel(SECRET, KEY, fields["socket_id"], fields["channel_name"], channel_data)
        answer_with(200, json.dumps(signed))(handler, body)

    return answer


@pytest.mark.parametrize("form", ["json", "form"])
def test_the_auth_endpoint_gets_socket_id_and_channel_name(run, name, form):
    with AuthEndpoint(signs(form)) as endpoint:
        headers = 'auth_headers = { Authorization = "Bearer of the test", X-Host = "h" }'
        daemon = run(
            auth=False, app=f'auth_endpoint = "{endpoint.url}/realtime/auth?x=1"\nauth_format = "{form}"\n{headers}'
        )
        private, presence = name("private-a@b,c;d="), name("presence-")
        daemon.subscribed(private)
        daemon.subscribed(presence)
        assert daemon.get(f"/channels/{presence}/members/me").json()["user_id"] == "é-1"
        path, fields, body = endpoint.requests[0]
        assert path == "/realtime/auth?x=1"
        assert (fields["Authorization"], fields["X-Host"]) == ("Bearer of the test", "h")
        assert fields["Accept-Encoding"] == "identity"
        said = json.loads(body) if form == "json" else dict(urllib.parse.parse_qsl(body.decode()))
        assert said == {"socket_id": daemon.connection()["socket_id"], "channel_name": private}
        if form == "form":
            assert body.decode() == urllib.parse.urlencode(said)
        assert "of the test" not in daemon.log + daemon.get("/apps/main").text


def test_a_value_of_auth_headers_in_a_file_is_read_again_for_every_request(run, tmp_path, name):
    file = tmp_path / "header"
    file.write_text("first")
    file.chmod(0o600)
    with AuthEndpoint(signs("json")) as endpoint:
        daemon = run(
            auth=False, app=f'auth_endpoint = "{endpoint.url}/"\nauth_headers = {{ X-Token = {{ file = "{file}" }} }}'
        )
        daemon.subscribed(name("private-"))
        file.write_text("second")
        daemon.subscribed(name("private-"))
        assert [fields["X-Token"] for _, fields, _ in endpoint.requests] == ["first", "second"]


def never_answers(handler, body):
    threading.Event().wait(2)


def cut_in_the_middle(handler, body):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def refusal_cut_in_the_middle(handler, body):
    handler.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 100\r\n\r\n{")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def switches_protocols(handler, body):
    handler.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n")
    handler.wfile.flush()
    # Until the daemon has closed the connection.
    handler.rfile.read()


FAILURES = {
    "403": (answer_with(403, "no"), 403),
    "404": (answer_with(404, "no"), 404),
    "500": (answer_with(500, "oops"), 500),
    "999": (answer_with(999, "no"), 999),
    "a redirect is not followed": (answer_with(302, "", [("Location", "/elsewhere")]), 302),
    "an upgrade that was not asked for": (switches_protocols, 101),
    "garbage": (answer_with(200, "<html>"), 403),
    "no auth": (answer_with(200, "{}"), 403),
    "auth is no string": (answer_with(200, '{"auth":7}'), 403),
    "an empty answer": (answer_with(200, ""), 403),
    "over-large": (answer_with(200, b'{"auth":"' + b"x" * (1 << 21) + b'"}'), 403),
    "over-large, and a refusal": (answer_with(503, b"x" * (1 << 17)), 503),
    "a refusal cut in the middle": (refusal_cut_in_the_middle, 502),
    "invalid UTF-8": (answer_with(200, b'{"auth":"\xff"}'), 403),
    "no answer in auth_timeout": (never_answers, 403),
    "cut in the middle": (cut_in_the_middle, 403),
}


@pytest.mark.parametrize(("answer", "status"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failing_auth_request_is_an_auth_error_with_the_reason(run, name, answer, status):
    with AuthEndpoint(answer) as endpoint:
        daemon = run(auth=False, app=f'auth_endpoint = "{endpoint.url}/auth"\nauth_timeout = "500ms"')
        channel = name("private-")
        error = daemon.events(channel).until("realtime:subscription_error")
        assert error.json["type"] == "AuthError"
        assert error.json["status"] == status
        assert error.json["error"]
        assert daemon.channel(channel)["error"] == error.json
        assert all(path == "/auth" for path, _, _ in endpoint.requests)


def test_a_byte_order_mark_before_the_answer_is_passed_over(run, name):
    def answer(handler, body):
        fields = json.loads(body)
        signed = authenticate_channel(SECRET, KEY, fields["socket_id"], fields["channel_name"])
        answer_with(200, b"\xef\xbb\xbf" + json.dumps(signed).encode())(handler, body)

    with AuthEndpoint(answer) as endpoint:
        run(auth=False, app=f'auth_endpoint = "{endpoint.url}/auth"').subscribed(name("private-"))


def test_what_follows_an_answer_is_not_the_answer_to_the_next_request(run, name):  # RFC 9112 §9.2
    stale = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"auth":"k:old"}'

    def answer(handler, body):
        fields = json.loads(body)
        signed = json.dumps(authenticate_channel(SECRET, KEY, fields["socket_id"], fields["channel_name"])).encode()
        # In one piece, so that it comes in one.
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(signed) + signed + stale)

    with AuthEndpoint(answer) as endpoint:
        daemon = run(auth=False, app=f'auth_endpoint = "{endpoint.url}/auth"')
        for channel in (name("private-"), name("private-")):
            stream = daemon.subscribed(channel)
            assert "realtime:subscription_error" not in [frame.event for frame in stream.seen]


def test_kept_connections_that_are_dead_cost_one_auth_timeout_in_all(run, name):
    """As when somebody in between has forgotten them: nothing is said, and nothing comes."""
    good, together, end, dead = signs("json"), threading.Barrier(4), threading.Event(), set()

    def answer(handler, body):
        if together.n_waiting or len(dead) < 4:
            dead.add(handler.client_address)
            together.wait(10)
        elif handler.client_address in dead:
            handler.close_connection = True
            end.wait(30)
            return
        good(handler, body)

    with AuthEndpoint(answer) as endpoint:
        daemon = run(auth=False, app=f'auth_endpoint = "{endpoint.url}/auth"\nauth_timeout = "1s"')
        streams = [daemon.events(name("private-")) for _ in range(4)]
        for stream in streams:
            stream.until("realtime:subscription_succeeded")
        stream = daemon.subscribed(name("private-"))
        end.set()
        assert [frame.event for frame in stream.seen].count("realtime:subscription_error") == 1


def test_no_connection_to_the_endpoint_is_an_auth_error_403(run, name):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    daemon = run(auth=False, app=f'auth_endpoint = "http://127.0.0.1:{port}/auth"')
    assert daemon.events(name("private-")).until("realtime:subscription_error").json["status"] == 403


@pytest.mark.parametrize(
    "channel_data",
    [None, "{}", "no JSON", '{"user_id":""}', '{"user_id":7,"user_info":{}}', '{"user_id":"a","user_info":[]}'],
)
def test_a_presence_answer_without_valid_channel_data_is_an_auth_error_403(run, name, channel_data):
    answer = {"auth": f"{KEY}:00"}
    if channel_data is not None:
        answer["channel_data"] = channel_data
    with AuthEndpoint(answer_with(200, json.dumps(answer))) as endpoint:
        daemon = run(auth=False, app=f'auth_endpoint = "{endpoint.url}/auth"')
        error = daemon.events(name("presence-")).until("realtime:subscription_error")
        assert (error.json["type"], error.json["status"]) == ("AuthError", 403)


def test_a_failed_subscription_is_retried_while_it_is_wanted(run, name):
    answers = iter([answer_with(500, "not yet")])
    good = signs("json")
    with AuthEndpoint(lambda handler, body: next(answers, good)(handler, body)) as endpoint:
        daemon = run(auth=False, app=f'auth_endpoint = "{endpoint.url}/auth"')
        stream = daemon.events(name("private-"))
        stream.until("realtime:subscription_error")
        stream.until("realtime:subscription_succeeded")


def test_a_signature_for_an_older_socket_id_is_thrown_away(run, sandbox, name):  # where official clients fail, 6
    first, go_on = threading.Event(), threading.Event()
    good = signs("json")

    def answer(handler, body):
        if not first.is_set():
            first.set()
            go_on.wait(10)
        good(handler, body)

    with AuthEndpoint(answer) as endpoint:
        daemon = run(auth=False, app=f'auth_endpoint = "{endpoint.url}/auth"')
        stream = daemon.events(name("private-"))
        assert first.wait(10)
        daemon.post("/connection/disconnect")
        daemon.post("/connection/connect")
        daemon.wait_for_state("connected")
        go_on.set()
        stream.until("realtime:subscription_succeeded")
        assert "realtime:subscription_error" not in [frame.event for frame in stream.seen]
