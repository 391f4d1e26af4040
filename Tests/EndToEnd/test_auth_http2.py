"""The auth endpoint over TLS: one kept connection, HTTP/2 where it is offered (upstream-protocol, Authorisation)."""

import asyncio
import re

import pytest

from certificates import make_certificate
from deadline import poll
from secure_endpoint import SecureEndpoint

# EndpointAuthorizer.requestsInFlightMax and connectionsMax
IN_FLIGHT, CONNECTIONS = 32, 4
CHANNELS = 1000


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("auth"), "good")


@pytest.fixture
def endpoint(authority):
    """A maker of endpoints that end with the test."""
    made = []

    def begin(**options):
        made.append(SecureEndpoint(*authority, **options))
        return made[-1]

    yield begin
    for one in made:
        one.__exit__()


@pytest.fixture
def asking(run, authority):
    """Starts a daemon that has `endpoint` sign, with `count` private channels from the start."""

    def begin(endpoint, count=0, app="", **options):
        channels = ", ".join(f'"private-{number}"' for number in range(count))
        lines = f'auth_endpoint = "{endpoint.url}"\nca_file = "{authority[0]}"\nchannels = [{channels}]\n{app}'
        return run(auth=False, app=lines, **options)

    return begin


def confirmed(daemon, count, seconds=60):
    def all_of_them():
        channels = daemon.get("/channels").json()
        channels = channels["channels"] if isinstance(channels, dict) else channels
        return sum(channel["subscribed"] for channel in channels) == count

    poll(all_of_them, seconds, f"{count} subscriptions: {daemon.log[-2000:]}")


def answers(daemon):
    """How many authorisations ended how, by the daemon's own count."""
    pattern = r'^apinatord_auth_requests_total{.*?result="(.*?)".*} (\d+)$'
    return {result: int(count) for result, count in re.findall(pattern, daemon.get("/metrics").text, re.M)}


def test_a_thousand_channels_after_a_reconnect_cost_one_handshake(endpoint, asking):
    server = endpoint()
    daemon = asking(server, CHANNELS)
    confirmed(daemon, CHANNELS)
    daemon.post("/connection/disconnect")
    daemon.post("/connection/connect")
    poll(lambda: sum(server.channels.values()) >= 2 * CHANNELS, 60)
    confirmed(daemon, CHANNELS)
    assert server.protocols == ["h2"]
    assert 1 < server.in_flight_most <= IN_FLIGHT
    assert len(server.channels) == CHANNELS


def test_without_http2_a_few_connections_are_kept_and_only_the_first_is_a_full_handshake(endpoint, asking):
    server = endpoint(protocols=["http/1.1"])
    daemon = asking(server, 200)
    confirmed(daemon, 200)
    assert set(server.protocols) == {"http/1.1"}
    assert server.connections <= CONNECTIONS and server.open_most <= CONNECTIONS
    assert server.full_handshakes == 1
    assert server.in_flight_most <= CONNECTIONS


def test_a_server_that_knows_no_alpn_gets_http_1_1(endpoint, asking):
    server = endpoint(protocols=())
    confirmed(asking(server, 3), 3)
    assert set(server.protocols) == {None}


def test_the_servers_limit_of_streams_is_kept(endpoint, asking):
    server = endpoint(streams_max=3, delay=0.02)
    daemon = asking(server, 60)
    confirmed(daemon, 60)
    assert server.connections == 1
    assert server.in_flight_most <= 3


def test_a_goaway_in_the_middle_loses_nothing(endpoint, asking):
    server = endpoint(on_request=lambda connection, number: "goaway" if (connection, number) == (1, 10) else None)
    daemon = asking(server, 200)
    confirmed(daemon, 200)
    assert server.protocols == ["h2", "h2"]
    assert server.resumed == 1
    assert answers(daemon) == {"success": 200}
    # Those above the last stream were asked again, the others were not.
    assert set(server.channels.values()) == {1}


def test_refused_streams_are_asked_again_on_the_same_connection(endpoint, asking):
    server = endpoint(on_request=lambda _, number: "refuse" if number in (7, 14, 21, 28, 35) else None)
    daemon = asking(server, 100)
    confirmed(daemon, 100)
    assert server.connections == 1
    assert answers(daemon) == {"success": 100}


def test_an_endpoint_that_refuses_everything_is_an_auth_error(endpoint, asking, name):
    server = endpoint(on_request=lambda *_: "refuse")
    daemon = asking(server)
    error = daemon.events(name("private-")).until("realtime:subscription_error").json
    assert (error["type"], error["status"]) == ("AuthError", 403)
    assert "refuse" in error["error"]


def test_a_stream_that_is_reset_is_an_auth_error_of_that_channel_alone(endpoint, asking, name):
    bad = name("private-")

    def decide(_, number):
        return "reset" if number == 1 else None

    server = endpoint(on_request=decide)
    daemon = asking(server)
    error = daemon.events(bad).until("realtime:subscription_error").json
    assert (error["type"], error["status"]) == ("AuthError", 403)
    assert "INTERNAL_ERROR" in error["error"]
    daemon.subscribed(name("private-"))
    assert server.connections == 1


def test_a_malformed_answer_is_an_auth_error_at_once(endpoint, asking, name):  # RFC 9113 §8.1.1
    daemon = asking(endpoint(on_request=lambda *_: "no status"), app='auth_timeout = "60s"')
    error = daemon.events(name("private-")).until("realtime:subscription_error").json
    assert (error["type"], error["status"]) == ("AuthError", 403)
    assert "malformed" in error["error"]


def test_the_status_of_a_refusal_is_told_also_when_its_body_does_not_come(endpoint, asking, name):
    daemon = asking(endpoint(on_request=lambda *_: "503 and reset"))
    error = daemon.events(name("private-")).until("realtime:subscription_error").json
    assert (error["type"], error["status"]) == ("AuthError", 503)


def test_a_request_that_is_not_answered_in_time_is_reset_and_harms_no_other(endpoint, asking, name):
    server = endpoint(on_request=lambda _, number: "ignore" if number == 1 else None)
    daemon = asking(server, app='auth_timeout = "2s"')
    stream = daemon.events(name("private-"))
    daemon.subscribed(name("private-"))
    error = stream.until("realtime:subscription_error").json
    assert (error["status"], "2000 ms" in error["error"]) == (403, True)
    poll(lambda: server.cancelled)
    assert set(server.cancelled) == {8}  # CANCEL
    stream.until("realtime:subscription_succeeded")
    assert server.connections == 1


def test_a_server_that_allows_no_more_requests_is_an_auth_error_and_then_left(endpoint, asking, name):
    """RFC 9113 §5.1.2: it may set their number to 0, for a while or not."""
    server = endpoint(on_request=lambda connection, _: "the last" if connection == 1 else None)
    daemon = asking(server, app='auth_timeout = "1s"')
    daemon.subscribed(name("private-"))
    stream = daemon.events(name("private-"))
    error = stream.until("realtime:subscription_error").json
    assert (error["status"], "1000 ms" in error["error"]) == (403, True)
    stream.until("realtime:subscription_succeeded")
    assert server.connections == 2


PROTOCOLS = pytest.mark.parametrize("protocols", [["h2"], ["http/1.1"]], ids=["HTTP/2", "HTTP/1.1"])


@PROTOCOLS
def test_a_kept_connection_that_is_gone_costs_no_error(endpoint, asking, name, protocols):
    cut = []

    def decide(connection, number):
        if connection == 1 and number == 2:
            cut.append(connection)
            return "cut"
        return None

    server = endpoint(protocols=protocols, on_request=decide)
    daemon = asking(server)
    daemon.subscribed(name("private-"))
    stream = daemon.subscribed(name("private-"))
    assert "realtime:subscription_error" not in [frame.event for frame in stream.seen]
    assert cut == [1] and server.connections == 2 and server.resumed == 1


@PROTOCOLS
def test_one_that_is_gone_again_is_an_auth_error(endpoint, asking, name, protocols):
    def decide(connection, number):
        return "cut" if connection > 1 or number == 2 else None

    server = endpoint(protocols=protocols, on_request=decide)
    daemon = asking(server)
    daemon.subscribed(name("private-"))
    error = daemon.events(name("private-")).until("realtime:subscription_error").json
    assert (error["type"], error["status"]) == ("AuthError", 403)
    assert "closed the connection" in error["error"]


def test_a_server_that_closes_after_each_answer_costs_no_error(endpoint, asking):
    server = endpoint(protocols=["http/1.1"], on_request=lambda _, number: "cut" if number == 2 else None)
    daemon = asking(server, 20)
    confirmed(daemon, 20)
    assert set(server.channels.values()) == {1}
    assert answers(daemon) == {"success": 20}
    assert server.full_handshakes == 1


def test_an_answer_cut_short_before_close_notify_is_an_auth_error(endpoint, asking, name):  # RFC 9112 §9.8
    server = endpoint(protocols=["http/1.1"], on_request=lambda *_: "until the end")
    daemon = asking(server)
    error = daemon.events(name("private-")).until("realtime:subscription_error").json
    assert (error["type"], error["status"]) == ("AuthError", 403)
    assert "close_notify" in error["error"]


def test_a_slow_endpoint_does_not_keep_requests_from_having_their_whole_time(endpoint, asking):
    async def slowly(*_):
        await asyncio.sleep(0.3)

    # One request at a time on each connection: most wait longer for their turn than a request may take.
    server = endpoint(protocols=["http/1.1"], on_request=slowly)
    daemon = asking(server, 30, app='auth_timeout = "1500ms"')
    confirmed(daemon, 30)
    assert set(server.channels.values()) == {1}
