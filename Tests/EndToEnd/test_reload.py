"""SIGHUP: what did not change is not touched (config-and-cli, Configuration)."""

import json
import os
import signal
import stat
import tempfile

import httpx
import pytest

from certificates import make_certificate
from deadline import poll
from peers import ServiceManager
from processes import Daemon, configuration
from test_doctor import unused_port
from test_sandbox_tls import SecureSandbox


def reload(daemon, text, message="reloaded"):
    count = len([entry for entry in daemon.entries if entry["message"].startswith("reload")])
    daemon.configuration.write_text(text)
    daemon.signal(signal.SIGHUP)
    poll(lambda: len([e for e in daemon.entries if e["message"].startswith("reload")]) > count, what=daemon.log)
    last = [entry for entry in daemon.entries if entry["message"].startswith("reload")][-1]
    assert last["message"].startswith(message), last


# contract: 8.2, 8.3
def test_no_stream_of_an_untouched_app_drops(run, sandbox, name):
    daemon, channel = run(), name()
    stream = daemon.subscribed(channel)
    socket_id = daemon.connection()["socket_id"]
    more = '[[app]]\nname = "second"\napp_key = "sandbox-key"\nurl = "' + sandbox.url + '"\n'
    reload(daemon, configuration(sandbox, rest=more, limits="max_client_event_bytes = 10"))
    sandbox.publish(channel, "news", "{}")
    stream.until("news")
    assert "state_change" not in [frame.event for frame in stream.seen]
    assert daemon.connection()["socket_id"] == socket_id
    daemon.wait_for_state("connected", prefix="/apps/second")
    assert daemon.trigger("private-x", "client-x", "x" * 20).status_code == 413


# contract: 8.3
def test_a_changed_max_event_bytes_counts_for_old_and_new_apps(run, sandbox, name):
    daemon, channel = run(), name()
    old = daemon.subscribed(channel)
    second = '[[app]]\nname = "second"\napp_key = "sandbox-key"\nurl = "' + sandbox.url + '"\n'
    reload(daemon, configuration(sandbox, rest=second, limits="max_event_bytes = 4096"))
    new = daemon.stream(f"/apps/second/channels/{channel}/events")
    new.until("realtime:subscription_succeeded")
    sandbox.publish(channel, "large", json.dumps("x" * 6000))
    sandbox.publish(channel, "small", "{}")
    for stream in (old, new):
        stream.until("small")
        assert [frame.event for frame in stream.seen[-2:]] == ["bridge:gap", "small"]
    reload(daemon, configuration(sandbox, rest=second))
    sandbox.publish(channel, "large", json.dumps("x" * 6000))
    for stream in (old, new):
        stream.until("large")


# contract: 3.24, 3.29, 3.39
def test_a_reload_that_removed_or_changed_an_app_ends_its_streams_with_bridge_shutdown(run, sandbox, name):
    second = '[[app]]\nname = "second"\napp_key = "sandbox-key"\nurl = "' + sandbox.url + '"\n'
    daemon, channel = run(rest=second), name()
    kept = daemon.subscribed(channel)
    removed = daemon.stream(f"/apps/second/channels/{channel}/events")
    removed.until("realtime:subscription_succeeded")
    reload(daemon, configuration(sandbox))
    assert [frame.event for frame in removed.rest()] == ["bridge:shutdown"]
    assert daemon.get("/apps/second").status_code == 404
    sandbox.publish(channel, "news", "{}")
    last = kept.until("news")
    reload(daemon, configuration(sandbox, app='linger = "1s"'))
    assert [frame.event for frame in kept.rest()] == ["bridge:shutdown"]
    # What may be missing is said, and ids still increase.
    again = daemon.events(channel, headers={"Last-Event-ID": last.id})
    assert again.next().event == "bridge:open"
    assert again.next().event == "bridge:gap"
    again.until("realtime:subscription_succeeded")
    sandbox.publish(channel, "news", "{}")
    assert int(again.until("news").id.split("-")[1]) > int(last.id.split("-")[1])


# contract: 8.4
def test_a_bad_file_leaves_the_old_one_in_force_and_says_so(run, sandbox, name):
    daemon, channel = run(), name()
    stream = daemon.subscribed(channel)
    reload(daemon, "nonsense", "reload refused")
    sandbox.publish(channel, "news", "{}")
    stream.until("news")
    assert any(str(daemon.configuration) + ":1:" in entry["message"] for entry in daemon.entries)


# contract: 8.4
def test_what_a_start_refuses_a_reload_refuses_too(run, sandbox, name):
    daemon, channel = run(), name()
    stream = daemon.subscribed(channel)
    more = configuration(sandbox, app='channels = ["a", "b", "c"]', limits="max_channels = 2")
    reload(daemon, more, f"reload refused: {daemon.configuration}:9:23: channels has 3, and max_channels is 2")
    nowhere = configuration(sandbox).replace('listen = ["127.0.0.1:0"]', "listen = []")
    reload(daemon, nowhere, "reload refused: there is nothing to listen on")
    # What is refused changed nothing.
    sandbox.publish(channel, "news", "{}")
    stream.until("news")
    assert "state_change" not in [frame.event for frame in stream.seen]
    daemon.subscribed(name())
    reload(daemon, configuration(sandbox))


# contract: 8.3
@pytest.mark.parametrize("app", ["", 'linger = "1s"'], ids=["untouched", "made anew"])
def test_max_event_bytes_counts_at_once(run, sandbox, name, app):
    daemon, channel = run(limits="max_event_bytes = 2000"), name()
    reload(daemon, configuration(sandbox, app=app, limits="max_event_bytes = 20000"))
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "large", '"' + "x" * 10000 + '"')
    assert len(stream.until("large").data) == 10002
    assert "bridge:gap" not in [frame.event for frame in stream.seen]
    reload(daemon, configuration(sandbox, app=app, limits="max_event_bytes = 2000"))
    sandbox.publish(channel, "large", '"' + "x" * 10000 + '"')
    assert stream.until("bridge:gap").json == {"reason": "too_large"}


def test_the_logs_format_is_changed(run, sandbox):
    daemon = run()
    reload(daemon, configuration(sandbox, rest='[log]\nformat = "text"'))
    for _ in range(2):
        count = len(daemon.lines)
        daemon.configuration.write_text(configuration(sandbox))
        daemon.signal(signal.SIGHUP)
        poll(lambda: any("reloaded" in line for line in daemon.lines[count:]), what=daemon.log)
    reloaded = [line for line in daemon.lines if "reloaded" in line]
    assert [line.startswith("{") for line in reloaded] == [True, False, True]


# contract: 5.10, 8.3
def test_tokens_are_compared(run, sandbox, tmp_path):
    daemon = run()
    secret = tmp_path / "secret"
    secret.write_text("new")
    secret.chmod(0o600)
    token = f'[[token]]\nname = "t"\nsecret = {{ file = "{secret}" }}\n'
    reload(daemon, configuration(sandbox, rest=token))
    assert daemon.get("/connection").status_code == 401
    assert daemon.get("/connection", headers={"Authorization": "Bearer new"}).status_code == 200
    reload(daemon, configuration(sandbox))
    assert daemon.get("/connection").status_code == 200


# contract: 8.3
def test_socket_mode_is_changed_and_new_addresses_are_logged(sandbox, start):
    with tempfile.TemporaryDirectory(prefix="apd") as folder:
        old, new = f"{folder}/old", f"{folder}/new"

        def text(mode, *paths):
            listen = "".join(f', "unix:{path}"' for path in paths)
            top = f'socket_mode = "{mode}"'
            return configuration(sandbox, top=top).replace('"127.0.0.1:0"', f'"127.0.0.1:0"{listen}')

        daemon = start(Daemon, text("0660", old))
        before = os.stat(old)
        reload(daemon, text("0600", old, new))
        assert [stat.S_IMODE(os.stat(path).st_mode) for path in (old, new)] == [0o600, 0o600]
        assert os.stat(old).st_ino == before.st_ino
        daemon.wait_for_entry("listening", address=f"unix:{new}")
        assert '"version"' in daemon.stream("/healthz", unix=new).text()
        daemon.stop()


# contract: 8.3
def test_an_address_makes_room_for_one_that_covers_it(sandbox, start, tmp_path, name):
    port, secret = unused_port(), tmp_path / "secret"
    secret.write_text("sesame")
    secret.chmod(0o600)
    token = f'[[token]]\nname = "a"\nsecret = {{ file = "{secret}" }}'

    def text(*addresses):
        listen = ", ".join(f'"{address}"' for address in addresses)
        return configuration(sandbox, rest=token).replace('"127.0.0.1:0"', listen)

    def answers(host):
        return httpx.get(f"http://{host}:{port}/healthz", trust_env=False).status_code == 200

    daemon = start(Daemon, text(f"127.0.0.1:{port}"))
    stream = daemon.events(name(), headers={"Authorization": "Bearer sesame"})
    stream.until("bridge:open")
    # Refused for another reason: what had made room is back.
    taken = text(f"0.0.0.0:{port}", f"127.0.0.1:{sandbox.port}")
    reload(daemon, taken, f"reload refused: 127.0.0.1:{sandbox.port} is in use")
    assert answers("127.0.0.1")
    reload(daemon, text(f"0.0.0.0:{port}"))
    daemon.wait_for_entry("listening", address=f"0.0.0.0:{port}")
    assert answers("127.0.0.2")
    reload(daemon, text(f"127.0.0.1:{port}"))
    with pytest.raises(httpx.ConnectError):
        answers("127.0.0.2")
    assert answers("127.0.0.1")
    daemon.signal(signal.SIGTERM)
    assert [frame.event for frame in stream.rest()][-1] == "bridge:shutdown"


# contract: 8.3
def test_a_ca_file_that_was_changed_in_place_counts(start, tmp_path, name):
    upstream, file = start(SecureSandbox, tmp_path), tmp_path / "ca.pem"
    other, _ = make_certificate(tmp_path, "other")
    file.write_bytes(upstream.certificate.read_bytes())
    text = configuration(upstream, app=f'ca_file = "{file}"\nmax_reconnect_attempts = 1')
    daemon = start(Daemon, text)
    daemon.wait_for_state("connected")
    socket_id = daemon.connection()["socket_id"]
    stream = daemon.subscribed(name())
    reload(daemon, text)
    assert daemon.connection()["socket_id"] == socket_id
    # Withdrawn: whom it vouched for is not trusted any more, not by a resumed session either.
    file.write_bytes(other.read_bytes())
    reload(daemon, text)
    assert [frame.event for frame in stream.rest()][-1] == "bridge:shutdown"
    assert "certificate" in str(daemon.wait_for_state("unavailable")["last_error"])
    file.write_bytes(upstream.certificate.read_bytes())
    reload(daemon, text)
    daemon.wait_for_state("connected")


def test_reloading_then_ready_is_told_to_systemd(sandbox, start, tmp_path):  # config-and-cli, systemd
    manager = ServiceManager(tmp_path)
    daemon = start(Daemon, configuration(sandbox), environment={"NOTIFY_SOCKET": manager.path})
    manager.until("READY=1")
    daemon.signal(signal.SIGHUP)
    manager.until("RELOADING=1")
    assert "MONOTONIC_USEC=" in manager.messages[-1]
    manager.until("READY=1")
