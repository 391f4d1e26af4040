"""HTTP/2 (HTTP contract, section 1; RFC 9113): the same resources and streams, side by side on one connection."""

import json
import shutil
import signal
import ssl
import struct
import subprocess

import h2.settings
import hpack
import pytest

from certificates import make_certificate
from deadline import poll
from h2peer import H2Client, H2Stream
from peers import ScriptedUpstream
from processes import IS_MEMORY_JUDGED, Program, configuration
from raw import Connection, request

NO_ERROR, PROTOCOL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 7, 8, 11
WINDOW = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
STREAMS = h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def run_tool(*command, status=0):
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == status, done
    return done.stdout


# Real clients


# contract: 1.6
def test_curl_with_prior_knowledge(daemon):  # §1
    answer = run_tool(
        "curl", "-sS", "--http2-prior-knowledge", f"{daemon.url}/connection", "-w", "\n%{http_code} %{http_version}"
    )
    body, line = answer.rsplit("\n", 1)
    assert line == "200 2" and json.loads(body)["state"] == "connected"


def test_curl_posts_and_puts(daemon, name):  # §2
    url = f"{daemon.url}/channels/{name()}"
    options = ("-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code} %{http_version}")
    assert run_tool("curl", *options, "-X", "PUT", url) == "201 2"
    assert run_tool("curl", *options, "-d", '{"event":"client-x","data":1}', f"{url}/events") == "422 2"
    assert run_tool("curl", *options, "-I", url) == "200 2"
    assert run_tool("curl", *options, "-X", "OPTIONS", url) == "204 2"
    assert run_tool("curl", *options, "-X", "DELETE", url) == "204 2"


# contract: 1.6
@pytest.mark.skipif(not shutil.which("nghttp"), reason="there is no nghttp")
def test_nghttp(daemon):  # §1
    paths = ("/healthz", "/channels", "/apps", "/openapi.json")
    output = run_tool("nghttp", "-nv", *(daemon.url + path for path in paths))
    assert output.count(":status: 200") == len(paths)
    assert "GOAWAY" not in output.split("recv", 1)[1].split("send GOAWAY")[0]


@pytest.mark.skipif(not shutil.which("h2load"), reason="there is no h2load")
def test_h2load(daemon):  # §1
    output = run_tool("h2load", "-n", "5000", "-c", "4", "-m", "100", f"{daemon.url}/healthz")
    assert "5000 succeeded, 0 failed, 0 errored" in output


# Requests


# contract: 1.5, 1.6
def test_http1_goes_on_at_the_same_port(daemon):  # §1
    for text in (request(path="/healthz"), "PUT /channels/x1 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        with Connection(daemon) as connection:
            for byte in text.encode():
                connection.send(bytes([byte]))
            assert connection.response()[0] in (200, 201)
    # What begins like the preface and goes on otherwise is HTTP/1.1's to refuse.
    with Connection(daemon).send("PRI * HTTP/2.0\r\n\r\nGET / HTTP/1.1\r\n\r\n") as connection:
        assert connection.response()[0] == 505


# contract: 1.6
def test_the_preface_may_come_byte_by_byte(daemon):  # RFC 9113 §3.4
    with Connection(daemon) as connection:
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0):
            connection.send(bytes([byte]))
        while len(connection.bytes) < 9:
            assert connection.receive()
        assert connection.bytes[3] == 4


def test_requests_of_all_kinds(daemon, sandbox, name):  # §2
    channel = name("private-")
    with H2Client(daemon) as client:
        state = client.get("/connection")
        assert state.status == 200 and json.loads(state.body)["state"] == "connected"
        assert "connection" not in state.headers and "transfer-encoding" not in state.headers
        assert int(state.headers["content-length"]) == len(state.body) and "date" in state.headers
        assert "last-event-id" in state.headers
        event = b'{"event":"client-x","data":{"n":1}}'
        answer = client.get(f"/channels/{channel}/events", method="POST", body=event)
        assert answer.status == 202, answer.body
        missing = client.get("/nothing")
        assert missing.status == 404 and json.loads(missing.body)["code"] == "not_found"
        assert client.get("/connection", method="PATCH").status == 405
        head = client.get("/connection", method="HEAD")
        assert head.status == 200 and head.body == b"" and "content-length" in head.headers
        assert client.get("/connection", method="OPTIONS").status == 204
        stream = client.get(f"/channels/{channel}/events", method="HEAD")
        assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream"
        assert "content-length" not in stream.headers


# contract: 2.33
def test_head_of_a_stream_has_no_length_on_http1_either(daemon, name):  # §2
    with Connection(daemon).send(request("HEAD", f"/channels/{name()}/events")) as connection:
        status, fields = connection.head()
        assert status == 200 and "content-length" not in fields


def test_expect_is_answered(daemon, name):  # RFC 9110 §10.1.1
    with H2Client(daemon) as client:
        path = f"/channels/{name('private-')}/events"
        stream = client.request(path, method="POST", headers=[("expect", "100-continue")], body=b"[]")
        client.until(lambda: client.streams[stream].is_over)
        assert client.streams[stream].interim == [100] and client.streams[stream].status == 400


# contract: 5.1, 5.4, 5.5
@pytest.mark.parametrize(
    "authority, fields, status",
    [("example.com", [], 421), (None, [("origin", "https://example.com")], 403),
     (None, [("sec-fetch-site", "cross-site")], 403), ("LOCALHOST", [], 200), ("127.0.0.1:1", [], 200)])  # fmt: skip
def test_host_and_origin_are_checked(daemon, authority, fields, status):  # §5
    with H2Client(daemon) as client:
        assert client.get("/connection", headers=fields, authority=authority).status == status
        assert client.get("/healthz").status == 200


def test_another_host_than_authority_is_malformed(daemon):  # RFC 9113 §8.3.1
    with H2Client(daemon) as client:
        answer = client.get("/connection", headers=[("host", "example.com")])
        assert answer.reset == PROTOCOL_ERROR and answer.status is None


# contract: 5.10
def test_tokens_are_asked_for(run, tmp_path):  # §5
    file = tmp_path / "token"
    file.write_text("h2-token\n")
    file.chmod(0o600)
    token = f'[[token]]\nname = "t"\nsecret = {{ file = "{file}" }}\napps = ["*"]\nchannels = ["*"]\nallow = ["read"]\n'
    daemon = run(rest=token, connected=False)
    with H2Client(daemon) as client:
        answer = client.get("/connection")
        assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Bearer")
        assert client.get("/connection", headers=[("authorization", "Bearer h2-token")]).status == 200


# Limits


def test_limits_are_answered_and_the_connection_goes_on(daemon, name):  # §6
    with H2Client(daemon) as client:
        assert client.get("/healthz", headers=[("x-a", "a" * 16384)]).status == 431
        big = client.get(f"/channels/{name('private-')}/events/client-x", method="POST", body=b"x" * 60000)
        assert big.status == 413 and json.loads(big.body)["code"] == "payload_too_large"  # max_client_event_bytes
        path = f"/channels/{name('private-')}/events"
        stream = client.request(path, method="POST", headers=[("content-length", "70000")])
        client.until(lambda: client.streams[stream].is_over)
        assert client.streams[stream].reset == PROTOCOL_ERROR  # it was ended without its body
        assert client.get("/healthz").status == 200


# contract: 6.2
def test_a_body_over_the_limit_is_413(run, name):  # §6, RFC 9113 §8.1
    daemon = run(limits="max_body_bytes = 1000")
    with H2Client(daemon) as client:
        answer = client.get(f"/channels/{name('private-')}/events", method="POST", body=b"x" * 1001)
        assert answer.status == 413 and json.loads(answer.body)["code"] == "payload_too_large"
        assert client.get("/healthz").status == 200


REFUSALS = {401: [], 403: ["-H", "Origin: https://example.com"], 413: ["-H", "Authorization: Bearer secret-of-the-token"]}


# contract: 5.4, 5.10, 6.2
@pytest.mark.parametrize("size", [10, 20_000, 200_000])
@pytest.mark.parametrize("status", REFUSALS)
def test_an_answer_before_the_end_of_the_body_is_not_lost(run, name, tmp_path, status, size):  # RFC 9113 §8.1
    secret = tmp_path / "secret"
    secret.write_text("secret-of-the-token")
    secret.chmod(0o600)
    token = f'[[token]]\nname = "t"\nsecret = {{ file = "{secret}" }}\nallow = ["read", "trigger"]'
    daemon = run(limits="max_body_bytes = 5", rest=token, connected=False)
    url = f"{daemon.url}/channels/{name('private-')}/events/client-x"
    body = tmp_path / "body"
    body.write_bytes(b"x" * size)
    options = ("-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", f"@{body}")
    for _ in range(10):
        assert run_tool("curl", *options, *REFUSALS[status], url) == str(status)


# contract: 6.5
def test_an_answer_is_not_followed_for_ever(run, name):  # RFC 9113 §8.1
    daemon = run(limits='max_body_bytes = 5\nbody_timeout = "300ms"')
    with H2Client(daemon) as client:
        path = f"/channels/{name('private-')}/events/client-x"
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", client.authority)]
        for stream in (1, 3):
            client.streams[stream] = H2Stream()
            client.h2.send_headers(stream, head)
            client.h2.send_data(stream, b"x" * 6)
        client.flush()
        client.until(lambda: all(client.streams[stream].reset is not None for stream in (1, 3)))
        for stream in (1, 3):
            assert client.streams[stream].status == 413 and client.streams[stream].reset == NO_ERROR
        assert client.get("/healthz").status == 200


# contract: 6.10
def test_more_streams_than_allowed_are_refused(run, name):  # §6
    daemon = run(limits="max_h2_streams = 5")
    with H2Client(daemon) as client:
        open_ones = [client.request(f"/channels/{name()}/events") for _ in range(5)]
        client.until(lambda: all(client.streams[stream].status for stream in open_ones))
        assert client.h2.remote_settings.max_concurrent_streams == 5
        # The library would not send one too many.
        client.h2.remote_settings[STREAMS] = 100
        client.h2.remote_settings.acknowledge()
        assert client.get("/healthz").reset == REFUSED_STREAM
        assert all(not client.streams[stream].is_over for stream in open_ones)
        client.h2.reset_stream(open_ones[0], CANCEL)
        assert client.get("/healthz").status == 200


def test_slow_clients_are_not_waited_for(run, name):  # §6
    daemon = run(limits='head_timeout = "300ms"\nbody_timeout = "300ms"\nidle_timeout = "600ms"')
    with H2Client(daemon) as client:
        path = f"/channels/{name('private-')}/events"
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", client.authority)]
        client.streams[1] = H2Stream()
        client.h2.send_headers(1, head)
        client.flush()
        client.until(lambda: client.streams[1].is_over)
        assert client.streams[1].status == 408
        # A head that does not end: nothing else can come on this connection, so that it is over as well.
        client.streams[3] = H2Stream()
        head = client.h2.encoder.encode(head)
        client.h2.send_headers(3, [(":method", "GET")])  # for the library, which then knows the stream
        client.h2.clear_outbound_data_buffer()
        client.send_raw(frame(1, 0, 3, head[:-1]))
        client.until(lambda: client.streams[3].is_over)
        assert client.streams[3].reset == CANCEL
        assert client.wait_for_end() == NO_ERROR  # idle


FLOODS = {
    "rapid reset": lambda n, block: frame(1, 5, 2 * n + 1, block) + frame(3, 0, 2 * n + 1, b"\0\0\0\x08"),
    "SETTINGS": lambda number, block: frame(4, 0, 0),
    "PING": lambda number, block: frame(6, 0, 0, b"12345678"),
    "PRIORITY": lambda number, block: frame(2, 0, 1, b"\0\0\0\0\x0f"),
    "WINDOW_UPDATE": lambda number, block: frame(8, 0, 0, b"\0\0\0\x01"),
    "empty DATA": lambda number, block: frame(0, 0, 1) if number else frame(1, 4, 1, block),
    "CONTINUATION": lambda number, block: frame(9, 0, 1) if number else frame(1, 1, 1, block),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_floods_are_cut(daemon, kind):
    before = floods(daemon)
    with RawClient(daemon) as client, H2Client(daemon) as other:
        block = client.block("POST", "/healthz")
        data = b"".join(FLOODS[kind](number, block) for number in range(5000))
        try:
            client.send_raw(data)
        except OSError:
            pass  # cut in the middle
        assert client.wait_for_end() == ENHANCE_YOUR_CALM
        assert other.get("/healthz").status == 200
    assert floods(daemon) == before + 1


class RawClient(H2Client):
    """One that speaks past the library, which would not say or understand all of it."""

    def __init__(self, daemon):
        self.raw = b""
        self.answers = 0
        self.pongs = 0
        super().__init__(daemon)
        self.encoder = hpack.Encoder()
        self.h2.receive_data = self.parse

    def block(self, method, path):
        fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")]
        return self.encoder.encode([hpack.NeverIndexedHeaderTuple(*field) for field in fields])

    def parse(self, received):
        self.raw += received
        while len(self.raw) >= 9 and len(self.raw) >= 9 + (length := int.from_bytes(self.raw[:3], "big")):
            kind, flags, payload = self.raw[3], self.raw[4], self.raw[9 : 9 + length]
            self.raw = self.raw[9 + length :]
            self.answers += kind == 1
            self.pongs += kind == 6 and flags == 1
            if kind == 7:
                self.goaway = int.from_bytes(payload[4:8], "big")
        return []

    def ask(self, data):
        """Sends, and waits until all of it was taken."""
        pongs = self.pongs
        self.send_raw(data + frame(6, 0, 0, b"12345678"))
        self.until(lambda: self.pongs > pongs)


def floods(daemon):
    name = 'apinatord_refused_total{reason="http2_flood"}'
    lines = daemon.get("/metrics").text.splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(name))


def test_ten_thousand_resets_leave_nothing(run, name):
    daemon = run()
    path = f"/channels/{name()}/events"

    def reset(times):
        # Fewer than are a flood on one connection.
        for _ in range(times // 400):
            with RawClient(daemon) as client:
                block = client.block("GET", path)
                for start in range(1, 801, 200):
                    streams = range(start, start + 200, 2)
                    client.ask(b"".join(frame(1, 5, stream, block) for stream in streams))
                    client.ask(b"".join(frame(3, 0, stream, b"\0\0\0\x08") for stream in streams))
                assert client.answers == 400 and client.goaway is None

    reset(2000)
    before = daemon.memory_kib()
    reset(10000)
    poll(lambda: "apinatord_streams{app=\"main\"} 0" in daemon.get("/metrics").text)
    assert not IS_MEMORY_JUDGED or daemon.memory_kib() - before < 2_000


# Streams


def subscribed(client, path, count, **options):
    streams = [client.request(path, **options) for _ in range(count)]
    client.until(lambda: all(client.streams[s].data("realtime:subscription_succeeded") for s in streams))
    return streams


# contract: 3.14
def test_a_hundred_streams_get_every_event(daemon, sandbox, name):  # §3
    channel = name()
    daemon.subscribed(channel)
    with H2Client(daemon) as client:
        streams = subscribed(client, f"/channels/{channel}/events", 100)
        payloads = [json.dumps({"n": number, "s": "x" * (number * 97 % 3000)}) for number in range(60)]
        for payload in payloads:
            sandbox.publish(channel, "news", payload)
        client.until(lambda: all(len(client.streams[s].data("news")) == len(payloads) for s in streams))
        assert all(client.streams[s].data("news") == payloads for s in streams)
        ids = [[f.id for f in client.streams[s].frames if f.event == "news"] for s in streams]
        assert all(one == ids[0] for one in ids)


# contract: 3.46
def test_a_stalled_stream_delays_nobody_and_resumes(daemon, sandbox, name):  # §3
    channel = name()
    daemon.subscribed(channel)
    with H2Client(daemon) as client:
        streams = subscribed(client, f"/channels/{channel}/events", 100)
        stalled, others = streams[37], [s for s in streams if s != streams[37]]
        client.stalled.add(stalled)
        # More than the stalled one's window, less than its backlog may be.
        payloads = [json.dumps({"n": number, "s": "x" * 4000}) for number in range(40)]
        for payload in payloads:
            sandbox.publish(channel, "news", payload)
        client.until(lambda: all(len(client.streams[s].data("news")) == len(payloads) for s in others), 30)
        assert len(client.streams[stalled].data("news")) < 20
        assert client.get("/healthz").status == 200
        client.stalled.clear()
        client.h2.increment_flow_control_window(1 << 20, stalled)
        client.flush()
        client.until(lambda: len(client.streams[stalled].data("news")) == len(payloads))
        assert client.streams[stalled].data("news") == payloads


def test_a_stream_that_takes_all_at_once_is_not_behind_however_much_that_is(run, name):  # §6
    with ScriptedUpstream() as upstream:
        daemon, channel = run(upstream=upstream, auth=False, limits="reader_backlog_bytes = 65536"), name()
        with H2Client(daemon, settings={WINDOW: 1 << 20}) as client:
            [stream] = subscribed(client, f"/channels/{channel}/events", 1)
            # Each LF begins a line of its own for the reader.
            upstream.send(upstream.connection(), "large", "\n" * 30_000, channel=channel)
            client.until(lambda: client.streams[stream].data("large"))


@pytest.mark.parametrize("opens", [True, False])
def test_a_slow_stream_is_dropped_alone(run, sandbox, name, opens):  # §3
    daemon = run(limits="reader_backlog_bytes = 100000")
    channel = name()
    daemon.subscribed(channel)
    with H2Client(daemon) as client:
        slow, quick = subscribed(client, f"/channels/{channel}/events", 2)
        client.stalled.add(slow)
        for number in range(60):
            sandbox.publish(channel, "news", json.dumps({"n": number, "s": "x" * 4000}))
            client.until(lambda: len(client.streams[quick].data("news")) == number + 1)
        poll(lambda: 'apinatord_dropped_streams_total{reason="slow_consumer"} 1' in daemon.get("/metrics").text)
        if opens:
            client.open_window(slow, 1 << 20)
            client.flush()
        client.until(lambda: client.streams[slow].is_over)
        if opens:
            assert client.streams[slow].ended
            assert client.streams[slow].data("bridge:gap") == ['{"reason":"slow_consumer"}']
        else:
            assert client.streams[slow].reset == CANCEL
        sandbox.publish(channel, "news", '"last"')
        client.until(lambda: client.streams[quick].data("news")[-1] == '"last"')


def test_a_connection_that_reads_nothing_is_closed_and_hurts_nobody(run, sandbox, name):  # §6
    daemon = run(limits='write_timeout = "1s"')
    channel = name()
    watcher = daemon.subscribed(channel)
    with H2Client(daemon, settings={WINDOW: 1 << 24}, receive_buffer=4096) as deaf:
        subscribed(deaf, f"/channels/{channel}/events", 20)
        for number in range(60):
            sandbox.publish(channel, "news", json.dumps({"n": number, "s": "x" * 9000}))
        for number in range(60):
            assert watcher.until("news").json["n"] == number
        poll(lambda: 'apinatord_streams{app="main"} 1' in daemon.get("/metrics").text, 30)


def test_a_reset_ends_one_stream(daemon, sandbox, name):  # §3
    channel = name()
    with H2Client(daemon) as client:
        first, second = subscribed(client, f"/channels/{channel}/events", 2)
        client.h2.reset_stream(first, CANCEL)
        client.flush()
        poll(lambda: daemon.channel(channel)["streams"] == 1)
        sandbox.publish(channel, "news", "1")
        client.until(lambda: client.streams[second].data("news") == ["1"])


def test_resume_and_filters_work_alike(daemon, sandbox, name):  # §3
    channel = name()
    with H2Client(daemon) as client:
        (first,) = subscribed(client, f"/channels/{channel}/events", 1)
        for number in range(10):
            sandbox.publish(channel, "even" if number % 2 == 0 else "odd", str(number))
        client.until(lambda: len(client.streams[first].data("odd")) == 5)
        id = next(f.id for f in client.streams[first].frames if f.data == "3")
        again = client.request(f"/channels/{channel}/events?event=odd", headers=[("last-event-id", id)])
        client.until(lambda: len(client.streams[again].data("odd")) == 3)
        assert client.streams[again].data("odd") == ["5", "7", "9"] and not client.streams[again].data("even")


def test_sigterm_ends_streams_and_says_goaway(run, name):  # config-and-cli
    daemon = run()
    with H2Client(daemon) as client, H2Client(daemon) as idle:
        streams = subscribed(client, f"/channels/{name()}/events", 3)
        assert idle.get("/healthz").status == 200
        daemon.signal(signal.SIGTERM)
        assert client.wait_for_end() == NO_ERROR and idle.wait_for_end() == NO_ERROR
        assert all(client.streams[s].ended and client.streams[s].data("bridge:shutdown") for s in streams)
    assert daemon.wait(5) == 0


# TLS


@pytest.fixture
def secure(sandbox, start, tmp_path):
    certificate, key = make_certificate(tmp_path, "a")
    path = tmp_path / "apinatord.toml"
    path.write_text(configuration(sandbox, rest=f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'))
    daemon = start(Program, ["serve", "--config", str(path)])
    daemon.wait_for_entry("ready")
    daemon.port = int(daemon.wait_for_entry("listening")[0]["address"].rsplit(":", 1)[1])
    daemon.certificate = certificate
    return daemon


# contract: 1.8
def test_alpn_chooses_http2(secure, sandbox, name):  # §1
    context = ssl.create_default_context(cafile=secure.certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    channel = name()
    with H2Client(secure, wrap=lambda s: context.wrap_socket(s, server_hostname="localhost")) as client:
        assert client.socket.selected_alpn_protocol() == "h2"
        streams = subscribed(client, f"/channels/{channel}/events", 20)
        payloads = [json.dumps({"n": number, "s": "x" * 5000}) for number in range(30)]
        for payload in payloads:
            sandbox.publish(channel, "news", payload)
        client.until(lambda: all(client.streams[s].data("news") == payloads for s in streams), 30)


def test_curl_over_tls(secure):  # §1
    url = f"https://localhost:{secure.port}/healthz"
    options = ("-sS", "--cacert", secure.certificate, "-o", "/dev/null", "-w", "%{http_code} %{http_version}", url)
    assert run_tool("curl", "--http2", *options) == "200 2"
    assert run_tool("curl", "--http1.1", *options) == "200 1.1"
    assert run_tool("curl", "--http2", "--no-alpn", *options) == "200 1.1"
