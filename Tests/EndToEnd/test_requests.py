"""HTTP/1.1 as RFC 9112 has it, spelled on the socket: what is ambiguous is refused, what is valid is served."""

import http.client
import json

import pytest

from deadline import SECONDS, poll
from raw import Connection, request

CL4, CHUNKED = "Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n"
POST = {"method": "POST", "path": "/connection/connect"}

SMUGGLING = {
    "double Content-Length": request(**POST, fields=CL4 + "Content-Length: 5\r\n", body="abcde"),
    "Content-Length list": request(**POST, fields="Content-Length: 4, 5\r\n", body="abcd"),
    "negative Content-Length": request(**POST, fields="Content-Length: -1\r\n"),
    "signed Content-Length": request(**POST, fields="Content-Length: +4\r\n", body="abcd"),
    "hexadecimal Content-Length": request(**POST, fields="Content-Length: 0x4\r\n", body="abcd"),
    "huge Content-Length": request(**POST, fields="Content-Length: 99999999999999999999999\r\n"),
    "empty Content-Length": request(**POST, fields="Content-Length: \r\n"),
    "both lengths": request(**POST, fields=CL4 + CHUNKED, body="0\r\n\r\n"),
    "both lengths, other order": request(**POST, fields=CHUNKED + CL4, body="0\r\n\r\n"),
    "chunked twice": request(**POST, fields=CHUNKED + CHUNKED, body="0\r\n\r\n"),
    "chunked not last": request(**POST, fields="Transfer-Encoding: chunked, identity\r\n", body="0\r\n\r\n"),
    "Transfer-Encoding in 1.0": request(**POST, fields=CHUNKED, body="0\r\n\r\n", version="1.0"),
    "space before the colon": request(fields="X-A : 1\r\n"),
    "obs-fold": request(fields="X-A: 1\r\n 2\r\n"),
    "bare LF": request().replace("\r\n", "\n"),
    "bare LF in the head": request(fields="X-A: 1\nX-B: 2\r\n"),
    "bare CR in the head": request(fields="X-A: 1\rX-B: 2\r\n"),
    "NUL in a value": request(fields="X-A: a\0b\r\n"),
    "no colon": request(fields="X-A\r\n"),
    "empty name": request(fields=": 1\r\n"),
    "name with a space": request(fields="X A: 1\r\n"),
    "no Host": request(host=""),
    "two Hosts": request(fields="Host: localhost\r\n"),
    "Host list": request(host="Host: localhost, localhost\r\n"),
    "two spaces in the request line": "GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tab in the request line": "GET\t/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": "GET /healthz\r\n\r\n",
    "leading space": " GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "lower-case protocol": "GET /healthz http/1.1\r\nHost: localhost\r\n\r\n",
    "space in the target": "GET /heal thz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "control character in the target": "GET /heal\x01thz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no target form": "GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "chunk size with a sign": request(**POST, fields=CHUNKED, body="+4\r\nabcd\r\n0\r\n\r\n"),
    "chunk size with 0x": request(**POST, fields=CHUNKED, body="0x4\r\nabcd\r\n0\r\n\r\n"),
    "chunk size too large": request(**POST, fields=CHUNKED, body="fffffffffffffffff\r\n"),
    "chunk size empty": request(**POST, fields=CHUNKED, body="\r\nabcd\r\n0\r\n\r\n"),
    "chunk longer than its size": request(**POST, fields=CHUNKED, body="3\r\nabcd\r\n0\r\n\r\n"),
    "chunk ends in bare LF": request(**POST, fields=CHUNKED, body="4\nabcd\n0\n\n"),
    "TLS hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "nonsense": "\x00\x01\x02\r\n\r\n",
}


# contract: 4.15
@pytest.mark.parametrize("text", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_smuggling_is_answered_400_and_the_connection_closed(daemon, text):  # issue 2: RFC 9112, no smuggling
    smuggled = request(path="/smuggled")
    with Connection(daemon).send(text + smuggled) as connection:
        status, fields, body = connection.response()
        assert status == 400, body
        assert fields["connection"] == "close"
        assert fields["content-type"] == "application/problem+json"
        assert json.loads(body)["code"]
        assert connection.is_closed()


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        (request(version="2.0"), {505, 400}),
        (request(version="1.2"), {200, 505}),  # RFC 9110 §2.5: a higher minor version is served as 1.1
        (request(**POST, fields="Transfer-Encoding: gzip, chunked\r\n", body="0\r\n\r\n"), {501, 400}),
        (request(method="CONNECT", path="localhost:80"), {400, 405, 501}),
        (request(path="http://localhost/healthz"), {200}),
        (request(method="OPTIONS", path="*"), {200, 204, 404}),
        (request(fields="X-A: \xe9\r\n"), {200}),
        (request(fields="X-A:\t 1 \t\r\n"), {200}),
        (request(fields="X-A:\r\n"), {200}),
        ("\r\n" + request(), {200}),  # RFC 9112 §2.2
    ],
)
def test_what_is_unusual_has_one_meaning(daemon, text, statuses):  # RFC 9112
    with Connection(daemon).send(text) as connection:
        assert connection.head()[0] in statuses


def test_chunked_bodies_are_read_with_extensions_and_trailers(daemon, name):  # RFC 9112 §7.1
    body = '{"event":"client-x","data":{"n":1}}'
    chunks = f"5;a=b\r\n{body[:5]}\r\n{len(body) - 5:X}\r\n{body[5:]}\r\n0\r\nX-Trailer: 1\r\n\r\n"
    text = request("POST", f"/channels/{name('private-')}/events", CHUNKED, chunks)
    with Connection(daemon).send(text + request()) as connection:
        assert connection.response()[0] == 202
        assert connection.response()[0] == 200


def test_pipelined_requests_are_answered_in_order(daemon):  # RFC 9112 §9.3.2
    paths = ["/healthz", "/nothing", "/connection", "/channels", "/readyz"] * 20
    with Connection(daemon).send("".join(request(path=path) for path in paths)) as connection:
        statuses = [connection.response()[0] for _ in paths]
        assert statuses == [200, 404, 200, 200, 200] * 20


def test_a_request_after_one_that_waits_is_answered_after_it(daemon, name):  # RFC 9112 §9.3.2
    body = '{"event":"client-x","data":1}'
    first = request("POST", f"/channels/{name('private-')}/events", f"Content-Length: {len(body)}\r\n", body)
    with Connection(daemon).send(first + request()) as connection:
        assert connection.response()[0] == 202
        assert connection.response()[0] == 200


def test_a_request_may_come_byte_by_byte(daemon):  # RFC 9112 §2
    with Connection(daemon) as connection:
        for byte in request("POST", "/connection/connect", "Content-Length: 2\r\n", "{}").encode():
            connection.send(bytes([byte]))
        assert connection.response()[0] == 202


def test_expect_100_continue_is_answered_before_the_body(daemon, name):  # RFC 9110 §10.1.1
    body = '{"event":"client-x","data":1}'
    fields = f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
    with Connection(daemon).send(request("POST", f"/channels/{name('private-')}/events", fields)) as connection:
        assert connection.head()[0] == 100
        connection.send(body)
        assert connection.response()[0] == 202


# contract: 5.4
def test_expect_100_continue_is_refused_before_the_body_where_the_answer_is_known(daemon):  # RFC 9110 §10.1.1
    fields = "Content-Length: 10\r\nExpect: 100-continue\r\nOrigin: https://example.com\r\n"
    with Connection(daemon).send(request("POST", "/channels/x/events", fields)) as connection:
        assert connection.response()[0] == 403


def test_connection_close_is_obeyed(daemon):  # RFC 9112 §9.6
    with Connection(daemon).send(request(fields="Connection: close\r\n")) as connection:
        _, fields, _ = connection.response()
        assert fields["connection"] == "close"
        assert connection.is_closed()


def test_a_stream_says_that_its_connection_ends_with_it(daemon, name):  # RFC 9112 §9.6
    for version in ("1.1", "1.0"):
        channel = name()
        stream = daemon.subscribed(channel, version=version)
        assert stream.headers["connection"] == "close"
        daemon.delete(f"/channels/{channel}?force=true")
        stream.text()
        assert stream.socket.recv(1) == b""


def test_a_client_that_keeps_connections_asks_again_after_a_stream(daemon, name):  # RFC 9112 §9.6
    kept = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=SECONDS)
    for _ in range(3):
        channel = name()
        kept.request("GET", f"/channels/{channel}/events")
        answer = kept.getresponse()
        poll(lambda: daemon.channel(channel).get("subscribed"))
        daemon.delete(f"/channels/{channel}?force=true")
        assert answer.read().endswith(b"event: bridge:unsubscribed\ndata: {}\n\n")
        kept.request("POST", "/connection/connect")
        assert kept.getresponse().read()
    kept.close()


# contract: 1.5
def test_http_1_0_closes_unless_asked_to_keep_alive(daemon):  # RFC 9112 §9.3
    with Connection(daemon).send(request(version="1.0")) as connection:
        assert connection.response()[0] == 200
        assert connection.is_closed()
    with Connection(daemon).send(request(version="1.0", fields="Connection: keep-alive\r\n")) as connection:
        assert connection.response()[0] == 200
        connection.send(request(version="1.0"))
        assert connection.response()[0] == 200


# contract: 2.33
def test_head_answers_have_no_body(daemon):  # RFC 9110 §9.3.2
    with Connection(daemon).send(request("HEAD") + request()) as connection:
        status, fields, _ = connection.response(has_body=False)
        assert status == 200 and int(fields["content-length"]) > 0
        assert connection.response()[0] == 200


def test_answers_carry_a_date(daemon):  # RFC 9110 §6.6.1
    with Connection(daemon).send(request()) as connection:
        assert connection.response()[1]["date"].endswith("GMT")


def test_a_client_that_leaves_in_the_middle_hurts_nobody(daemon, name):
    channel = name("private-")
    for text in (request()[:20], request("POST", fields="Content-Length: 100\r\n", body="x"),
                 request(path=f"/channels/{channel}/events")):  # fmt: skip
        for _ in range(20):
            Connection(daemon).send(text).close()
    assert daemon.get("/healthz").status_code == 200
