"""A reload that takes a grant away ends the streams that stood on it, and no others (HTTP contract, section 5)."""

import os

import pytest

from problems import problem
from processes import Daemon, configuration
from test_reload import reload


class Tokens:
    """Configurations with `[[token]]` entries whose secrets are in files."""

    def __init__(self, sandbox, folder):
        self.sandbox, self.folder = sandbox, folder

    def write(self, name, secret):
        path = self.folder / name
        path.write_text(secret)
        path.chmod(0o600)
        return path

    def entry(self, name, secret=None, channels=("*",)):
        path = self.write(name, secret or f"secret-of-{name}")
        return f'[[token]]\nname = "{name}"\nsecret = {{ file = "{path}" }}\nchannels = {list(channels)}\n'

    def text(self, *entries, top=""):
        return configuration(self.sandbox, rest="".join(entries), top=top, auth=False)


def bearer(name):
    return {"Authorization": f"Bearer secret-of-{name}"}


@pytest.fixture
def tokens(sandbox, tmp_path):
    return Tokens(sandbox, tmp_path)


def assert_ended(stream):
    frames = stream.rest()
    assert [(frame.event, frame.data) for frame in frames] == [("bridge:shutdown", "{}")], frames
    assert stream.is_over and not stream.was_cut


def assert_goes_on(stream, sandbox, channel):
    sandbox.publish(channel, "still", "{}")
    assert stream.next().event == "still"


# contract: 5.10, 8.3
def test_streams_of_a_token_that_was_removed_end_and_those_of_others_stay(start, sandbox, tokens, name):
    one, two, channel = tokens.entry("one"), tokens.entry("two"), name()
    daemon = start(Daemon, tokens.text(one, two))
    removed = [
        daemon.subscribed(channel, headers=bearer("two")),
        daemon.events(channel, "?event=still", headers=bearer("two"), version="1.0"),
    ]
    removed[1].next()
    stays = daemon.subscribed(channel, headers=bearer("one"))
    reload(daemon, tokens.text(one))
    assert_ended(removed[0])
    assert [frame.event for frame in removed[1].rest()] == ["bridge:shutdown"]
    assert_goes_on(stays, sandbox, channel)
    assert daemon.get(f"/channels/{channel}", headers=bearer("one")).json()["streams"] == 1
    problem(daemon.get(f"/channels/{channel}/events", headers=bearer("two")), 401, "unauthorized")


# contract: 5.12, 5.19, 8.3
def test_a_channel_taken_from_a_token_ends_its_streams_and_the_others_of_the_token_stay(start, sandbox, tokens, name):
    kept, taken = name(), name()
    daemon = start(Daemon, tokens.text(tokens.entry("one", channels=[kept, taken])))
    streams = {channel: daemon.subscribed(channel, headers=bearer("one")) for channel in (kept, taken)}
    everything = daemon.stream("/events?format=event", bearer("one"))
    assert everything.next().event == "bridge:open"
    for _ in range(2):
        everything.until("realtime:subscription_succeeded")
    reload(daemon, tokens.text(tokens.entry("one", channels=[kept])))
    assert_ended(streams[taken])
    assert_goes_on(streams[kept], sandbox, kept)
    # What it showed was decided when it began; it comes back to what is granted now.
    assert_ended(everything)
    again = daemon.stream("/events", bearer("one"))
    assert again.next().json["data"]["channels"] == [kept]


# contract: 8.3
def test_a_secret_that_was_changed_under_the_same_name_ends_the_streams_of_the_old_one(start, tokens, name):
    daemon = start(Daemon, tokens.text(tokens.entry("one")))
    stream = daemon.subscribed(name(), headers=bearer("one"))
    reload(daemon, tokens.text(tokens.entry("one", secret="another")))
    assert_ended(stream)


# contract: 8.2
def test_streams_of_a_token_that_did_not_change_stay_whatever_else_does(start, sandbox, tokens, name):
    channel = name()
    daemon = start(Daemon, tokens.text(tokens.entry("one")))
    streams = [
        daemon.subscribed(channel, headers=bearer("one")),
        daemon.stream(f"/events?channel={channel}&format=event", bearer("one")),
    ]
    streams[1].until("realtime:subscription_succeeded")
    for entries in ([tokens.entry("two"), tokens.entry("one")], [tokens.entry("one"), "[[peer]]\nuid = 1\n"]):
        reload(daemon, tokens.text(*entries))
        sandbox.publish(channel, "still", "{}")
        assert [stream.next().event for stream in streams] == ["still", "still"]


# contract: 8.3
def test_streams_that_needed_no_token_end_when_one_is_needed_and_stay_the_other_way_round(start, sandbox, tokens, name):
    channel = name()
    daemon = start(Daemon, tokens.text())
    anybody = daemon.subscribed(channel)
    reload(daemon, tokens.text(tokens.entry("one")))
    assert_ended(anybody)
    somebody = daemon.subscribed(channel, headers=bearer("one"))
    reload(daemon, tokens.text())
    assert_goes_on(somebody, sandbox, channel)


# contract: 5.14, 8.3
def test_streams_of_a_peer_that_was_removed_end(start, sandbox, tokens, name, tmp_path):
    channel, path = name(), str(tmp_path / "sock")
    peer = f"[[peer]]\nuid = {os.geteuid()}\n"

    def text(*entries):
        return tokens.text(*entries).replace('"127.0.0.1:0"', f'"127.0.0.1:0", "unix:{path}"')

    daemon = start(Daemon, text(tokens.entry("one"), peer))
    local = daemon.events(channel, unix=path)
    local.until("realtime:subscription_succeeded")
    reload(daemon, text(tokens.entry("one"), peer, tokens.entry("two")))
    assert_goes_on(local, sandbox, channel)
    reload(daemon, text(tokens.entry("one")))
    assert_ended(local)


def test_channels_without_streams_after_that_are_left(start, sandbox, tokens, name):
    channel = name()
    text = tokens.text(tokens.entry("one")).replace("[[app]]", '[[app]]\nlinger = "0s"')
    daemon = start(Daemon, text)
    stream = daemon.subscribed(channel, headers=bearer("one"))
    reload(daemon, text.replace(tokens.entry("one"), tokens.entry("two")))
    assert_ended(stream)
    daemon.wait_for_entry("unsubscribed", channel=channel)
