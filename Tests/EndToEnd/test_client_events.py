"""HTTP contract, section 4: client events."""

import concurrent.futures
import json
import threading

import httpx
import pytest

from deadline import SECONDS, poll
from peers import AuthEndpoint, Client, answer_with
from problems import problem
from processes import Sandbox


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor() as threads:
        yield threads


# contract: 2.4, 4.1
def test_202_once_written_and_another_client_receives_exactly_that_number(daemon, sandbox, name):  # §4, issue 2
    channel = name("presence-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        body = '{"event":"client-typing","data":{"n":9223372036854775808}}'
        # As `curl -d` sends it.
        response = daemon.post(
            f"/channels/{channel}/events", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert response.status_code == 202
        assert response.json() == {"app": "main", "channel": channel, "event": "client-typing"}
        message = other.until("client-typing")
        assert message["channel"] == channel
        assert message["data"] == '{"n":9223372036854775808}'


# contract: 2.4
@pytest.mark.parametrize(
    "data", ['{"b":1,"a":[1.0,1e2]}', '"text"', "7", "null", "[]", r'"\u00e9\/"', '{"s":"ツ"}', '{ "a" : 1 }']
)
def test_data_is_any_json_and_goes_out_as_it_was_spelled(daemon, sandbox, name, data):
    channel = name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        body = '{"event":"client-x","data":' + data + "}"
        assert daemon.post(f"/channels/{channel}/events", content=body.encode()).status_code == 202
        assert other.until("client-x")["data"] == data


# contract: 2.5
@pytest.mark.parametrize(
    ("body", "data"),
    [('{"n":9223372036854775808}', '{"n":9223372036854775808}'), ("plain text", '"plain text"'), ("", '""')],
)
def test_the_body_can_be_the_data_itself_json_else_sent_as_a_json_string(daemon, sandbox, name, body, data):
    channel = name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        assert daemon.post(f"/channels/{channel}/events/client-x", content=body).status_code == 202
        assert other.until("client-x")["data"] == data


# contract: 4.4
def test_the_senders_own_streams_do_not_echo_it(daemon, sandbox, name):
    channel = name("private-")
    stream = daemon.subscribed(channel)
    assert daemon.trigger(channel, "client-x", {}).status_code == 202
    sandbox.publish(channel, "marker", "{}")
    stream.until("marker")
    assert "client-x" not in [frame.event for frame in stream.seen]


# contract: 4.2
def test_a_channel_not_subscribed_yet_is_subscribed_first_and_waited_for(daemon, sandbox, name):
    channel = name("private-")
    assert daemon.get(f"/channels/{channel}").status_code == 404
    assert daemon.trigger(channel, "client-x", 1).status_code == 202


# contract: 4.5
@pytest.mark.parametrize(
    "body", ["", "{", "nonsense", '{"event":"client-x","data":}', '{"event":"client-x","data":01}']
)
def test_400_invalid_json(daemon, name, body):
    problem(daemon.post(f"/channels/{name('private-')}/events", content=body), 400, "invalid_json")


# contract: 4.5
def test_400_invalid_json_for_invalid_utf_8(daemon, name):
    body = b'{"event":"client-x","data":"\xff"}'
    problem(daemon.post(f"/channels/{name('private-')}/events", content=body), 400, "invalid_json")


# contract: 4.5
@pytest.mark.parametrize(("path", "body"), [("", '{{"event":"client-x","data":{}}}'), ("/client-x", "{}")])
def test_400_invalid_json_for_what_is_nested_too_deeply_rather_than_something_else(daemon, sandbox, name, path, body):
    channel = name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        nested = "[" * 600 + "]" * 600
        answer = daemon.post(f"/channels/{channel}/events{path}", content=body.format(nested))
        problem(answer, 400, "invalid_json")
        assert "512 levels" in answer.json()["detail"]
        nested = "[" * 500 + "]" * 500
        assert daemon.post(f"/channels/{channel}/events{path}", content=body.format(nested)).status_code == 202
        assert other.until("client-x")["data"] == nested


# contract: 4.7
@pytest.mark.parametrize(
    "body", ["[]", "7", "{}", '{"event":"client-x"}', '{"data":1}', '{"event":7,"data":1}', '{"event":null,"data":1}']
)
def test_400_invalid_request(daemon, name, body):
    problem(daemon.post(f"/channels/{name('private-')}/events", content=body), 400, "invalid_request")


# contract: 4.7
def test_400_invalid_request_for_a_wait_that_is_none(daemon, name):
    problem(daemon.trigger(f"{name('private-')}", "client-x", 1, params={"wait": "soon"}), 400, "invalid_request")


# contract: 2.35, 4.6
@pytest.mark.parametrize("channel", ["private-%20x", "private-%C3%A9", "private-a%2Fb", "private-" + "x" * 200, "a!b"])
def test_400_invalid_channel_name(daemon, channel):
    response = daemon.post(f"/channels/{channel}/events", json={"event": "client-x", "data": 1})
    problem(response, 400, "invalid_channel_name")
    problem(daemon.get(f"/channels/{channel}/events"), 400, "invalid_channel_name")


# contract: 4.3
def test_409_not_subscribed_with_wait_0(daemon, name):
    problem(daemon.trigger(name("private-"), "client-x", 1, params={"wait": "0"}), 409, "not_subscribed")


# contract: 4.9
def test_409_subscription_failed_when_upstream_refused(run, name):
    with AuthEndpoint(answer_with(200, '{"auth":"sandbox-key:00"}')) as endpoint:
        daemon = run(app=f'auth_endpoint = "{endpoint.url}/auth"', auth=False)
        body = problem(daemon.trigger(name("private-"), "client-x", 1), 409, "subscription_failed")
        assert "refused" in body["detail"]


def test_the_detail_names_a_refusal_that_came_before_the_request(run, name):
    channel = name("private-")
    with AuthEndpoint(answer_with(200, '{"auth":"sandbox-key:00"}')) as endpoint:
        daemon = run(app=f'auth_endpoint = "{endpoint.url}/auth"', auth=False)
        daemon.put(f"/channels/{channel}")
        poll(lambda: daemon.get(f"/channels/{channel}").json().get("error"))
        answer = daemon.trigger(channel, "client-x", 1, params={"wait": "50ms"})
        assert "refused" in problem(answer, 409, "subscription_failed")["detail"]


# contract: 4.9
def test_409_subscription_failed_when_it_was_not_confirmed_in_time(run, name):
    over = threading.Event()
    with AuthEndpoint(lambda handler, body: over.wait(20)) as endpoint:
        daemon = run(app=f'auth_endpoint = "{endpoint.url}/auth"', auth=False)
        response = daemon.trigger(name("private-"), "client-x", 1, params={"wait": "200ms"})
        over.set()
        assert "in time" in problem(response, 409, "subscription_failed")["detail"]


def test_who_waits_for_a_channel_that_is_removed_is_told_at_once_and_of_no_other(run, name, pool):
    over, waited, refused = threading.Event(), name("private-"), name("private-")

    def answer(handler, body):
        if waited in body.decode():
            over.wait(20)
        answer_with(403, "no")(handler, body)

    with AuthEndpoint(answer) as endpoint:
        daemon = run(app=f'auth_endpoint = "{endpoint.url}/auth"', auth=False)
        path = f"{daemon.url}/channels/{waited}/events?wait=60s"
        sent = pool.submit(httpx.post, path, json={"event": "client-x", "data": 1}, timeout=60)
        poll(lambda: endpoint.requests, what="the signature")
        assert daemon.delete(f"/channels/{waited}?force=true").status_code == 204
        try:
            body = problem(sent.result(SECONDS), 409, "subscription_failed")
        finally:
            over.set()
        assert "removed" in body["detail"]
        # Whoever takes its place is refused on its own account.
        daemon.put(f"/channels/{refused}")
        poll(lambda: daemon.channel(refused).get("error"))
        assert f'client_events_total{{app="main",result="subscription_failed"}} 1\n' in daemon.get("/metrics").text


# contract: 4.10, 6.3
def test_413_over_max_client_event_bytes(run, name):
    daemon = run(limits="max_client_event_bytes = 100")
    channel = name("private-")
    assert daemon.trigger(channel, "client-x", "x" * 98).status_code == 202
    problem(daemon.trigger(channel, "client-x", "x" * 99), 413, "payload_too_large")
    assert daemon.trigger(channel, "client-" + "x" * 93, 1).status_code == 202
    assert "name" in problem(daemon.trigger(channel, "client-" + "x" * 94, 1), 413, "payload_too_large")["detail"]


# contract: 4.11
def test_any_content_type_is_read(daemon, name):  # §4: 415 never
    for content_type in ("text/plain", "application/xml", "nonsense"):
        response = daemon.post(
            f"/channels/{name('private-')}/events", content='{"event":"client-x","data":1}',
            headers={"Content-Type": content_type})  # fmt: skip
        assert response.status_code == 202


# contract: 4.12
def test_422_event_lacks_client(daemon, name):
    problem(daemon.trigger(name("private-"), "typing", 1), 422, "event_not_allowed")


# contract: 4.12
@pytest.mark.parametrize("prefix", ["", "cache-", "privat-"])
def test_422_the_channel_is_public(daemon, name, prefix):
    problem(daemon.trigger(name(prefix), "client-x", 1), 422, "event_not_allowed")


# contract: 4.13
def test_429_with_retry_after_over_client_events_per_second(run, name):
    daemon, channel = run(app="client_events_per_second = 1"), name("private-")
    responses = [daemon.trigger(channel, "client-x", n) for n in range(3)]
    assert [response.status_code for response in responses] == [202, 202, 429]
    problem(responses[2], 429, "rate_limited")
    assert int(responses[2].headers["retry-after"]) >= 1


# contract: 4.13
def test_ten_client_events_a_second_and_twenty_at_once_by_default(run, name):
    daemon, channel = run(), name("private-")
    statuses = [daemon.trigger(channel, "client-x", n).status_code for n in range(30)]
    assert 20 <= statuses.count(202) <= 25 and statuses[:20] == [202] * 20


# contract: 4.14
def test_503_with_retry_after_when_upstream_is_down(run, start, name):
    upstream = start(Sandbox)
    daemon, channel = run(upstream=upstream), name("private-")
    daemon.subscribed(channel)
    upstream.kill()
    daemon.wait_for_state("connecting")
    response = daemon.trigger(channel, "client-x", 1)
    problem(response, 503, "not_connected")
    assert int(response.headers["retry-after"]) >= 1


# contract: 4.1
def test_client_events_of_one_sender_arrive_in_order(run, sandbox, name):
    daemon, channel = run(app="client_events_per_second = 1000"), name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        for number in range(50):
            assert daemon.trigger(channel, "client-x", number).status_code == 202
        assert [json.loads(other.until("client-x")["data"]) for _ in range(50)] == list(range(50))
