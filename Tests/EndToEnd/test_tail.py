"""tail: the events of channels, across whatever happens to the daemon (config-and-cli)."""

import json
import os
import re
import secrets
import signal
import subprocess
import tempfile

import pytest

from commands import SGR, call, environment, examples, hazards, on_terminal, said
from deadline import SECONDS, poll
from peers import ScriptedUpstream
from processes import BINARY, Daemon, configuration

TOKEN = "a-token-that-nobody-guesses"
TIME = r"\d\d:\d\d:\d\d\.\d{3}"


@pytest.fixture
def live(sandbox, start, tmp_path):
    """Begins one life of a daemon, which is at the same address in each, and whose kept events outlive it."""
    with tempfile.TemporaryDirectory(prefix="apd") as folder:
        state = tmp_path / "state"
        state.mkdir(mode=0o700)

        def begin(app="", keeps=True, **options):
            text = configuration(sandbox, app, **options)
            text = text.replace('["127.0.0.1:0"]', f'["127.0.0.1:0", "unix:{folder}/s"]')
            daemon = start(Daemon, text, environment={"STATE_DIRECTORY": str(state)} if keeps else {})
            daemon.address = f"unix:{folder}/s"
            return daemon

        yield begin


def publish(sandbox, channel, numbers, event="step"):
    for number in numbers:
        sandbox.publish(channel, event, f'{{"n":{number}}}')


def shown(line):
    """A line without its time."""
    match = re.fullmatch(rf"{TIME}  (.*)\n", line)
    assert match, line
    return match[1]


# What it shows


def test_a_line_has_time_event_and_data(daemon, sandbox, name, follow):
    channel = name()
    tail = follow("tail", channel, daemon=daemon)
    tail.until("subscribed")
    sandbox.publish(channel, "hello", '{"b":9223372036854775808,"a":1.50e+3}')
    sandbox.publish(channel, "text", "no JSON")
    lines = [shown(line) for line in tail.until("no JSON")]
    assert lines == ['hello         {"b":9223372036854775808,"a":1.50e+3}', 'text          "no JSON"']
    assert tail.end() == -signal.SIGINT and tail.error == ""


def test_with_several_channels_a_line_has_the_channel(daemon, sandbox, name, follow):
    channels = [name(), name("a-long-name-")]
    tail = follow("tail", *channels, daemon=daemon)
    width = max(map(len, channels))
    for channel in channels:
        tail.until(f"{channel:{width}}  -- subscribed")
    for channel in channels:
        sandbox.publish(channel, "hello", "1")
    assert sorted(map(shown, tail.until("hello") + tail.until("hello"))) == sorted(
        f"{channel:{width}}  hello         1" for channel in channels)  # fmt: skip
    assert tail.end(signal.SIGTERM) == -signal.SIGTERM


def test_members_come_and_go(run, name, follow):
    daemon = run()
    channel = name("presence-")
    tail = follow("tail", channel, daemon=daemon)
    assert shown(tail.until("subscribed")[-1]) == "-- subscribed; 1 member: sandbox-user"


def test_json_is_the_stream_as_it_is(daemon, sandbox, name, follow):
    channel = name("cache-")
    tail = follow("tail", channel, "--json", daemon=daemon)
    tail.until("subscription_succeeded")
    stream = daemon.stream(f"/channels/{channel}/events", {"Accept": "application/x-ndjson"})
    for data in ('{ "b":9223372036854775808,"\\u00e9":"\\ud800\x7f\u009b"}', "no\nJSON\x1b", '"x"', ""):
        sandbox.publish(channel, "e", data)
    sandbox.publish(channel, "last", "{}")
    wanted = []
    while not wanted or '"last"' not in wanted[-1]:
        wanted.append(stream.line() + "\n")
    lines = [line for line in tail.until('"last"') if '"id"' in line and '"realtime:' not in line]
    assert lines == [line for line in wanted if '"id"' in line and '"realtime:' not in line]
    assert len(lines) == 5


def test_filters(daemon, sandbox, name, follow):
    channel = name()
    tail = follow("tail", channel, "-e", "a", "-e", "b*", "--json", "--count", "3", daemon=daemon)
    tail.until("bridge:open")
    poll(lambda: daemon.channel(channel).get("subscribed"))
    for event in ("a", "ab", "c", "b", "bc", "a"):
        sandbox.publish(channel, event, "1")
    assert tail.wait() == 0
    assert [event["event"] for event in tail.events] == ["bridge:open", "a", "b", "bc"]


def test_since_begins_with_what_was_kept(daemon, sandbox, name):
    channel = name()
    daemon.put(f"/channels/{channel}")
    poll(lambda: daemon.channel(channel)["subscribed"])
    publish(sandbox, channel, range(3))
    poll(lambda: daemon.get(f"/channels/{channel}").headers["Last-Event-ID"])
    text = said(call("tail", channel, "--since", "1h", "--count", "3", "--url", daemon.url))
    assert [line.split("  ", 1)[1].split()[-1] for line in text.splitlines() if "step" in line] == [
        f'{{"n":{n}}}' for n in range(3)]  # fmt: skip
    daemon.delete(f"/channels/{channel}")


def test_what_tells_of_the_connection_is_said_in_words(run, sandbox, name, follow):
    daemon = run()
    channel = name()
    tail = follow("tail", channel, daemon=daemon)
    tail.until("subscribed")
    daemon.post("/connection/disconnect")
    tail.until("-- the app was connected and is disconnected")
    early = follow("tail", channel, daemon=daemon)
    early.until("-- app main is disconnected: events come once it is connected")
    daemon.post("/connection/connect")
    lines = [shown(line) for line in tail.until("-- subscribed")]
    assert "-- the app was connecting and is connected" in lines
    assert any(line.startswith("-- events may be missing here: the connection to Apinator was lost") for line in lines)
    sandbox.publish(channel, "hello", "1")
    tail.until("hello")
    early.until("hello")


def test_a_subscription_that_is_refused_is_said_and_may_succeed_later(run, name, follow):
    daemon = run(auth=False)
    tail = follow("tail", name("private-"), daemon=daemon)
    assert re.match(r"-- the subscription was refused \(AuthError \d+\): .+; the daemon tries again",
                    shown(tail.until("refused")[-1]))  # fmt: skip
    assert tail.process.poll() is None


# Restarts


def test_nothing_is_lost_unsaid_or_doubled_across_restarts_while_events_come(live, sandbox, name, follow):
    channel = name()
    app = f'channels = ["{channel}"]'
    daemon = live(app)
    poll(lambda: daemon.channel(channel)["subscribed"])
    tail = follow("tail", channel, "--json", daemon=daemon)
    tail.until("bridge:open")
    number, listening = 0, []
    for life in range(3):
        publish(sandbox, channel, range(number, number + 40))
        number += 40
        daemon.signal(signal.SIGTERM)
        # Some while it goes, some while it is away, some once it is back and the reader is not yet.
        publish(sandbox, channel, range(number, number + 10))
        number += 10
        assert daemon.wait() == 0
        publish(sandbox, channel, range(number, number + 10))
        number += 10
        tail.says("apinatord: the daemon went away; trying again\n", life + 1)
        daemon = live(app)
        poll(lambda: daemon.channel(channel)["subscribed"])
        listening += range(number, number + 20)
        publish(sandbox, channel, range(number, number + 20))
        number += 20
        tail.says("apinatord: back\n", life + 1)
        tail.until(f'{{"n":{number - 1}}}')
    assert tail.error == "apinatord: the daemon went away; trying again\napinatord: back\n" * 3
    assert tail.end() == -signal.SIGINT
    last, isSaid, read, ids = -1, False, [], []
    for event in tail.events:
        if event["event"] == "bridge:gap":
            isSaid = True
        if event["event"] == "step":
            n = event["data"]["n"]
            assert n > last, f"{n} after {last}"
            assert n == last + 1 or isSaid, f"{n} after {last}, and nothing said"
            read.append(n)
            last, isSaid = n, False
        ids += [event["id"]] if "id" in event else []
    assert last == number - 1 and len(set(ids)) == len(ids)
    # What came while a daemon listened is read, also by a reader that was not back yet.
    assert set(listening) <= set(read)


def test_before_any_event_came_nothing_is_missed_either(live, sandbox, name, follow):
    channel = name()
    app = f'channels = ["{channel}"]'
    daemon = live(app)
    poll(lambda: daemon.channel(channel)["subscribed"])
    tail = follow("tail", channel, "--json", daemon=daemon)
    tail.until("subscription_succeeded")
    assert all("id" not in event for event in tail.events)
    daemon.stop()
    tail.says("went away")
    daemon = live(app)
    poll(lambda: daemon.channel(channel)["subscribed"])
    publish(sandbox, channel, range(3))
    tail.until('{"n":2}')
    assert [event["data"]["n"] for event in tail.events if event["event"] == "step"] == [0, 1, 2]


def test_after_a_crash_what_may_be_missing_is_said(live, sandbox, name, follow):
    channel = name()
    daemon = live()
    tail = follow("tail", channel, daemon=daemon)
    tail.until("subscribed")
    publish(sandbox, channel, [1])
    tail.until('{"n":1}')
    daemon.kill()
    tail.says("went away")
    live()
    tail.until("-- events may be missing here: the daemon has begun anew, with nothing kept (unknown_id)")
    tail.until("-- subscribed")
    publish(sandbox, channel, [2])
    assert [shown(line) for line in tail.until('{"n":2}')] == ['step          {"n":2}']


def test_the_last_event_of_a_cache_channel_is_not_shown_twice(live, sandbox, name, follow):
    channel = name("cache-")
    daemon = live(limits="kept_events = 2")
    tail = follow("tail", channel, "--json", daemon=daemon)
    tail.until("cache_miss")
    publish(sandbox, channel, [1])
    tail.until('{"n":1}')
    daemon.stop()
    tail.says("went away")
    daemon = live(limits="kept_events = 2")
    tail.says("back")
    publish(sandbox, channel, [2])
    tail.until('{"n":2}')
    numbers = [event["data"]["n"] for event in tail.events if event["event"] == "step"]
    # The upstream gives its last event to whoever subscribes anew: that is an event of its own.
    assert numbers in ([1, 2], [1, 1, 2])
    ids = [event["id"] for event in tail.events if "id" in event]
    assert len(ids) == len(set(ids))


def test_a_daemon_that_refuses_later_ends_it(live, sandbox, name, follow, tmp_path):
    channel = name()
    daemon = live()
    tail = follow("tail", channel, daemon=daemon)
    tail.until("subscribed")
    daemon.stop()
    tail.says("went away")
    live(rest=token(tmp_path))
    assert tail.wait() == 77
    assert "401 unauthorized" in tail.error and "$APINATORD_TOKEN" in tail.error


def test_an_output_that_is_not_read_loses_nothing(run, sandbox, name, follow):
    daemon = run(limits="reader_backlog_bytes = 65536")
    channel = name()
    read, write = os.pipe()
    process = subprocess.Popen(
        [BINARY, "tail", channel, "--json", "--url", daemon.url], stdin=subprocess.DEVNULL, stdout=write,
        stderr=subprocess.PIPE, env=environment())  # fmt: skip
    os.close(write)
    try:
        poll(lambda: daemon.channel(channel).get("subscribed"))
        filler = "x" * 9000
        count = 0
        while "apinatord_dropped_streams_total{reason=\"slow_consumer\"} 1" not in daemon.get("/metrics").text:
            sandbox.publish(channel, "step", json.dumps({"n": count, "filler": filler}))
            count += 1
            assert count < 900, "the reader was never too slow"
        sandbox.publish(channel, "step", json.dumps({"n": count}))
        numbers, gaps = [], []
        with os.fdopen(read, "rb") as lines:
            for line in lines:
                event = json.loads(line)
                if event["event"] == "step":
                    numbers.append(event["data"]["n"])
                if event["event"] == "bridge:gap":
                    gaps.append(event["data"]["reason"])
                if numbers[-1:] == [count]:
                    break
        assert numbers == list(range(count + 1))
        assert gaps == ["slow_consumer"]
    finally:
        process.terminate()
        assert process.communicate(timeout=SECONDS)[1] == b""


# How it ends


def token(folder, channels='["open-*"]'):
    file = folder / secrets.token_hex(4)
    file.write_text(TOKEN)
    file.chmod(0o600)
    return f'[[token]]\nname = "t"\nsecret = {{ file = "{file}" }}\nchannels = {channels}\n'


def test_no_daemon_is_69():
    done = call("tail", "news", "--url", "http://127.0.0.1:1")
    assert "is apinatord running?" in said(done, 69)
    assert done.stdout == b""


def test_a_caller_who_may_not_is_77(run, tmp_path):
    daemon = run(rest=token(tmp_path), connected=False)
    assert "401 unauthorized" in said(call("tail", "news", "--url", daemon.url), 77)
    way = ["--url", daemon.url]
    assert "403" in said(call("tail", "news", *way, APINATORD_TOKEN=TOKEN), 77)
    assert "403" in said(call("tail", "open-a", "news", *way, APINATORD_TOKEN=TOKEN), 77)


@pytest.mark.parametrize("arguments", [["a b"], ["a", "a b"], ["a", "--app", "other"]])
def test_what_the_daemon_refuses_is_said(daemon, arguments):
    done = call("tail", *arguments, "--url", daemon.url)
    assert said(done, 1).startswith("apinatord: ") and done.stdout == b""


@pytest.mark.parametrize(
    "arguments",
    [[], ["a", "--count", "0"], ["a", "--count", "x"], ["a", "--since", "yesterday"], ["a", "-e", ""], ["a", "-x"]])  # fmt: skip
def test_a_usage_error_is_64(arguments):
    done = call("tail", *arguments)
    assert said(done, 64) and done.stdout == b""


def test_a_channel_that_is_unsubscribed_by_force_ends_it(daemon, name, follow):
    channel = name()
    tail = follow("tail", channel, daemon=daemon)
    tail.until("subscribed")
    daemon.delete(f"/channels/{channel}?force=true")
    assert tail.wait() == 1
    assert f"apinatord: {channel}: unsubscribed by force" in tail.error
    assert shown(tail.lines[-1].decode()) == "-- the channel was unsubscribed by force"


def test_of_several_channels_the_others_go_on(daemon, sandbox, name, follow):
    channels = [name(), name()]
    tail = follow("tail", *channels, daemon=daemon)
    for channel in channels:
        tail.until(f"{channel}  -- subscribed")
    daemon.delete(f"/channels/{channels[0]}?force=true")
    tail.until("unsubscribed by force")
    sandbox.publish(channels[1], "hello", "1")
    tail.until("hello")
    daemon.delete(f"/channels/{channels[1]}?force=true")
    assert tail.wait() == 1


def test_a_reader_that_leaves_ends_it_quietly(run, sandbox, name):
    daemon = run()
    channel = name()
    process = subprocess.Popen(
        ["bash", "-c", f"{BINARY} tail {channel} --url {daemon.url} | head -n 1; echo ${{PIPESTATUS[0]}}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())  # fmt: skip
    assert b"subscribed" in process.stdout.readline()
    # It learns of it when it writes.
    poll(lambda: sandbox.publish(channel, "hello", "1") or process.poll() is not None)
    # By itself, or by SIGPIPE as other tools do.
    assert process.communicate(timeout=SECONDS) in ((b"0\n", b""), (b"141\n", b""))


# On a terminal


def test_colours_are_for_terminals_that_have_them(daemon, sandbox, name):
    channel = name("cache-")
    sandbox.publish(channel, "hello", '{"n":1}')
    arguments = ["tail", channel, "--count", "1", "--url", daemon.url]
    status, sent = on_terminal(*arguments)
    assert status == 0
    assert re.search(rb"\x1b\[2m" + TIME.encode() + rb"\x1b\[0m  \x1b\[1mhello\x1b\[0m         \{\"n\":1\}\r\n", sent)
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert not SGR.search(on_terminal(*arguments, **variables)[1])
    assert not SGR.search(call(*arguments).stdout)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_is_in_events_does_not_steer_the_terminal(start, name, options):
    hostile = "\x1b[2J\x1b]0;title\x07\x9b31m\u202e\r\n\x7f"
    with ScriptedUpstream() as upstream:
        daemon = start(Daemon, configuration(upstream, auth=False))
        channel = name()
        daemon.put(f"/channels/{channel}")
        poll(lambda: daemon.channel(channel)["subscribed"])
        connection = upstream.connection()
        for event, data in ((hostile, hostile), ("client-x", json.dumps(hostile, ensure_ascii=False)), ("last", "1")):
            upstream.send(connection, event, data, channel=channel)
        arguments = ["tail", channel, *options, "--since", "1h", "--url", daemon.url, "--count", "3"]
        status, sent = on_terminal(*arguments)
    assert status == 0 and b"last" in sent
    assert hazards(sent) == [] or options and set(hazards(sent)) <= {"\u202e"}
    assert b"title" in sent


def test_the_examples_of_the_help_work_as_they_stand(start):
    daemon = start(Daemon, 'listen = ["127.0.0.1:0"]\n', arguments=["--sandbox", "--sandbox-port", "0"])
    found = examples(said(call("tail", "--help")))
    assert len(found) == 3
    for line in found:
        process = subprocess.Popen(
            ["bash", "-c", f'apinatord() {{ "{BINARY}" "$@"; }}; {line}'], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(APINATORD_URL=daemon.url), start_new_session=True)  # fmt: skip
        assert process.stdout.readline(), process.stderr.read()
        if "--count" in line:
            assert process.wait(SECONDS) == 0
        else:
            os.killpg(process.pid, signal.SIGTERM)
        assert process.communicate(timeout=SECONDS)[1] == b""
