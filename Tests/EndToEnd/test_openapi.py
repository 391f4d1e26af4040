"""`GET /openapi.json` (HTTP contract, section 2): is it OpenAPI, and does the daemon do what it says?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from deadline import poll
from processes import Daemon

METHODS = ("get", "head", "post", "put", "delete", "options")

# How long a run of schemathesis may take, in seconds, and how many requests it makes up for an operation and phase.
SECONDS = 300
EXAMPLES = 8

# No check is left out and no status excused. One event of a stream is enough: it is `bridge:open`, and at once.
SETTINGS = "max-stream-events = 1\nrequest-timeout = 10.0\n"

# These close the connection, after which nothing else could show what it does: they get a run of their own.
CLOSING = "^disconnect(OfApp)?$"


@pytest.fixture
def playground(start):
    """`serve --sandbox`, connected, with presence-x confirmed."""
    daemon = start(Daemon, 'listen = ["127.0.0.1:0"]\n', arguments=["--sandbox", "--sandbox-port", "0"])
    daemon.wait_for_state("connected")
    poll(lambda: daemon.get("/channels/presence-x/members").status_code == 200, what="presence-x")
    return daemon


def schemathesis(daemon, folder, *arguments):
    """Runs it; fails with what it found."""
    (folder / "schemathesis.toml").write_text(SETTINGS)
    # From a file: of a document that it got over HTTP it leaves out that very operation.
    document = folder / "openapi.json"
    document.write_bytes(daemon.get("/openapi.json").content)
    program = Path(sys.executable).with_name("schemathesis")
    command = [program, "run", document, "--url", daemon.url, "--max-examples", EXAMPLES, "--seed", 1, *arguments]
    result = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    assert result.returncode == 0, result.stdout
    assert daemon.process.poll() is None, daemon.log
    return result.stdout


# contract: 2.29
def test_document_is_openapi_3_1(daemon):
    answer = daemon.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["version"] == daemon.get("/healthz").json()["version"]
    OpenAPIV31SpecValidator(document).validate()


# contract: 2.1, 2.29
def test_every_path_of_an_app_exists_twice(daemon):
    paths = set(daemon.get("/openapi.json").json()["paths"])
    prefix = "/apps/{app}"
    named = {path.removeprefix(prefix) for path in paths if path.startswith(prefix + "/")}
    once = {"/apps", prefix, "/healthz", "/readyz", "/metrics", "/openapi.json", "/"}
    assert paths == named | {prefix + path for path in named} | once
    assert "/channels/{channel}/events/{event}" in named


# contract: 2.32, 2.34
def test_allow_is_what_the_document_lists(daemon):
    for path, item in daemon.get("/openapi.json").json()["paths"].items():
        answer = daemon.client.request("OPTIONS", filled(path))
        listed = {method.upper() for method in item if method in METHODS}
        assert answer.status_code == 204, path
        assert set(answer.headers["allow"].split(", ")) == listed, path
        answer = daemon.client.request("PATCH", filled(path))
        assert answer.status_code == 405, path
        assert set(answer.headers["allow"].split(", ")) == listed, path


# contract: 5.10, 5.16
def test_credentials_are_asked_for_where_the_document_says(run, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("a-secret-of-some-length")
    secret.chmod(0o600)
    daemon = run(
        rest=f'[[token]]\nname = "ci"\nsecret = {{ file = "{secret}" }}\nallow = ["read"]\nchannels = ["*"]\n',
        connected=False,
    )
    for path, item in daemon.get("/openapi.json").json()["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            answer = daemon.client.request(method.upper(), filled(path))
            if item[method].get("security") == []:
                assert answer.status_code in (200, 204, 503), (method, path)
            else:
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Bearer"), (method, path)
                assert "401" in item[method]["responses"], (method, path)


# contract: 2.19, 2.20, 2.29
def test_one_member_is_there_or_404_and_nothing_else_is_listed(daemon):
    for path, item in daemon.get("/openapi.json").json()["paths"].items():
        if "/members/" in path:
            assert "409" not in item["get"]["responses"], path
            # Neither a channel without members nor one that nobody asked for is a conflict.
            for channel in ("no-presence", "presence-unknown"):
                answer = daemon.get(path.format(app="main", channel=channel, user_id="ada"))
                assert answer.status_code == 404, path


# contract: 2.29
def test_daemon_does_what_the_document_says(playground, tmp_path):
    output = schemathesis(playground, tmp_path, "--exclude-operation-id-regex", CLOSING)
    # It reached everything but what was left out.
    tested = int(re.search(r"Tested: (\d+)", output)[1])
    document = playground.get("/openapi.json").json()
    operations = sum(method in METHODS for item in document["paths"].values() for method in item)
    assert tested == operations - 2, output


# contract: 2.24, 2.29
def test_daemon_disconnects_as_the_document_says(playground, tmp_path):
    schemathesis(playground, tmp_path, "--include-operation-id-regex", CLOSING)
    assert playground.connection()["state"] == "disconnected"


def filled(path):
    """The path with something in the place of its parameters."""
    values = {"app": "main", "channel": "private-orders", "event": "client-typing", "user_id": "ada"}
    return path.format(**values)
