"""Every malformed request of Tests/Vectors/http1-abuse.json against the daemon: a clean refusal and a close, no handler
reached, and a neighbour's stream that notices nothing."""

import json
from pathlib import Path

import pytest

from processes import Daemon, configuration
from raw import Connection

VECTORS = json.loads((Path(__file__).parents[1] / "Vectors" / "http1-abuse.json").read_text())


LIMITS = 'max_head_bytes = 1024\nmax_body_bytes = 32\nhead_timeout = "60s"\nbody_timeout = "60s"'


@pytest.fixture(scope="module")
def abused(sandbox):
    daemon = Daemon(configuration(sandbox, top='allowed_hosts = ["a"]', limits=LIMITS))
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def neighbour(abused):
    stream = abused.events("neighbour")
    stream.until("realtime:subscription_succeeded")
    yield stream
    stream.close()


def served(daemon):
    """How many requests had a whole head: what was refused before that has no method."""
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in daemon.get("/metrics").text.splitlines()
        if line.startswith("apinatord_http_requests_total{") and 'method="other"' not in line
    )


# contract: 6.1, 6.2
@pytest.mark.parametrize("vector", VECTORS, ids=[f"{v['clause']} {v['name']}" for v in VECTORS])
def test_abuse_is_refused_and_nobody_else_notices(abused, sandbox, neighbour, vector):
    complete = vector["before"] // 2
    before = served(abused)
    with Connection(abused).send(vector["text"]) as connection:
        for _ in range(complete):
            assert connection.response()[0] < 500
        status, fields, body = connection.response()
        assert status == vector["status"]
        assert fields["connection"] == "close"
        assert json.loads(body)["status"] == status
        assert connection.is_closed()
    # What had a head and no valid body counts as well, and so does the second question itself.
    assert served(abused) == before + complete + vector["before"] % 2 + 1
    sandbox.publish("neighbour", "alive", '{"after":"abuse"}')
    assert neighbour.until("alive").data == '{"after":"abuse"}'
