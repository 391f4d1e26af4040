"""HTTP contract, section 6: limits, all answered clearly."""

import json
import time

import httpx
import pytest

from deadline import poll
from h2peer import H2Client, H2Stream
from peers import ScriptedUpstream
from problems import problem
from raw import Connection, request


# contract: 6.1
def test_max_head_bytes_beyond_it_431(daemon):
    with Connection(daemon).send(request(fields="X-A: " + "a" * 16384 + "\r\n")) as connection:
        status, fields, _ = connection.response()
        assert (status, fields["connection"]) == (431, "close")
        assert connection.is_closed()


# contract: 6.1
def test_max_head_bytes_beyond_it_431_also_for_a_head_without_end(daemon):
    with Connection(daemon).send("GET / HTTP/1.1\r\n" + "X-A: b\r\n" * 2100) as connection:
        assert connection.response()[0] == 431


def test_a_target_that_is_too_long_is_refused(daemon):  # §6
    with Connection(daemon).send(request(path="/" + "a" * 16384)) as connection:
        assert connection.response()[0] in (414, 431)


# contract: 6.1
def test_a_target_may_take_the_whole_head(daemon):  # §6
    frame = len(request(path="/channels?prefix="))
    for size, status in ((16384 - frame, 200), (16385 - frame, 431)):
        with Connection(daemon).send(request(path="/channels?prefix=" + "a" * size)) as connection:
            assert connection.response()[0] == status


# contract: 6.1
def test_max_head_bytes_can_be_lowered(run):
    daemon = run(limits="max_head_bytes = 1024")
    with Connection(daemon).send(request(fields="X-A: " + "a" * 1024 + "\r\n")) as connection:
        assert connection.response()[0] == 431


# contract: 6.2
@pytest.mark.parametrize("fields", ["Content-Length: 65537\r\n", "Transfer-Encoding: chunked\r\n"])
def test_max_body_bytes_beyond_it_413(daemon, fields):
    body = "10001\r\n" if "chunked" in fields else ""
    with Connection(daemon).send(request("POST", "/channels/private-x/events", fields, body)) as connection:
        status, headers, text = connection.response()
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(text)["code"] == "payload_too_large"
        assert connection.is_closed()


# contract: 6.2
def test_a_body_that_is_said_to_be_too_large_is_not_waited_for(daemon):  # RFC 9110 §10.1.1
    fields = "Content-Length: 65537\r\nExpect: 100-continue\r\n"
    with Connection(daemon).send(request("POST", "/channels/private-x/events", fields)) as connection:
        assert connection.response()[0] == 413
        assert connection.is_closed()
    with H2Client(daemon) as client:
        path = [(":method", "POST"), (":scheme", "http"), (":path", "/channels/private-x/events")]
        fields = [(":authority", client.authority), ("content-length", "65537"), ("expect", "100-continue")]
        client.streams[1] = H2Stream()
        client.h2.send_headers(1, path + fields)
        client.flush()
        client.until(lambda: client.streams[1].ended)
        assert client.streams[1].status == 413 and client.streams[1].interim == []


# contract: 6.2
def test_refused_bodies_count_with_their_method(run):
    daemon = run(limits="max_body_bytes = 10")
    with H2Client(daemon) as client:
        assert client.get("/channels/private-x/events", method="POST", body=b"x" * 11).status == 413
    assert daemon.post("/channels/private-x/events", content=b"x" * 11).status_code == 413
    assert 'apinatord_http_requests_total{method="POST",code="413"} 2' in daemon.get("/metrics").text


# contract: 6.2
def test_max_body_bytes_itself_is_read(daemon):
    answer = daemon.post("/channels/private-x/events", content=b'{"event":"x"' + b" " * (65536 - 13) + b"}")
    assert answer.status_code == 400 and answer.json()["code"] == "invalid_request"


@pytest.fixture
def impatient(run):
    return run(limits='head_timeout = "300ms"\nbody_timeout = "300ms"\nidle_timeout = "600ms"')


# contract: 6.4
@pytest.mark.parametrize("part", ["GET / HTTP/1.1\r\nHost: ", "G", "P", "PRI * HTTP/2.0\r\n"])
def test_head_timeout_beyond_it_408_and_close(impatient, part):
    with Connection(impatient).send(part) as connection:
        status, fields, _ = connection.response()
        assert (status, fields["connection"]) == (408, "close")
        assert connection.is_closed()


# contract: 6.4
def test_head_timeout_is_not_put_off_by_bytes_that_trickle(impatient):
    with Connection(impatient) as connection:
        connection.socket.settimeout(0.05)
        end = time.monotonic() + 5
        connection.send("GET / HTTP/1.1\r\n")
        while time.monotonic() < end:
            try:
                connection.send("X")
                if connection.socket.recv(1 << 16).startswith(b"HTTP/1.1 408"):
                    return
                break
            except TimeoutError:
                continue
        raise AssertionError("no 408")


# contract: 6.5
def test_body_timeout_beyond_it_408_and_close(impatient):
    text = request("POST", "/channels/private-x/events", "Content-Length: 10\r\n", "{")
    with Connection(impatient).send(text) as connection:
        assert connection.response()[0] == 408
        assert connection.is_closed()


# contract: 6.6
def test_idle_timeout_beyond_it_close(impatient):
    with Connection(impatient).send(request()) as connection:
        assert connection.response()[0] == 200
        assert connection.is_closed()


# contract: 6.6
def test_streams_are_not_idle(impatient, sandbox, name):
    channel = name()
    stream = impatient.subscribed(channel)
    with Connection(impatient) as other:
        assert other.is_closed()  # this one is, meanwhile
    sandbox.publish(channel, "news", "{}")
    stream.until("news")


# contract: 6.8
def test_max_streams_beyond_it_503_with_retry_after(run, name):
    daemon, channel = run(limits="max_streams = 2"), name()
    streams = [daemon.events(channel) for _ in range(2)]
    answer = daemon.get(f"/channels/{channel}/events")
    problem(answer, 503, "too_many_streams")
    assert int(answer.headers["retry-after"]) >= 1
    streams[0].close()
    poll(lambda: daemon.channel(channel)["streams"] == 1)
    daemon.events(channel)


# contract: 6.9
def test_max_connections_beyond_it_503_and_close(run):
    daemon = run(limits="max_connections = 3")
    daemon.client.close()

    def three():
        """Three connections that were all taken: the closed client's may still have counted at first."""
        opened = [Connection(daemon).send(request()) for _ in range(3)]
        if [connection.response()[0] for connection in opened] == [200, 200, 200]:
            return opened
        for connection in opened:
            connection.close()
        return None

    connections = poll(three)
    with Connection(daemon) as one_too_many:
        status, fields, _ = one_too_many.response()
        assert (status, fields["connection"]) == (503, "close")
        assert one_too_many.is_closed()
    for connection in connections:
        connection.close()
    daemon.client = httpx.Client(base_url=daemon.url, trust_env=False)
    poll(lambda: daemon.get("/healthz").status_code == 200)


# contract: 6.16
def test_max_channels_beyond_it_503(run, name):
    daemon = run(limits="max_channels = 2")
    daemon.events(name()), daemon.events(name())
    problem(daemon.get(f"/channels/{name()}/events"), 503, "too_many_channels")
    problem(daemon.put(f"/channels/{name()}"), 503, "too_many_channels")


def test_a_stream_that_there_is_no_room_for_subscribes_to_none_of_its_channels(run, name):
    daemon = run(limits="max_channels = 3")
    first = name()
    daemon.events(first)
    wanted = [first, name(), name(), name()]
    query = "&".join(f"channel={channel}" for channel in wanted)
    problem(daemon.get(f"/events?{query}"), 503, "too_many_channels")
    assert [channel["name"] for channel in daemon.get("/channels").json()["channels"]] == [first]
    daemon.stream(f"/events?{query.rpartition('&')[0]}").next()
    daemon.stream(f"/channels/{wanted[1]}/events").next()


# contract: 3.26, 3.46, 6.12
def test_a_reader_that_falls_behind_is_closed_alone_and_resumes_by_id(run, sandbox, name):
    daemon, channel = run(limits="reader_backlog_bytes = 65536"), name()
    healthy = daemon.subscribed(channel)
    text = request(path=f"/channels/{channel}/events")
    slow = Connection(daemon, receive_buffer=4096).send(text)
    assert slow.head()[0] == 200
    poll(lambda: daemon.channel(channel)["streams"] == 2)
    server, filler, count = sandbox.server(), "x" * 9500, 0

    def is_closed():
        nonlocal count
        server.trigger("step", f'{{"n":{count},"s":"{filler}"}}', channel=channel)
        assert healthy.until("step").json["n"] == count  # nobody else waits
        count += 1
        return daemon.channel(channel)["streams"] == 1

    poll(is_closed, 60)
    assert any("slow" in entry["message"] for entry in daemon.entries)
    # What it still gets is well-formed, a gap where it can still be written, and the end.
    body = b""
    while data := slow.receive():
        body += data
    decoded = decode_chunks(slow.bytes)
    frames = [block for block in decoded.decode().split("\n\n") if block]
    identifiers = [line[4:] for line in decoded.decode().split("\n") if line.startswith("id: ")]
    if b"bridge:gap" in decoded:
        assert frames[-1] == 'event: bridge:gap\ndata: {"reason":"slow_consumer"}'
    resumed = daemon.events(channel, headers={"Last-Event-ID": identifiers[-1]})
    assert resumed.next().event == "bridge:open"
    following = resumed.next()
    assert following.event == "step", following
    assert following.json["n"] == len([block for block in frames if "event: step" in block])


def decode_chunks(data):
    """The bytes of a chunked body as far as it came."""
    body = b""
    while b"\r\n" in data:
        size, data = data.split(b"\r\n", 1)
        body += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
        if int(size, 16) == 0:
            break
    return body


@pytest.mark.parametrize(
    ("query", "options"),
    [("?event=small", {}), ("?event=small&event=large", {}), ("", {"version": "1.0"})],
    ids=["a filter", "a filter that lets all through", "HTTP/1.0"],
)
def test_a_reader_that_takes_all_at_once_is_not_behind_however_much_that_is(run, name, query, options):  # §6
    with ScriptedUpstream() as upstream:
        daemon, channel = run(upstream=upstream, auth=False, limits="reader_backlog_bytes = 65536"), name()
        stream = daemon.events(channel, query, **options)
        upstream.until("realtime:subscribe")
        connection = upstream.connection()
        # Each LF begins a line of its own for the reader.
        upstream.send(connection, "large", "\n" * 30_000, channel=channel)
        upstream.send(connection, "small", "{}", channel=channel)
        stream.until("small")
        assert "bridge:gap" not in [frame.event for frame in stream.seen]


def stuck_reader(daemon, sandbox, channel):
    """One that reads its head and no more, and for which there is more than the kernel buffers."""
    reader = Connection(daemon, receive_buffer=4096).send(request(path=f"/channels/{channel}/events"))
    assert reader.head()[0] == 200
    poll(lambda: daemon.channel(channel)["subscribed"])
    server, filler = sandbox.server(), "x" * 9500
    for _ in range(400):  # beyond what the kernel buffers
        server.trigger("step", f'{{"s":"{filler}"}}', channel=channel)
    return reader


# contract: 6.7
def test_write_timeout_without_progress_closes(run, sandbox, name):
    daemon = run(limits='write_timeout = "1s"\nreader_backlog_bytes = 67108864')
    channel = name()
    slow = stuck_reader(daemon, sandbox, channel)
    poll(lambda: daemon.channel(channel)["streams"] == 0, 30)
    slow.close()


def test_a_reader_that_was_cut_does_not_keep_its_channel_subscribed(run, sandbox, name):  # §1: linger
    daemon = run(app='linger = "0s"', limits='write_timeout = "1s"\nreader_backlog_bytes = 67108864')
    channel = name()
    slow = stuck_reader(daemon, sandbox, channel)
    poll(lambda: daemon.get(f"/channels/{channel}").status_code == 404, 30)
    slow.close()


# contract: 6.15
def test_kept_bytes_the_oldest_go(run, sandbox, name):
    daemon, channel = run(limits="kept_bytes = 1048576"), name()
    stream = daemon.subscribed(channel)
    first = None
    for number in range(300):
        sandbox.publish(channel, "step", f'{{"n":{number},"s":"{"x" * 9000}"}}')
        frame = stream.until("step")
        first = first or frame.id
    resumed = daemon.events(channel, headers={"Last-Event-ID": first})
    assert resumed.next().event == "bridge:open"
    assert resumed.next().json["reason"] == "evicted"
    assert resumed.until("step").json["n"] > 150


# contract: 6.14
def test_kept_age_the_oldest_go(run, sandbox, name):
    daemon, channel = run(limits='kept_age = "1s"'), name()
    stream = daemon.subscribed(channel)
    sandbox.publish(channel, "step", '{"n":0}')
    first = stream.until("step")

    def is_gone():
        late = daemon.events(channel, headers={"Last-Event-ID": "0-0"})
        frames = []
        while (frame := late.next()).event != "realtime:subscription_succeeded":
            frames.append(frame)
        sandbox.publish(channel, "marker", "{}")
        return late.next().event == "marker"

    assert first.id
    poll(is_gone, 10)
