"""`apinator-server`, the official server SDK, as a peer of the sandbox (upstream-protocol, Server REST API; issue 2)."""

import time

import httpx
import pytest

from apinator import ApiError, AuthenticationError, ValidationError
from apinator.crypto import sign_request
from peers import Client
from processes import APP_ID, KEY, SECRET


def test_authenticate_channel_signs_for_the_sandbox(sandbox, name):
    with Client(sandbox) as client:
        client.subscribe(name("private-"))
        client.subscribe(name("presence-"))


def test_trigger_on_one_channel(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    sandbox.server().trigger("news", '{"n":1}', channel=channel)
    assert stream.until("news").data == '{"n":1}'


def test_trigger_on_several_channels(daemon, sandbox, name):
    channels = [name(), name("private-"), name("presence-")]
    streams = [daemon.subscribed(channel) for channel in channels]
    sandbox.server().trigger("news", '{"n":1}', channels=channels)
    assert [stream.until("news").data for stream in streams] == ['{"n":1}'] * 3


def test_trigger_excludes_the_socket_id(daemon, sandbox, name):
    channel = name()
    stream = daemon.subscribed(channel)
    with Client(sandbox) as other:
        other.subscribe(channel)
        sandbox.server().trigger("news", "{}", channel=channel, socket_id=daemon.connection()["socket_id"])
        sandbox.publish(channel, "marker", "{}")
        assert other.until("news")
        stream.until("marker")
        assert "news" not in [frame.event for frame in stream.seen]


def test_get_channels_with_prefix(daemon, sandbox, name):
    one, two = name("private-left-"), name("private-right-")
    daemon.subscribed(one), daemon.subscribed(two)
    assert sandbox.server().get_channels(prefix="private-left-") == [{"name": one, "subscription_count": 1}]
    everything = [channel["name"] for channel in sandbox.server().get_channels()]
    assert one in everything and two in everything


def test_get_channel_counts_subscriptions(daemon, sandbox, name):
    channel = name("presence-")
    daemon.subscribed(channel)
    with Client(sandbox) as one, Client(sandbox) as two:
        one.subscribe(channel, "ada")
        two.subscribe(channel, "ada")
        entry = sandbox.server().get_channel(channel)
        assert (entry["name"], entry["subscription_count"], entry["user_count"]) == (channel, 3, 2)


def test_a_channel_without_subscribers_is_not_found(sandbox, name):
    with pytest.raises(ApiError) as caught:
        sandbox.server().get_channel(name())
    assert "404" in str(caught.value)


def test_a_wrong_signature_is_refused(sandbox, name):
    with pytest.raises(AuthenticationError):
        sandbox.server(secret="wrong").trigger("news", "{}", channel=name())


def test_a_wrong_key_is_refused(sandbox, name):
    client = sandbox.server()
    client.key = "wrong"
    with pytest.raises(AuthenticationError):
        client.trigger("news", "{}", channel=name())


def test_a_request_that_is_not_signed_or_old_is_refused(sandbox):
    path = f"/apps/{APP_ID}/channels"
    assert httpx.get(sandbox.http + path, trust_env=False).status_code in (401, 403)
    then = int(time.time()) - 3600
    fields = {
        "X-Realtime-Key": KEY,
        "X-Realtime-Timestamp": str(then),
        "X-Realtime-Signature": sign_request(SECRET, "GET", path, b"", then),
    }
    assert httpx.get(sandbox.http + path, headers=fields, trust_env=False).status_code in (401, 403)


def test_what_is_invalid_is_said(sandbox, name):
    with pytest.raises(ValidationError):
        sandbox.server().trigger("news", "{}", channel="no good name")
    with pytest.raises(ValidationError):
        sandbox.server().trigger("", "{}", channel=name())


def test_a_client_with_a_wrong_signature_gets_a_subscription_error(sandbox, name):
    with Client(sandbox) as client:
        client.send("realtime:subscribe", {"channel": name("private-"), "auth": f"{KEY}:{'0' * 64}"})
        client.until("realtime:subscription_error")


def test_client_events_are_relayed_to_others_only(sandbox, name):
    channel = name("private-")
    with Client(sandbox) as one, Client(sandbox) as two:
        one.subscribe(channel), two.subscribe(channel)
        one.trigger(channel, "client-x", '{"n":1}')
        assert two.until("client-x")["data"] == '{"n":1}'
        sandbox.publish(channel, "marker", "{}")
        assert one.receive()["event"] == "marker"
