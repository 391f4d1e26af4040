"""HTTP contract, section 2: resources."""

import json
import re
import socket

import pytest

from deadline import SECONDS, poll
from peers import Client
from problems import problem
from processes import SECRET, Sandbox


# contract: 2.8, 2.9
def test_channels_lists_the_channels_known_and_prefix_filters(daemon, name):
    one, two = name("alpha-"), name("beta-")
    daemon.subscribed(one), daemon.subscribed(two)
    names = [channel["name"] for channel in daemon.get("/channels").json()["channels"]]
    assert one in names and two in names
    listed = daemon.get("/channels", params={"prefix": "alpha-"}).json()["channels"]
    assert [channel["name"] for channel in listed] == [one]


# contract: 2.10
def test_one_channel_says_what_the_contract_says(daemon, name):
    channel = name("presence-")
    stream = daemon.subscribed(channel)
    answer = daemon.get(f"/channels/{channel}")
    assert answer.headers["content-type"] == "application/json"
    last = stream.seen[-1].id
    assert answer.json() == {
        "name": channel, "type": "presence", "subscribed": True, "pinned": False, "streams": 1, "member_count": 1,
        "last_event_id": last}  # fmt: skip


# contract: 2.10
@pytest.mark.parametrize(
    ("prefix", "kind"),
    [("", "public"), ("private-", "private"), ("presence-", "presence"), ("cache-", "cache"),
     ("private-cache-", "private-cache"), ("presence-cache-", "presence-cache")])  # fmt: skip
def test_a_channels_type_follows_from_its_prefix(daemon, name, prefix, kind):  # upstream-protocol, Channels
    channel = name(prefix)
    daemon.subscribed(channel)
    said = daemon.channel(channel)["type"]
    # The contract leaves open whether a cache channel names its kind as well.
    assert said == kind or (prefix.endswith("cache-") and kind.startswith(said.removesuffix("-cache")))


# contract: 2.11, 2.16
def test_an_unknown_channel_is_404(daemon, name):
    problem(daemon.get(f"/channels/{name()}"), 404, "unknown_channel")
    problem(daemon.delete(f"/channels/{name()}"), 404, "unknown_channel")


# contract: 2.12
def test_known_but_refused_is_200_with_subscribed_false(run, name):
    daemon, channel = run(auth=False), name("private-")
    daemon.events(channel).until("realtime:subscription_error")
    answer = daemon.get(f"/channels/{channel}")
    assert answer.status_code == 200
    assert answer.json()["subscribed"] is False
    assert answer.json()["error"]["type"] == "AuthError"
    assert answer.json()["error"]["status"] == 403


# contract: 2.13
def test_put_pins_201_new_200_known(daemon, sandbox, name):
    channel = name()
    assert daemon.put(f"/channels/{channel}").status_code == 201
    assert daemon.put(f"/channels/{channel}").status_code == 200
    poll(lambda: daemon.channel(channel)["subscribed"])
    assert daemon.channel(channel)["pinned"] is True
    assert sandbox.server().get_channel(channel)["subscription_count"] == 1
    assert daemon.delete(f"/channels/{channel}").status_code == 204


# contract: 2.14, 2.16
def test_delete_releases_the_pin_and_unsubscribes_once_no_stream_uses_it(daemon, sandbox, name):
    channel = name()
    daemon.put(f"/channels/{channel}")
    stream = daemon.subscribed(channel)
    assert daemon.delete(f"/channels/{channel}").status_code == 204
    assert daemon.channel(channel)["pinned"] is False
    sandbox.publish(channel, "still", "{}")
    stream.until("still")
    # 204 also when known and not pinned.
    assert daemon.delete(f"/channels/{channel}").status_code == 204
    stream.close()
    poll(lambda: daemon.get(f"/channels/{channel}").status_code == 404)
    poll(lambda: channel not in [c["name"] for c in sandbox.server().get_channels()])


# contract: 2.15, 3.28
def test_force_ends_its_streams_and_unsubscribes_at_once(daemon, sandbox, name):  # §2, §3 bridge:unsubscribed
    channel = name()
    daemon.put(f"/channels/{channel}")
    streams = [daemon.subscribed(channel) for _ in range(3)]
    assert daemon.delete(f"/channels/{channel}?force=true").status_code == 204
    for stream in streams:
        assert [frame.event for frame in stream.rest()] == ["bridge:unsubscribed"]
        assert not stream.was_cut
    assert daemon.get(f"/channels/{channel}").status_code == 404
    poll(lambda: channel not in [c["name"] for c in sandbox.server().get_channels()])


def test_a_channel_stays_subscribed_for_linger_after_the_last_stream_left(run, name):  # config-and-cli
    daemon, channel = run(app='linger = "300ms"'), name()
    daemon.subscribed(channel).close()
    poll(lambda: daemon.channel(channel).get("streams") == 0)
    assert daemon.get(f"/channels/{channel}").status_code == 200
    poll(lambda: daemon.get(f"/channels/{channel}").status_code == 404)


def test_configured_channels_are_subscribed_at_start_and_pinned(run, name):  # config-and-cli
    channel = name("presence-")
    daemon = run(app=f'channels = ["{channel}"]')
    poll(lambda: daemon.channel(channel)["subscribed"])
    assert daemon.channel(channel)["pinned"] is True


# contract: 2.17, 2.19, 2.20
def test_members(daemon, sandbox, name):
    channel = name("presence-")
    stream = daemon.subscribed(channel)
    with Client(sandbox) as other:
        other.subscribe(channel, "ada lovelace/1", {"name": "Ada", "n": 9223372036854775808})
        stream.until("realtime:member_added")
        answer = daemon.get(f"/channels/{channel}/members")
        assert "9223372036854775808" in answer.text
        members = answer.json()
        me = {"user_id": "sandbox-user", "user_info": {"name": "sandbox-user"}}
        ada = {"user_id": "ada lovelace/1", "user_info": {"name": "Ada", "n": 9223372036854775808}}
        assert members["count"] == 2
        assert members["me"] == me
        assert sorted(members["members"], key=lambda member: member["user_id"]) == [ada, me]
        assert daemon.get(f"/channels/{channel}/members/ada%20lovelace%2F1").json() == ada
        assert daemon.get(f"/channels/{channel}/members/me").json() == me
        problem(daemon.get(f"/channels/{channel}/members/nobody"), 404, "unknown_member")
    stream.until("realtime:member_removed")
    assert daemon.get(f"/channels/{channel}/members").json()["count"] == 1


# contract: 2.20, 2.21
def test_a_member_whose_id_is_literally_me_is_reached_percent_encoded(daemon, sandbox, name):
    channel = name("presence-")
    stream = daemon.subscribed(channel)
    with Client(sandbox) as other:
        other.subscribe(channel, "me", {"name": "Me"})
        stream.until("realtime:member_added")
        # httpx would normalise the escape, so it is spelled on the socket.
        spelled = daemon.stream(f"/channels/{channel}/members/%6De")
        assert '"user_id":"me"' in spelled.text()
        assert daemon.get(f"/channels/{channel}/members/me").json()["user_id"] == "sandbox-user"


# contract: 2.18
def test_members_409_when_not_a_presence_channel_or_not_confirmed(run, name):
    daemon = run(auth=False)
    private = name("private-")
    daemon.events(private)
    assert daemon.get(f"/channels/{private}/members").status_code == 409
    presence = name("presence-")
    daemon.events(presence).until("realtime:subscription_error")
    problem(daemon.get(f"/channels/{presence}/members"), 409, "not_subscribed")


# contract: 2.20
def test_own_member_is_404_until_confirmed(run, name):
    daemon, presence = run(auth=False), name("presence-")
    daemon.events(presence).until("realtime:subscription_error")
    assert daemon.get(f"/channels/{presence}/members/me").status_code == 404


# contract: 2.18
def test_members_of_an_unknown_presence_channel(daemon, name):  # §2: not confirmed
    assert daemon.get(f"/channels/{name('presence-')}/members").status_code in (404, 409)


# contract: 2.22
def test_connection(daemon):
    connection = daemon.connection()
    assert set(connection) >= {"state", "socket_id", "since", "attempts"}
    assert connection["state"] == "connected"
    assert re.fullmatch(r"\d+\.\d+", connection["socket_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", connection["since"])
    assert connection["attempts"] == 0


# contract: 2.22
def test_since_when_is_the_same_in_every_answer(daemon):
    request = b"GET /connection HTTP/1.1\r\nHost: localhost\r\n\r\n"
    count = 500
    seen = set()
    # All of them are answered in few turns of the loop, the last ones long after these began.
    with socket.create_connection(("127.0.0.1", daemon.port), SECONDS) as client:
        client.sendall(request * count)
        with client.makefile("rb") as answers:
            for _ in range(count):
                head = iter(answers.readline, b"\r\n")
                length = [int(line.split(b":")[1]) for line in head if line.lower().startswith(b"content-length")]
                seen.add(json.loads(answers.read(length[0]))["since"])
    assert len(seen) == 1


# contract: 2.24, 3.19
def test_connect_and_disconnect_answer_202_with_the_new_state(run, name):
    daemon = run()
    stream = daemon.subscribed(name())
    answer = daemon.post("/connection/disconnect")
    assert (answer.status_code, answer.json()["state"], answer.json()["socket_id"]) == (202, "disconnected", None)
    assert stream.until("state_change").json == {"previous": "connected", "current": "disconnected"}
    answer = daemon.post("/connection/connect")
    assert (answer.status_code, answer.json()["state"]) == (202, "connecting")
    daemon.wait_for_state("connected")
    assert stream.until("state_change").json == {"previous": "disconnected", "current": "connecting"}
    assert stream.until("state_change").json == {"previous": "connecting", "current": "connected"}
    stream.until("realtime:subscription_succeeded")


def test_connect_while_connected_does_nothing(daemon):  # sdk-behaviours
    before = daemon.connection()["socket_id"]
    assert daemon.post("/connection/connect").json()["socket_id"] == before


# contract: 2.23, 2.27
def test_connect_false_waits_for_post_connection_connect(run):  # config-and-cli
    daemon = run(app="connect = false", connected=False)
    assert daemon.connection()["state"] == "initialized"
    assert daemon.get("/readyz").status_code == 200  # every *enabled* app
    daemon.post("/connection/connect")
    daemon.wait_for_state("connected")


# contract: 2.25, 5.21
def test_apps_never_say_a_secret(run, sandbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    daemon = run(app=f'app_secret = {{ file = "{secret}" }}', auth=False)
    apps = daemon.get("/apps")
    assert [app["name"] for app in apps.json()["apps"]] == ["main"]
    one = daemon.get("/apps/main")
    assert one.json()["url"] == sandbox.url
    assert SECRET not in apps.text + one.text + daemon.log
    problem(daemon.get("/apps/other"), 404, "unknown_app")


# contract: 2.1, 2.2
def test_paths_exist_twice_and_the_default_app_is_the_one_marked_so(run, sandbox, name):
    daemon = run(
        rest=f"""
[[app]]
name = "second"
default = true
app_key = "sandbox-key"
url = "{sandbox.url}"
"""
    )
    daemon.wait_for_state("connected", prefix="/apps/main")
    channel = name()
    assert daemon.events(channel).next().json["app"] == "second"
    stream = daemon.stream(f"/apps/main/channels/{channel}/events")
    assert stream.next().json["app"] == "main"
    assert [app["default"] for app in daemon.get("/apps").json()["apps"]] == [False, True]
    for path in ("/apps/second/connection", "/apps/second/channels", f"/apps/second/channels/{channel}"):
        assert daemon.get(path).status_code == 200
    problem(daemon.get("/apps/third/channels"), 404, "unknown_app")


# contract: 2.26
def test_healthz_says_version_uptime_and_per_app_state(daemon):
    body = daemon.get("/healthz").json()
    assert body["version"]
    assert any(name.startswith("uptime") for name in body)
    assert [(app["name"], app["state"]) for app in body["apps"]] == [("main", "connected")]


# contract: 2.27
def test_readyz_is_503_while_an_enabled_app_is_not_connected(run, start):
    upstream = start(Sandbox)
    daemon = run(upstream=upstream)
    assert daemon.get("/readyz").status_code == 200
    upstream.kill()
    answer = poll(lambda: (a := daemon.get("/readyz")).status_code == 503 and a)
    assert answer.json()["apps"][0]["state"] == "connecting"
    assert daemon.get("/healthz").status_code == 200


# contract: 2.33
@pytest.mark.parametrize(
    "path", ["/channels", "/channels/x", "/connection", "/apps", "/apps/main", "/healthz", "/readyz"]
)
def test_head_wherever_get_is(daemon, path):
    if path == "/channels/x":
        daemon.subscribed("x")
    head, get = daemon.client.head(path), daemon.get(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    assert abs(int(head.headers["content-length"]) - len(get.content)) < 8  # ages differ


# contract: 2.33
def test_head_of_a_stream_answers_and_ends(daemon, name):
    answer = daemon.client.head(f"/channels/{name()}/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


# contract: 2.32
def test_known_path_with_another_method_is_405_with_allow(daemon):
    for method, path, allow in [
        ("PATCH", "/channels/x/events", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("DELETE", "/channels/x/events", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("GET", "/channels/x/events/client-x", {"POST", "OPTIONS"}),
        ("POST", "/channels", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/channels/x", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
        ("GET", "/connection/connect", {"POST", "OPTIONS"}),
        ("BREW", "/healthz", {"GET", "HEAD", "OPTIONS"}),
    ]:
        answer = daemon.client.request(method, path)
        problem(answer, 405, "method_not_allowed")
        assert {word.strip() for word in answer.headers["allow"].split(",")} == allow


# contract: 2.34
def test_options_answers_with_allow(daemon):
    answer = daemon.client.request("OPTIONS", "/channels/x")
    assert answer.status_code in (200, 204)
    assert "PUT" in answer.headers["allow"]


# contract: 2.31
@pytest.mark.parametrize(
    "path", ["/nothing", "/channels/x/y", "/channels/x/events/y/z", "/apps/main/nothing", "//channels"]
)
def test_unknown_path_is_404(daemon, path):
    assert daemon.client.get(daemon.url + path).status_code == 404


# contract: 4.15
@pytest.mark.parametrize("path", ["/%zz", "/channels/%", "/channels/%ff/events"])
def test_a_malformed_target_is_400(daemon, path):
    assert daemon.stream(path).status == 400


# contract: 3.44
def test_every_json_answer_about_state_carries_last_event_id(daemon, sandbox, name):
    channel = name("presence-")
    daemon.subscribed(channel)
    paths = [f"/channels/{channel}", f"/channels/{channel}/members", "/channels", "/connection"]
    ids = [daemon.get(path).headers["last-event-id"] for path in paths]
    assert len(set(ids)) == 1
    # Read the state, then stream from there, and miss nothing.
    sandbox.publish(channel, "news", "{}")
    stream = daemon.events(channel, headers={"Last-Event-ID": ids[0]})
    assert [stream.next().event, stream.next().event] == ["bridge:open", "news"]


# contract: 2.25
def test_the_query_of_an_auth_endpoint_is_not_shown(run):
    daemon = run(app='auth_endpoint = "http://127.0.0.1:9/auth?key=hidden"', auth=False)
    assert daemon.get("/apps/main").json()["auth_endpoint"] == "http://127.0.0.1:9/auth"
    for path in ["/apps", "/apps/main", "/connection", "/metrics"]:
        assert "hidden" not in daemon.get(path).text
