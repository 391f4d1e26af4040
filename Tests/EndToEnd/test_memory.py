"""A short life under valgrind's memcheck: no invalid read or write, no use of what was never set (issue 2)."""

import shutil
import subprocess

import pytest

from peers import Client
from processes import BINARY, ROOT, Daemon, Sandbox, configuration
from raw import Connection, request

VALGRIND = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=no", "--expensive-definedness-checks=yes",
            f"--suppressions={ROOT / 'Tests/Sanitizers/memcheck.supp'}"]  # fmt: skip


@pytest.mark.skipif(not shutil.which("valgrind"), reason="there is no valgrind")
def test_memcheck_finds_nothing(start, name, tmp_path):
    # Debian 12's valgrind does not understand the debugging information that Swift writes.
    binary = tmp_path / "apinatord"
    subprocess.run(["strip", "--strip-debug", "-o", binary, BINARY], check=True)
    upstream = start(Sandbox)
    daemon = Daemon(configuration(upstream, app='linger = "0s"'), seconds=60, prefix=VALGRIND, binary=binary)
    try:
        daemon.wait_for_state("connected", 30)
        channel = name("presence-")
        streams = [
            daemon.events(channel),
            daemon.events(channel, "?event=news"),
            daemon.events(channel, "?format=message"),
            daemon.events(channel, version="1.0"),
            daemon.events(channel, headers={"Accept": "application/x-ndjson"}),
        ]
        streams[0].until("realtime:subscription_succeeded", 30)
        with Client(upstream) as other:
            other.subscribe(channel, "ada")
            for number in range(20):
                upstream.publish(channel, "news", f'{{"n":{number},"s":"é\\n\\u0041{"x" * number * 100}"}}')
            assert daemon.trigger(channel, "client-x", {"n": 1}).status_code == 202
            other.until("client-x", 30)
        last = [streams[0].until("news", 30) for _ in range(20)][3]
        daemon.events(channel, headers={"Last-Event-ID": last.id}).until("news", 30)
        for path in ("/channels", f"/channels/{channel}", f"/channels/{channel}/members", "/connection", "/apps",
                     "/healthz", "/readyz", "/nothing"):  # fmt: skip
            assert daemon.get(path).status_code in (200, 404)
        assert daemon.trigger(channel, "wrong", 1).status_code == 422
        for text in (request(fields="X: 1\r\n 2\r\n"), request(host=""), request(fields="X: " + "a" * 20000 + "\r\n")):
            with Connection(daemon).send(text) as connection:
                assert connection.response()[0] in (400, 431)
        streams[1].close()
        upstream.kill()
        again = start(Sandbox, port=upstream.port)
        streams[0].until("bridge:gap", 60)
        again.publish(channel, "news", "{}")
        streams[0].until("news", 30)
        assert daemon.delete(f"/channels/{channel}?force=true").status_code == 204
        # What has to end within 5 s ends more slowly here.
        status = daemon.stop(30)
    except BaseException:
        daemon.kill()
        raise
    assert status == 0, daemon.log
