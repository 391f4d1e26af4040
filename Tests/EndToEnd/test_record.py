"""record, and the sandbox that plays what was recorded."""

import json
import os
import re
import signal
import subprocess
import time
from datetime import UTC, datetime

import pytest

from commands import call, environment, examples, said
from deadline import SECONDS, poll
from peers import Client
from processes import BINARY, Daemon, Sandbox, configuration

PAYLOADS = [
    '{"b":9223372036854775808,"a":1.50e+3,"b":-0.0}',
    '{"\\u00e9":"\\ud800 \\/ \\u001b","é":"\u2028\U0001f600"}',
    '[ 1e400,123456789012345678901234567890.10 ]',
    "null",
    "12",
    "",
    '"12"',
    '"\\u0061"',
    "no JSON",
    '{"cut":',
    "two\nlines\ttab",
    "\x1b[31mred\x7f\x00",
    " true  ",
    json.dumps({"large": "x" * 9000}),
]
# What clients send is JSON.
JSON_PAYLOADS = [payload for payload in PAYLOADS if payload and not payload.startswith(("no", '{"cut', "two", "\x1b"))]


def text(file):
    """What is in the file so far."""
    return file.read_text() if file.exists() else ""


# The file


def test_a_line_is_time_app_channel_event_id_and_the_payload_untouched(daemon, sandbox, name, follow):
    channel = name()
    before = time.time()
    record = follow("record", channel, "--count", len(PAYLOADS) + 1, daemon=daemon)
    record.until("subscription_succeeded")
    stream = daemon.stream(f"/channels/{channel}/events", {"Accept": "application/x-ndjson"})
    for number, payload in enumerate(PAYLOADS):
        sandbox.publish(channel, f"e{number}", payload)
    sandbox.publish(channel, "upstream:bridge:x", "{}")
    assert record.wait() == 0 and record.error == ""
    live = {}
    while "upstream:bridge:x" not in live:
        line = stream.line()
        if line and '"id"' in line:
            live[json.loads(line)["event"]] = line
    lines = [line.decode() for line in record.lines if b'"realtime:' not in line]
    assert len(lines) == len(PAYLOADS) + 1
    for line in lines:
        event = json.loads(line)
        assert list(event) == ["at", "app", "channel", "event", "id", "data"]
        at = datetime.strptime(event["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["at"])
        assert before - 0.001 <= at <= time.time()
        assert (event["app"], event["channel"]) == ("main", channel)
        # The payload's bytes are those of the stream.
        came = live[event["event"]]
        data = came[came.index('"data":') : came.rindex(',"id":')]
        assert line.endswith(f'"id":"{event["id"]}",{data}}}\n')


def test_frames_of_the_bridge_are_left_out_but_for_gaps(run, sandbox, name, follow):
    daemon = run()
    channel = name()
    record = follow("record", channel, daemon=daemon)
    record.until("subscription_succeeded")
    daemon.post("/connection/disconnect")
    daemon.post("/connection/connect")
    record.until("bridge:gap")
    record.until("subscription_succeeded")
    sandbox.publish(channel, "hello", "1")
    record.until("hello")
    daemon.delete(f"/channels/{channel}?force=true")
    assert record.wait() == 1 and "unsubscribed by force" in record.error
    assert {event["event"] for event in record.events} == {
        "realtime:subscription_succeeded", "bridge:gap", "hello"}  # fmt: skip


def test_filters_and_count(daemon, sandbox, name, follow):
    channel = name()
    record = follow("record", channel, "-e", "a*", "--count", "2", daemon=daemon)
    poll(lambda: daemon.channel(channel).get("subscribed"))
    for event in ("b", "a", "c", "ab", "a"):
        sandbox.publish(channel, event, "1")
    assert record.wait() == 0
    assert [event["event"] for event in record.events] == ["a", "ab"]


def test_a_duration_ends_it(daemon, name):
    done = call("record", name(), "--duration", "100ms", "--url", daemon.url)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_is_overwritten_and_whole_whenever_it_ends(daemon, sandbox, name, follow, tmp_path):
    channel = name()
    file = tmp_path / "a.ndjson"
    file.write_text("old")
    record = follow("record", channel, "--output", file, daemon=daemon)
    poll(lambda: "subscription_succeeded" in text(file))
    for number in range(20):
        sandbox.publish(channel, "e", json.dumps({"n": number, "filler": "x" * 5000}))
    assert record.end() == -signal.SIGINT
    assert record.lines == []
    lines = file.read_text().splitlines(keepends=True)
    assert all(line.endswith("}\n") and json.loads(line) for line in lines)
    assert [json.loads(line)["data"]["n"] for line in lines[1:]] == list(range(len(lines) - 1))


@pytest.mark.parametrize("file", ["/dev/full", "/nonexistent/a", "/"])
def test_a_file_that_cannot_be_written_is_named(daemon, name, file):
    error = said(call("record", name(), "--output", file, "--duration", "10s", "--url", daemon.url), 1)
    assert error.startswith(f"apinatord: cannot write {file}: ")


def test_a_full_disk_behind_standard_output_is_said(daemon, name):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [BINARY, "record", name(), "--url", daemon.url], stdout=full, stderr=subprocess.PIPE, timeout=SECONDS,
            env=environment())  # fmt: skip
    assert done.returncode == 1 and b"No space left" in done.stderr


# Playing it again


def play(start, file, *arguments):
    """A sandbox that plays `file`, and a daemon at it, whose readers may be slow."""
    player = start(Sandbox, arguments=["--replay", str(file), *arguments])
    return player, start(Daemon, configuration(player, limits="reader_backlog_bytes = 16777216"))


def is_played(event):
    return not event.startswith(("bridge:", "state_change", "realtime:subscription", "realtime:cache"))


def frames(stream, count):
    """The next events that happened on the channel."""
    found = []
    while len(found) < count:
        frame = stream.next()
        if is_played(frame.event):
            found.append((frame.event, frame.data))
    return found


@pytest.mark.parametrize("speed", ["1", "50", "max"])
def test_what_was_recorded_is_seen_again_byte_by_byte_in_order(daemon, sandbox, start, name, follow, tmp_path, speed):
    room, news = name("presence-"), name()
    file = tmp_path / "recording.ndjson"
    record = follow("record", room, news, "--output", file, daemon=daemon)
    both = f"/events?channel={room}&channel={news}"
    ndjson = {"Accept": "application/x-ndjson"}
    first = [daemon.subscribed(room), daemon.subscribed(news), daemon.stream(both, ndjson)]
    poll(lambda: text(file).count("subscription_succeeded") == 2)
    with Client(sandbox) as client, Client(sandbox) as other:
        client.subscribe(room, "ada", {"name": "Ada", "n": 1.0})
        other.subscribe(room, "grace")
        for number, payload in enumerate(PAYLOADS):
            sandbox.publish([room, news][number % 2], f"e{number}", payload)
            client.trigger(room, "client-e", payload if payload in JSON_PAYLOADS else f'"{number}"')
        client.trigger(room, "client-text", '"a JSON string"')
    sandbox.publish(news, "last", "{}")
    sandbox.publish(room, "last", "{}")
    wanted = [[], [], []]
    for number in (0, 1):
        while not wanted[number] or wanted[number][-1][0] != "last":
            wanted[number] += frames(first[number], 1)

    def objects(stream):
        found, ends = [], 0
        while ends < 2:
            line = stream.line()
            event = json.loads(line) if line else {"event": "bridge:"}
            if is_played(event["event"]):
                # Everything but the id, which is another.
                found.append(line[: line.rindex(',"id":')])
                ends += event["event"] == "last"
        return found

    wanted[2] = objects(first[2])
    poll(lambda: text(file).count('"last"') == 2)
    assert record.end() == -signal.SIGINT
    assert len(wanted[2]) == len(wanted[0]) + len(wanted[1]) == 2 * len(PAYLOADS) + 1 + 2 + 4

    player, second = play(start, file, "--speed", speed)
    waits = player.wait_for_entry("the replay waits for subscribers")[0]
    assert waits["events"] == len(wanted[2]) + 2 and set(waits["channels"].split(", ")) == {room, news}
    streams = [second.events(room), second.stream(both, ndjson), second.events(news)]
    again = [frames(streams[0], len(wanted[0])), frames(streams[2], len(wanted[1])), objects(streams[1])]
    for one, other in zip(again, wanted, strict=True):
        assert one == other
    over = player.wait_for_entry("the replay is over")[0]
    assert over["played"] == len(wanted[2]) + 1 and over["left_out"] == 1
    assert second.get(f"/channels/{room}/members").json()["count"] == 1


def line(event, data, channel, at):
    return f'{{"at":"2026-01-31T00:00:{at:06.3f}Z","channel":"{channel}","event":"{event}","data":{data}}}\n'


def test_members_follow_what_was_recorded(start, tmp_path):
    channel = "presence-room"
    file = tmp_path / "a.ndjson"
    snapshot = '{"presence":{"count":2,"ids":["ada","alan"],"hash":{"ada":{"n":1},"alan":{}}}}'
    file.write_text(
        line("realtime:subscription_succeeded", snapshot, channel, 0)
        + line("realtime:member_added", '{"user_id":"grace","user_info":{"n":9223372036854775808}}', channel, 1)
        + line("realtime:member_removed", '{"user_id":"ada"}', channel, 1)
        + line("marker", "{}", channel, 1)
        + line("realtime:subscription_succeeded", snapshot.replace("alan", "edsger"), channel, 2)
        + line("end", "{}", channel, 2)
    )
    player, daemon = play(start, file, "--speed", "2")
    stream = daemon.events(channel)
    confirmed = stream.until("realtime:subscription_succeeded").json["presence"]
    assert set(confirmed["ids"]) == {"ada", "alan", "sandbox-user"}
    assert stream.until("realtime:member_added").data == '{"user_id":"grace","user_info":{"n":9223372036854775808}}'
    stream.until("end")
    members = daemon.get(f"/channels/{channel}/members").json()
    assert {member["user_id"] for member in members["members"]} == {"ada", "edsger", "sandbox-user"}
    assert [frame.event for frame in stream.seen if frame.event.startswith("realtime:member")] == [
        "realtime:member_added", "realtime:member_removed",  # as recorded
        "realtime:member_removed", "realtime:member_removed", "realtime:member_added", "realtime:member_added",
    ]  # fmt: skip
    player.wait_for_entry("the replay is over", played=6, left_out=0)


def test_nothing_is_played_to_nobody_and_some_channels_are_enough(start, tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_text(line("e", "1", "a", 0) + line("e", "2", "b", 0))
    player, daemon = play(start, file)
    stream = daemon.subscribed("other")
    stream.close()
    assert not [entry for entry in player.entries if entry["message"] == "the replay begins"]
    stream = daemon.events("a")
    assert stream.until("e").data == "1"
    assert player.wait_for_entry("the replay begins")[0]["without_subscriber"] == "b"
    player.wait_for_entry("the replay is over", played=2)


def test_the_daemon_brings_a_sandbox_that_plays(start, tmp_path):
    file = tmp_path / "a.ndjson"
    file.write_text(line("e", '{"n":1}', "private-a", 0) + line("client-e", '{"n":2}', "private-a", 1))
    daemon = start(
        Daemon, 'listen = ["127.0.0.1:0"]\n',
        arguments=["--sandbox", "--sandbox-port", "0", "--replay", str(file), "--speed", "10"])  # fmt: skip
    assert daemon.get("/channels").json() == {"channels": []}
    stream = daemon.events("private-a")
    assert stream.until("e").data == '{"n":1}' and stream.until("client-e").data == '{"n":2}'
    daemon.wait_for_entry("the replay is over", played=2)
    assert "/channels/private-a/events" in daemon.log
    assert "--replay needs --sandbox" in said(call("serve", "--replay", file), 64)


def test_a_large_recording_without_pauses_arrives_whole(start, tmp_path):
    file = tmp_path / "a.ndjson"
    count = 20_000
    with file.open("w") as out:
        for number in range(count):
            out.write(line("e", json.dumps({"n": number, "x": "x" * 200}), "a", number % 60))
    player, daemon = play(start, file, "--speed", "max")
    stream = daemon.events("a")
    numbers = [stream.until("e", 60).json["n"] for _ in range(count)]
    assert numbers == list(range(count))
    player.wait_for_entry("the replay is over", played=count)


BAD = {
    "nonsense": "nonsense",
    '{"at":"2026-01-31T00:00:00Z","channel":"a","event":"e","data":{]}': "unexpected character",
    '{"channel":"a","event":"e","data":1}': '"at" is missing',
    '{"at":"noon","channel":"a","event":"e","data":1}': "2026-01-31T23:59:59.123Z",
    '{"at":"2026-01-31T00:00:00Z","channel":"a b","event":"e","data":1}': "no channel name",
    '{"at":"2026-01-31T00:00:00Z","channel":"a","event":"e"}': '"data" is missing',
    '["at"]': "no JSON object",
}


@pytest.mark.parametrize("bad", BAD)
def test_a_line_that_is_wrong_is_named_before_it_listens(tmp_path, bad):
    file = tmp_path / "a.ndjson"
    file.write_text(line("e", "1", "a", 0) + bad + "\n" + line("e", "2", "a", 1) + bad)
    done = call("sandbox", "--port", "0", "--replay", file)
    problems = said(done, 64).splitlines()
    assert [problem.split(": ")[0] for problem in problems] == [f"{file}:2", f"{file}:4"]
    assert all(BAD[bad] in problem or bad == "nonsense" for problem in problems)


@pytest.mark.parametrize(
    "content", ["", "\n\n", line("bridge:gap", "{}", "a", 0), None], ids=["empty", "blank", "gaps", "missing"])  # fmt: skip
def test_nothing_to_play_is_said(tmp_path, content):
    file = tmp_path / "a.ndjson"
    if content is not None:
        file.write_text(content)
    error = said(call("sandbox", "--port", "0", "--replay", file), 64)
    assert str(file) in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["--speed", "2"], ["--speed", "0", "--replay", "a"], ["--speed", "-1", "--replay", "a"],
     ["--speed", "fast", "--replay", "a"], ["--speed", "nan", "--replay", "a"], ["--replay"]])  # fmt: skip
def test_a_usage_error_is_64(arguments):
    assert said(call("sandbox", "--port", "0", *arguments), 64)


@pytest.mark.parametrize("arguments", [[], ["a", "--count", "0"], ["a", "--duration", "x"], ["a", "--since", "5m"]])
def test_a_usage_error_of_record_is_64(arguments):
    assert said(call("record", *arguments), 64)


def test_the_examples_of_the_help_work_as_they_stand(start, tmp_path):
    daemon = start(Daemon, 'listen = ["127.0.0.1:0"]\n', arguments=["--sandbox", "--sandbox-port", "0"])
    found = examples(said(call("record", "--help")))
    assert len(found) == 3
    for command in found:
        # The port may be taken on the machine of the test.
        command = re.sub(r"--port \d+", "--port 0", command)
        process = subprocess.Popen(
            ["bash", "-c", f'apinatord() {{ "{BINARY}" "$@"; }}; {command}'], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(APINATORD_URL=daemon.url), cwd=tmp_path,
            start_new_session=True)  # fmt: skip
        if "sandbox" in command:
            assert b"the replay waits for subscribers" in process.stderr.readline()
            os.killpg(process.pid, signal.SIGTERM)
            process.communicate(timeout=SECONDS)
        else:
            assert process.communicate(timeout=SECONDS) == (b"", b"") and process.returncode == 0
            assert (tmp_path / "presence-x.ndjson").read_text().count("\n") >= 3
