"""HTTP contract, sections 1, 2, 4 and 6, where a caller is careless or hostile."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

from deadline import SECONDS, poll
from peers import Client
from problems import problem
from processes import BINARY, ROOT, Daemon, configuration
from raw import Connection, request

RESOURCES = ["/", "/channels", "/channels/x", "/channels/presence-x/members", "/channels/presence-x/members/me",
             "/channels/presence-x/members/sandbox-user", "/channels/x/events", "/events", "/connection", "/apps",
             "/apps/main", "/apps/main/channels", "/apps/main/events", "/healthz", "/readyz", "/metrics",
             "/openapi.json"]  # fmt: skip


@pytest.fixture
def known(daemon):
    """The daemon, with the channels of RESOURCES confirmed."""
    daemon.subscribed("x"), daemon.subscribed("presence-x")
    return daemon


def spelled(daemon, method, path, fields="", body=""):
    """An answer to a request that no client library has put right."""
    if body:
        fields += f"Content-Length: {len(body)}\r\n"
    with Connection(daemon).send(request(method, path, fields, body)) as connection:
        return connection.response(has_body=method != "HEAD")


# 1. Where it listens


# contract: 1.1
def test_without_listen_it_listens_on_loopback_8787(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('[[app]]\napp_key = "k"\ncluster = "eu"\n')
    done = subprocess.run([BINARY, "check-config", file], capture_output=True, text=True, timeout=SECONDS)
    assert "listens on 127.0.0.1:8787, [::1]:8787;" in done.stdout


# contract: 1.2
def test_any_number_of_addresses(sandbox, start):
    with tempfile.TemporaryDirectory(prefix="apd") as folder:
        entries = ["127.0.0.1:0", "127.0.0.2:0", *(f"unix:{folder}/{name}" for name in "ab")]
        if os.path.exists("/proc/net/if_inet6"):
            entries.append("[::1]:0")
        listen = ", ".join(f'"{entry}"' for entry in entries)
        daemon = start(Daemon, configuration(sandbox).replace('"127.0.0.1:0"', listen))
        assert len(daemon.addresses) == len(entries)
        for name in "ab":
            assert '"version"' in daemon.stream("/healthz", unix=f"{folder}/{name}").text()
        daemon.stop()


# contract: 1.3
def test_whoever_reaches_a_unix_socket_finds_its_mode_set(sandbox, start):
    with tempfile.TemporaryDirectory(prefix="apd") as folder:
        path, modes = f"{folder}/s", []

        def knock():
            end = time.monotonic() + SECONDS
            while not modes and time.monotonic() < end:
                with socket.socket(socket.AF_UNIX) as client:
                    if client.connect_ex(path) == 0:
                        modes.append(stat.S_IMODE(os.stat(path).st_mode))

        knocking = threading.Thread(target=knock)
        knocking.start()
        before = os.umask(0)
        try:
            listen = f'"127.0.0.1:0", "unix:{path}"'
            daemon = start(Daemon, configuration(sandbox).replace('"127.0.0.1:0"', listen))
        finally:
            os.umask(before)
            knocking.join()
        assert modes == [0o660], [oct(mode) for mode in modes]
        daemon.stop()


# contract: 1.9
@pytest.mark.parametrize("address", ["[::]:0", "192.0.2.1:8787", "[2001:db8::1]:8787"])
def test_peers_do_not_stand_for_tokens_on_an_open_address(sandbox, tmp_path, address):
    file = tmp_path / "a.toml"
    text = configuration(sandbox, rest="[[peer]]\nuid = 0\n")
    file.write_text(text.replace("127.0.0.1:0", address))
    done = subprocess.run([BINARY, "serve", "--config", file], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 78
    assert re.match(rf"{file}:1:\d+: .*\[\[token\]\]", done.stderr), done.stderr


# contract: 1.4, 1.10
def test_a_socket_passed_in_that_others_can_reach_needs_tokens_as_well(sandbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("a-secret-of-some-length")
    secret.chmod(0o600)
    token = f'[[token]]\nname = "t"\nsecret = {{ file = "{secret}" }}\n'
    file = tmp_path / "a.toml"

    def serve(text):
        file.write_text(text)
        script = 'exec 3<&"$1"; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$2" serve --config "$3"'
        return subprocess.Popen(
            ["bash", "-c", script, "bash", str(listener.fileno()), BINARY, file], pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE, text=True)  # fmt: skip

    with socket.create_server(("0.0.0.0", 0)) as listener:
        with serve(configuration(sandbox)) as refused:
            try:
                assert refused.wait(SECONDS) == 78
            finally:
                refused.kill()
            assert "[[token]]" in refused.stderr.read()
        with serve(configuration(sandbox, rest=token)) as process:
            try:
                read_until(process.stderr, '"ready"')
                # A reload that takes the last token away leaves the old configuration in force.
                file.write_text(configuration(sandbox))
                process.send_signal(signal.SIGHUP)
                assert "[[token]]" in read_until(process.stderr, '"reload')
                port = listener.getsockname()[1]
                with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
                    connection.sendall(request(path="/connection", fields="Connection: close\r\n").encode())
                    assert connection.recv(4096).startswith(b"HTTP/1.1 401")
            finally:
                process.terminate()


def read_until(lines, text):
    for line in lines:
        if text in line:
            return line
    raise AssertionError(f"no line with {text}")


# 2. Resources


# contract: 2.33
@pytest.mark.parametrize("path", RESOURCES)
def test_head_has_the_fields_of_get_and_no_body(known, path):
    with Connection(known).send(request("HEAD", path) + request()) as connection:
        status, fields, _ = connection.response(has_body=False)
        # What follows is the next answer, and no body.
        assert connection.response()[0] == 200
    assert status == 200
    if path.endswith("events"):
        assert fields["content-type"] == "text/event-stream"
        # RFC 9110 §8.6: there is no length that GET would have.
        assert "content-length" not in fields
    else:
        answer = known.get(path)
        varying = {"date", "content-length", "last-event-id"}
        assert set(fields) == {name.lower() for name in answer.headers}
        for name in set(fields) - varying:
            assert fields[name] == answer.headers[name], name
        assert int(fields["content-length"]) > 0


# contract: 2.33
def test_head_of_a_stream_subscribes_to_nothing(daemon, name):
    one, two = name(), name()
    assert spelled(daemon, "HEAD", f"/channels/{one}/events")[0] == 200
    assert spelled(daemon, "HEAD", f"/events?channel={two}")[0] == 200
    assert spelled(daemon, "HEAD", f"/channels/{one}/events?format=nonsense")[0] == 400
    for channel in (one, two):
        problem(daemon.get(f"/channels/{channel}"), 404, "unknown_channel")


# contract: 2.34
@pytest.mark.parametrize("path", [*RESOURCES, "*", "/connection/connect", "/channels/x/events/client-x"])
def test_options_names_the_methods_that_are_answered(known, path):
    status, fields, _ = spelled(known, "OPTIONS", path)
    assert status in (200, 204)
    allowed = set(fields["allow"].split(", "))
    assert "OPTIONS" in allowed and ("GET" in allowed) == ("HEAD" in allowed)
    for method in {"PATCH", "TRACE", "FOO", "PUT", "DELETE", "POST", "get"} - allowed:
        status, fields, body = spelled(known, method, path if path != "*" else "/")
        assert status in (405, 501), (method, body)
        if status == 405:
            assert set(fields["allow"].split(", ")) == allowed or path == "*"


# contract: 2.31
@pytest.mark.parametrize(
    "path",
    ["/healthz/", "/events/", "/channels/x/", "/apps/main/", "/APPS", "//", "/./channels", "/channels/../apps",
     "/apps/main/healthz", "/apps/main/apps/main/channels", "/connection/reconnect", "/channels/a/b/c/d"])  # fmt: skip
def test_a_path_that_is_nearly_one_is_404(daemon, path):
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        status, fields, body = spelled(daemon, method, path)
        assert (status, fields["content-type"]) == (404, "application/problem+json"), (method, body)


# contract: 2.1, 2.31
def test_an_app_that_is_none_is_404_with_everything_below_it(daemon):
    for path in ("", "/channels", "/channels/x/events", "/events", "/connection", "/channels/presence-x/members"):
        problem(daemon.get(f"/apps/none{path}"), 404, "unknown_app")
    problem(daemon.post("/apps/none/connection/connect"), 404, "unknown_app")
    problem(daemon.put("/apps/MAIN/channels/x"), 404, "unknown_app")
    assert daemon.get("/apps/%6Dain").json() == daemon.get("/apps/main").json()


# contract: 2.2, 8.5
@pytest.mark.parametrize("apps", [["", ""], ["name = 'a'\ndefault = true", "name = 'b'\ndefault = true"]])
def test_two_apps_of_one_name_and_two_default_apps_are_mistakes(tmp_path, apps):
    file = tmp_path / "a.toml"
    file.write_text("".join(f'[[app]]\napp_key = "k"\ncluster = "eu"\n{more}\n' for more in apps))
    done = subprocess.run([BINARY, "check-config", file], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 78
    assert re.match(rf"{file}:\d+:\d+: .*app.*; .+", done.stderr), done.stderr


# contract: 2.2
def test_without_a_default_the_first_app_is_it(run, sandbox):
    second = f'[[app]]\nname = "a"\napp_key = "sandbox-key"\nurl = "{sandbox.url}"\n'
    daemon = run(rest=second)
    assert [app["default"] for app in daemon.get("/apps").json()["apps"]] == [True, False]


# contract: 2.35
@pytest.mark.parametrize(
    "spelling",
    ["A-Za-z0-9_-=@,.;", "x" * 200, "%78" * 200, ".", "..", "%2e%2e", "%40", "a%3Bb", "me", "events", "-",
     "0"])  # fmt: skip
def test_every_character_of_a_name_may_be_there(daemon, spelling):
    status, _, body = spelled(daemon, "GET", f"/channels/{spelling}")
    assert status == 404 and b"unknown_channel" in body


# contract: 2.35
@pytest.mark.parametrize(
    "spelling",
    ["", "x" * 201, "a%20b", "a+b", "a%2Fb", "a%5Cb", "a!b", "a:b", "a*b", "a'b", "a~b", "%C3%A9", "%00", "a%0D%0Ab",
     "a%3Fb", "a%23b", "%25"])  # fmt: skip
def test_any_other_character_or_length_is_no_name(daemon, spelling):
    for method, path in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/events"), ("HEAD", "/events"),
                         ("POST", "/events"), ("GET", "/members"), ("GET", "/members/me")]:  # fmt: skip
        if not spelling and path:
            continue
        body = '{"event":"client-x","data":1}' if method == "POST" else ""
        status, _, answer = spelled(daemon, method, f"/channels/{spelling}{path}", body=body)
        assert status == 400, (method, path, answer)
        assert method == "HEAD" or b'"invalid_channel_name"' in answer


# contract: 2.1, 2.9
def test_names_are_compared_by_their_bytes(run, sandbox):
    daemon = run(app='name = "K"', connected=False)
    daemon.put("/channels/K;")
    assert [channel["name"] for channel in daemon.get("/channels?prefix=K%3B").json()["channels"]] == ["K;"]
    # The Kelvin sign and the Greek question mark are canonically equivalent to a K and a semicolon.
    assert daemon.get("/channels", params={"prefix": "\u212a"}).json()["channels"] == []
    assert daemon.get("/channels", params={"prefix": "K\u037e"}).json()["channels"] == []
    problem(daemon.get("/apps/\u212a"), 404, "unknown_app")


# contract: 2.16
def test_delete_again(run, name):
    daemon, channel = run(app='linger = "0s"'), name()
    problem(daemon.delete(f"/channels/{channel}"), 404, "unknown_channel")
    daemon.put(f"/channels/{channel}")
    assert daemon.delete(f"/channels/{channel}").status_code == 204
    poll(lambda: daemon.delete(f"/channels/{channel}").status_code == 404)
    lingering = run(app='linger = "1h"')
    lingering.put(f"/channels/{channel}")
    assert [lingering.delete(f"/channels/{channel}").status_code for _ in range(3)] == [204, 204, 204]
    assert lingering.channel(channel)["pinned"] is False
    assert lingering.delete(f"/channels/{channel}?force=true").status_code == 204
    problem(lingering.delete(f"/channels/{channel}?force=true"), 404, "unknown_channel")


# contract: 2.15, 3.34
@pytest.mark.parametrize("value", ["1", "TRUE", "", "yes", "no"])
def test_a_force_that_is_neither_true_nor_false_does_nothing(daemon, name, value):
    channel = name()
    daemon.put(f"/channels/{channel}")
    problem(daemon.delete(f"/channels/{channel}?force={value}"), 400, "invalid_request")
    assert daemon.channel(channel)["pinned"] is True
    assert daemon.delete(f"/channels/{channel}?force=false").status_code == 204


# contract: 2.19, 2.21
def test_members_whose_ids_look_like_something_else(daemon, sandbox, name):
    channel = name("presence-")
    stream = daemon.subscribed(channel)
    identifiers = ["a/b", "..", "%6De", "ME", "ü ☃", "a?b#c", "a+b"]
    spellings = ["a%2Fb", "..", "%256De", "ME", "%C3%BC%20%E2%98%83", "a%3Fb%23c", "a+b"]
    others = [Client(sandbox) for _ in identifiers]
    for other, identifier in zip(others, identifiers):
        other.subscribe(channel, identifier)
        stream.until("realtime:member_added")
    for spelling, identifier in zip(spellings, identifiers):
        status, _, body = spelled(daemon, "GET", f"/channels/{channel}/members/{spelling}")
        assert status == 200 and f'"user_id":"{identifier}"' in body.decode(), (spelling, body)
    assert spelled(daemon, "GET", f"/channels/{channel}/members/")[0] == 404
    for other in others:
        other.close()


# contract: 2.18, 2.20
def test_members_of_what_is_no_presence_channel(daemon, name):
    public = name()
    daemon.subscribed(public)
    assert daemon.get(f"/channels/{public}/members").status_code == 409
    for member in ("me", "ada"):
        problem(daemon.get(f"/channels/{public}/members/{member}"), 404, "unknown_member")


# contract: 2.26, 2.27
def test_readyz_says_what_healthz_says(daemon):
    health, ready = daemon.get("/healthz").json(), daemon.get("/readyz").json()
    assert set(health) == set(ready) and [set(app) for app in health["apps"]] == [set(app) for app in ready["apps"]]


# 4. Client events


# contract: 4.3, 4.7
@pytest.mark.parametrize(
    ("wait", "status"),
    [("0", 409), ("0s", 409), ("0ms", 409), ("1m", 202), ("61s", 202), ("8784h", 202), ("", 400), ("5", 400),
     ("-1s", 400), ("1.5s", 400), ("1d", 400), ("8785h", 400), ("99999999999999999999s", 400), ("5s ", 400), ("٥s", 400)])  # fmt: skip
def test_wait_is_a_span_of_time(run, name, wait, status):
    daemon = run(app="client_events_per_second = 100")
    answer = daemon.trigger(name("private-"), "client-x", 1, params={"wait": wait})
    assert answer.status_code == status, answer.text


# contract: 4.5, 4.7
@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[" * 60000, 400), (b'{"event":"client-x","data":' + b"[" * 30000 + b"]" * 30000 + b"}", 400),
     (b'\xef\xbb\xbf{"event":"client-x","data":1}', 400), (b'{"event":"client-x","data":1}x', 400),
     (b'{"event":"client-x","data":NaN}', 400), (b'{"event":"client-x","data":1,}', 400), (b"null", 400),
     (b"event=client-x&data=1", 400), (b'{"event":"client-x","data":"\n"}', 400), (b"\x00", 400),
     (b' \r\n\t{"event":"client-x","data":1} \n', 202), (b'{"\\u0065vent":"client-x","data":1,"more":{}}', 202),
     (b'{"event":"Client-x","data":1}', 422), (b'{"event":"xclient-x","data":1}', 422), (b'{"event":"","data":1}', 422),
     (b'{"event":"client-a","event":"b","data":1}', 422)])  # fmt: skip
def test_a_body_is_one_json_object(run, name, body, status):
    daemon = run(app="client_events_per_second = 100")
    answer = daemon.post(f"/channels/{name('private-')}/events", content=body)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    assert daemon.get("/healthz").status_code == 200


# contract: 2.5, 4.12
def test_the_event_in_the_path_may_be_spelled_with_escapes(run, sandbox, name):
    daemon, channel = run(app="client_events_per_second = 100"), name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        spellings = {"client-a%2Fb": "client-a/b", "%63lient-x": "client-x", "client-%E2%98%83": "client-☃"}
        for spelling, event in spellings.items():
            assert spelled(daemon, "POST", f"/channels/{channel}/events/{spelling}", body="1")[0] == 202
            assert other.until(event)["data"] == "1"
    for spelling, status in [("", 422), ("x", 422), ("Client-x", 422), ("client-%FF", 400), ("client-x/y", 404)]:
        assert spelled(daemon, "POST", f"/channels/{channel}/events/{spelling}", body="1")[0] == status, spelling


# contract: 4.15
def test_every_error_is_a_problem(run, name):
    daemon = run(limits="max_channels = 1")
    daemon.events(name())
    errors = [
        ("GET", "/nothing", "", "", 404), ("PATCH", "/apps", "", "", 405), ("GET", "/channels/a%20b", "", "", 400),
        ("GET", "/channels/%zz", "", "", 400), ("GET", "/channels/unknown", "", "", 404),
        ("GET", "/apps/none", "", "", 404), ("GET", f"/channels/{name()}/events", "", "", 503),
        ("GET", "/channels/x/members", "", "", 409), ("POST", "/channels/private-x/events", "", "{", 400),
        ("POST", "/channels/x/events/client-x", "", "1", 422), ("GET", "/", "Origin: null\r\n", "", 403),
        ("GET", "/", "X: " + "a" * 20000 + "\r\n", "", 431), ("GET", "/" + "a" * 20000, "", "", (414, 431)),
        ("POST", "/channels/private-x/events", "Content-Length: 9999999\r\n", "", 413),
        ("GET", "/", "Host: localhost\r\n", "", 400), ("GET", "/", "X : 1\r\n", "", 400)]  # fmt: skip
    for method, path, fields, body, expected in errors:
        status, headers, answer = spelled(daemon, method, path, fields, body)
        assert status in (expected if isinstance(expected, tuple) else (expected,)), (path, answer)
        assert headers["content-type"] == "application/problem+json", path
        document = json.loads(answer)
        assert set(document) >= {"type", "title", "status", "detail", "code"} and document["status"] == status
        assert re.fullmatch("[a-z0-9_]+", document["code"]) and document["detail"]


# contract: 4.15
def test_details_say_what_to_do(run, name):
    limits = 'max_client_event_bytes = 100\nhead_timeout = "200ms"\nbody_timeout = "200ms"'
    daemon, room, private = run(limits=limits), name("presence-"), name("private-")
    daemon.subscribed(room)
    for method, path, fields, body, status, hint in [
        ("GET", f"/channels/{room}/members/nobody", "", "", 404, "GET …/members"),
        ("POST", f"/channels/{private}/events/client-x", "", "1" * 101, 413, "send less or raise it"),
        ("POST", f"/channels/{private}/events/client-x", "Content-Length: 9\r\n", "", 408, "raise body_timeout"),
    ]:
        got, _, answer = spelled(daemon, method, path, fields, body)
        assert got == status and hint in json.loads(answer)["detail"], answer
    with Connection(daemon).send(b"GET / HTTP/1.1\r\nHost: loc") as connection:
        status, _, answer = connection.response()
    assert status == 408 and "raise head_timeout" in json.loads(answer)["detail"], answer


# 6. Limits


# contract: 6.17
def test_the_limits_are_those_of_the_contract_and_all_of_them_keys(tmp_path):
    defaults = {
        "max_head_bytes": 16384, "max_body_bytes": 65536, "max_client_event_bytes": 10240, "head_timeout": '"10s"',
        "body_timeout": '"10s"', "idle_timeout": '"60s"', "write_timeout": '"30s"', "max_streams": 20000,
        "max_connections": 25000, "max_h2_streams": 256, "max_event_bytes": 1048576, "reader_backlog_bytes": 1048576,
        "kept_events": 1000, "kept_age": '"1h"', "kept_bytes": 67108864, "max_channels": 10000}  # fmt: skip
    # The example shows every key with its default; that these are the daemon's is what the configuration's tests check.
    example = (ROOT / "config/apinatord.toml").read_text()
    section = example.split("[limits]\n")[1].split("\n[")[0]
    assert dict(re.findall(r"^#(\w+) = (.+)$", section, re.M)) == {key: str(value) for key, value in defaults.items()}
    file = tmp_path / "a.toml"
    lines = "".join(f"{key} = {value}\n" for key, value in defaults.items())
    file.write_text(f'[limits]\n{lines}[[app]]\napp_key = "k"\ncluster = "eu"\n')
    done = subprocess.run([BINARY, "check-config", file], capture_output=True, text=True, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, "")


# contract: 6.2, 6.3
def test_the_largest_body_and_event_by_default(daemon, name):
    channel = name("private-")
    assert daemon.trigger(channel, "client-x", "x" * (10240 - 2)).status_code == 202
    problem(daemon.trigger(channel, "client-x", "x" * (10240 - 1)), 413, "payload_too_large")
    assert daemon.post(f"/channels/{channel}/events/client-x", content="1" * 10240).status_code == 202
    problem(daemon.post(f"/channels/{channel}/events/client-x", content="1" * 10241), 413, "payload_too_large")
    assert daemon.post(f"/channels/{channel}/events/client-x", content="1" * 65537).status_code == 413


# contract: 6.1
def test_the_largest_head_by_default(daemon):
    bare = len(request(fields="X: \r\n"))
    with Connection(daemon).send(request(fields=f"X: {'a' * (16384 - bare)}\r\n")) as connection:
        assert connection.response()[0] == 200
    with Connection(daemon).send(request(fields=f"X: {'a' * (16385 - bare)}\r\n")) as connection:
        assert connection.response()[0] == 431
