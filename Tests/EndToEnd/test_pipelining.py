"""Clients that ask for much at once: others do not wait for them, and what is not read is not made (HTTP contract,
section 6)."""

import os
import re
import socket

import h2.settings

from deadline import poll
from h2peer import H2Client
from processes import IS_MEMORY_JUDGED
from raw import Connection, request

WINDOW = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
REFUSED_STREAM = 7

# More than every buffer between the two ends holds of the page at `/`, which is the largest answer.
REQUESTS = 400
# So many of them are more than may wait for the windows of one connection of HTTP/2.
STALLED = 8


def answered(daemon):
    """How many requests were answered with 200."""
    counts = re.findall(r'apinatord_http_requests_total{method="GET",code="200"} (\d+)', daemon.get("/metrics").text)
    return sum(map(int, counts))


def descriptors(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def ask(daemon, path="/", count=REQUESTS):
    """A connection with `count` requests that reads nothing yet."""
    return Connection(daemon, receive_buffer=4096).send(request(path=path) * count)


def test_what_is_not_read_is_not_made(run):  # §6
    daemon = run()
    page = daemon.get("/").content
    daemon.get("/healthz")
    before, memory = answered(daemon), daemon.memory_kib()
    connections = [ask(daemon) for _ in range(10)]
    poll(lambda: answered(daemon) >= before + 10)
    assert answered(daemon) < before + 10 * REQUESTS
    assert not IS_MEMORY_JUDGED or daemon.memory_kib() - memory < 10_000
    for connection in connections[1:]:
        connection.close()
    with connections[0] as connection:
        for _ in range(REQUESTS):
            status, _, body = connection.response()
            assert status == 200 and body == page
        connection.send(request())
        assert connection.response()[0] == 200


def test_requests_of_a_client_that_left_are_not_served(run):
    daemon = run()
    daemon.get("/")
    before, open_ones = answered(daemon), descriptors(daemon)
    ask(daemon, path="/openapi.json").close()
    poll(lambda: descriptors(daemon) == open_ones)
    assert answered(daemon) < before + REQUESTS


# contract: 6.7
def test_a_client_that_asks_and_does_not_read_is_closed(run):  # §6
    daemon = run(limits='write_timeout = "1s"')
    daemon.get("/healthz")
    open_ones = descriptors(daemon)
    with ask(daemon):
        poll(lambda: descriptors(daemon) == open_ones + 1)
        poll(lambda: descriptors(daemon) == open_ones)


def test_a_client_that_says_goodbye_gets_every_answer(daemon, name):  # RFC 9112 §9.6
    event = '{"event":"client-x","data":1}'
    path = f"/channels/{name('private-')}/events"
    later = request("POST", path, f"Content-Length: {len(event)}\r\n", event)
    with Connection(daemon) as connection:
        connection.send(request() * 50 + later + request() * 50)
        connection.socket.shutdown(socket.SHUT_WR)
        statuses = [connection.response()[0] for _ in range(101)]
        assert statuses == [200] * 50 + [202] + [200] * 50
        assert connection.is_closed()


def test_refusals_count_as_answers(daemon):
    with Connection(daemon).send(request(fields="Origin: https://example.com\r\n") * 50 + request()) as connection:
        assert [connection.response()[0] for _ in range(51)] == [403] * 50 + [200]


# HTTP/2


def test_what_no_window_is_open_for_is_not_made(run):  # RFC 9113 §5.2
    daemon = run()
    page = daemon.get("/").content
    before, memory = answered(daemon), daemon.memory_kib()
    with H2Client(daemon, settings={WINDOW: 0}) as client:
        streams = [client.request("/") for _ in range(100)]
        client.until(lambda: client.streams[streams[0]].status)
        assert answered(daemon) < before + 20
        assert not IS_MEMORY_JUDGED or daemon.memory_kib() - memory < 10_000
        client.h2.update_settings({WINDOW: 1 << 20})
        client.flush()
        client.until(lambda: all(client.streams[stream].ended for stream in streams))
        assert all(client.streams[stream].body == page for stream in streams)
        assert client.get("/healthz").status == 200


def test_answers_that_are_not_fetched_give_way_in_the_end(run):  # §6
    daemon = run(limits='write_timeout = "1s"')
    with H2Client(daemon, settings={WINDOW: 0}) as client:
        stalled = [client.request("/") for _ in range(STALLED)]
        later = client.request("/", method="HEAD")
        client.until(lambda: client.streams[later].ended)
        assert any(client.streams[stream].reset is not None for stream in stalled)


def test_requests_that_wait_take_no_more_than_their_share(run):  # §6
    daemon = run()
    with H2Client(daemon, settings={WINDOW: 0}) as client:
        stalled = [client.request("/") for _ in range(STALLED)]
        body = b" " * 30_000
        later = []
        for _ in range(50):
            client.until(lambda: client.h2.outbound_flow_control_window >= len(body))
            later.append(client.request("/channels/x/events", method="POST", body=body))
        client.until(lambda: client.streams[later[-1]].is_over)
        refused = [client.streams[stream].reset for stream in later]
        assert refused[:34] == [None] * 34 and refused[34:] == [REFUSED_STREAM] * 16
        client.h2.update_settings({WINDOW: 1 << 20})
        client.flush()
        client.until(lambda: all(client.streams[stream].ended for stream in stalled + later[:34]))
        assert {client.streams[stream].status for stream in later[:34]} == {400}


def test_requests_of_an_http2_client_that_left_are_not_served(run):
    daemon = run()
    daemon.get("/")
    before, open_ones = answered(daemon), descriptors(daemon)
    client = H2Client(daemon)
    head = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", client.authority)]
    for stream in range(1, 501, 2):
        client.h2.send_headers(stream, head, end_stream=True)
    client.flush()
    client.close()
    poll(lambda: descriptors(daemon) == open_ones)
    assert answered(daemon) < before + 250
