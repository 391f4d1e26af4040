"""The status page at / in Chromium, and the policy that it comes with."""

import base64
import hashlib
import json
import re

import httpx
import pytest

import browser
from deadline import SECONDS, poll
from peers import Client
from processes import KEY, Daemon, Sandbox, configuration
from test_browser import Wire

pytestmark = pytest.mark.skipif(not browser.PROGRAM, reason="there is no chromium")

SECRET = "a-secret-of-some-length"

# Runs before the page: what its policy forbids is noted, and so are the timers that it waits for.
WITNESS = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", e => violations.push(`${e.violatedDirective} ${e.blockedURI}`));
    window.timers = new Map();
    window.begun = [];
    const { setTimeout: set, clearTimeout: clear } = window;
    window.setTimeout = (body, ...rest) => {
      const number = set(() => { timers.delete(number); body(); }, ...rest);
      timers.set(number, body.name);
      begun.push(body.name);
      return number;
    };
    window.clearTimeout = number => { timers.delete(number); clear(number); };
"""


class Instrument(browser.Page):
    """The page, by the ids of its parts."""

    def __init__(self, program, url):
        super().__init__(program, url, WITNESS)

    def text(self, element):
        return self.evaluate(f"document.getElementById({json.dumps(element)}).innerText")

    def until(self, element, text, seconds=SECONDS):
        """Waits until an element shows `text`."""
        shown = f"document.getElementById({json.dumps(element)})"
        return self.wait(f"{shown}.innerText.includes({json.dumps(text)}) && !{shown}.hidden", seconds)

    def click(self, element):
        self.evaluate(f"document.getElementById({json.dumps(element)}).click()")

    def fill(self, element, text):
        self.evaluate(f"""{{ const field = document.getElementById({json.dumps(element)});
            field.value = {json.dumps(text)};
            for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, {{ bubbles: true }})); }}""")

    def watch(self, channel):
        """Watches a channel by its name, as it is typed."""
        self.fill("name", channel)
        self.evaluate("document.getElementById('choose').requestSubmit()")
        self.until("live", "Streaming.")

    def send(self, event, data):
        self.fill("event", event)
        self.fill("data", data)
        self.evaluate("document.getElementById('trigger').requestSubmit()")

    def give(self, token):
        self.fill("token", token)
        self.evaluate("document.getElementById('token-form').requestSubmit()")

    def rows(self, body):
        """The texts of the cells of a table, row by row."""
        return self.evaluate(f"[...document.getElementById('{body}').rows].map(r => [...r.cells].map(c => c.textContent))")

    @property
    def violations(self):
        return self.evaluate("violations")

    @property
    def focus(self):
        """The id of what has the focus, else its text."""
        return self.evaluate("document.activeElement.id || document.activeElement.textContent.slice(0, 60)")

    def tab_to(self, what):
        """Goes on with the Tab key until `what` has the focus."""
        passed = []
        while (here := self.focus) != what:
            assert here not in passed[1:], f"Tab never comes to {what}: {passed}"
            passed.append(here)
            self.press("Tab")
        return passed


@pytest.fixture
def visit(chromium):
    """Opens the page of a daemon."""
    pages = []

    def begin(daemon, port=None):
        pages.append(Instrument(chromium, f"http://127.0.0.1:{port or daemon.port}/"))
        pages[-1].resize(1280, 900)
        return pages[-1]

    yield begin
    for page in pages:
        page.close()


@pytest.fixture
def guarded(run, tmp_path):
    """Starts a daemon that wants a token, and says what its one token grants."""

    def begin(grant):
        secret = tmp_path / "token"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        entry = f'[[token]]\nname = "page"\nsecret = {{ file = "{secret}" }}\n{grant}\n'
        return run(app='linger = "0s"', rest=entry, connected=False)

    return begin


def known(daemon, prefix=""):
    return [channel["name"] for channel in daemon.get(f"{prefix}/channels").json()["channels"]]


def again(daemon, text):
    """A daemon where another one was."""
    return Daemon(text.replace("127.0.0.1:0", f"127.0.0.1:{daemon.port}"))


# What it shows


# contract: 2.30
def test_it_shows_live_state_and_events_without_internet_and_without_an_error(run, sandbox, visit, name):
    daemon, channel = run(app='linger = "0s"'), name()
    page = visit(daemon)
    page.until("summary", "Ready: main connected.")
    daemon.put(f"/channels/{channel}")
    page.until("channels", channel)
    page.watch(channel)
    sandbox.publish(channel, "news", '{"n":9223372036854775808,"html":"<b>bold</b>"}')
    page.until("events", '"n":9223372036854775808')
    daemon.post("/connection/disconnect")
    page.until("apps", "disconnected")
    assert page.errors == [] and page.violations == []
    assert all(url.startswith((daemon.url, "data:")) for url in page.requests), page.requests


def test_it_shows_each_attempt_and_why_the_last_one_failed(run, visit):
    class Nothing:
        url = http = "ws://127.0.0.1:9"

    page = visit(run(upstream=Nothing, auth=False, connected=False))
    page.wait("Number(document.querySelector('#apps .number')?.textContent) >= 2")
    [row] = page.rows("apps")
    assert row[0] == "main" and row[1] in ("connecting", "unavailable") and "Connection refused" in row[5], row
    assert re.fullmatch(r"\d\d:\d\d:\d\d \(\d+ s\)", row[2]), row
    page.until("apps", "in ")
    assert page.text("summary").startswith("Not ready: main ")


def test_channels_are_listed_with_streams_and_members_and_narrowed_by_what_is_typed(run, sandbox, visit, name):
    daemon, room, other = run(), name("presence-"), name("private-")
    daemon.put(f"/channels/{room}")
    stream = daemon.subscribed(other)
    page = visit(daemon)
    page.wait("document.getElementById('channels').rows.length === 2")
    page.wait("[...document.getElementById('channels').rows].every(r => r.cells[2].textContent.startsWith('yes'))")
    rows = page.rows("channels")
    assert [room, "presence", "yes, pinned", "0", "1"] in rows and [other, "private", "yes", "1", ""] in rows
    assert page.text("channels-caption") == "2 channels, 2 subscribed."
    page.fill("name", other)
    page.until("channels-caption", f"1 channel beginning with “{other}”")
    assert [row[0] for row in page.rows("channels")] == [other]
    stream.close()


def test_several_apps_are_shown_one_at_a_time(run, sandbox, visit, name):
    second = f'[[app]]\nname = "fleet"\napp_key = "{KEY}"\nurl = "{sandbox.url}"\ndefault = true\n'
    daemon, here, there = run(rest=second, connected=False), name(), name()
    daemon.put(f"/apps/main/channels/{here}")
    daemon.put(f"/apps/fleet/channels/{there}")
    page = visit(daemon)
    # The default app comes first.
    page.until("channels", there)
    assert here not in page.text("channels")
    page.until("summary", "Ready: main connected, fleet connected.")
    page.watch(there)
    sandbox.publish(there, "news", '"there"')
    page.until("events", "there")
    page.until("rate-source", "app fleet")
    page.fill("app", "main")
    page.until("channels", here)
    assert there not in page.text("channels")
    # Nobody watches what is out of sight.
    page.until("live", "Not watching")
    page.until("rate-source", "app main")
    page.click("all")
    page.until("live", "Streaming.")
    sandbox.publish(here, "news", '"here"')
    page.until("events", "here")
    assert page.rows("events")[0][1:] == [here, "news", '"here"']
    assert page.errors == []


def test_presence_members_come_and_go(run, sandbox, visit, name):
    daemon, channel = run(), name("presence-")
    page = visit(daemon)
    page.watch(channel)
    page.until("members-caption", "1 member; this daemon is sandbox-user.")
    with Client(sandbox) as other:
        other.subscribe(channel, "ada", {"name": "Ada", "n": 9223372036854775808, "f": 1.0})
        page.until("members-caption", "2 members")
        assert ["ada", '{"name":"Ada","n":9223372036854775808,"f":1.0}'] in page.rows("members")
    page.until("members-caption", "1 member;")
    assert [row[0] for row in page.rows("members")] == ["sandbox-user"]
    # A channel without members has no such list.
    page.watch(name())
    page.wait("document.getElementById('member-list').hidden")
    assert page.errors == []


def test_the_rate_is_drawn_and_said(run, sandbox, visit, name):
    daemon, channel = run(), name()
    daemon.subscribed(channel)
    page = visit(daemon)
    page.until("rate-source", "What app main received from Apinator, counted by /metrics.")
    page.until("rate-now", "Now ")
    for number in range(20):
        sandbox.publish(channel, "news", str(number))
    page.wait("!document.getElementById('rate-now').innerText.includes('at most 0 ')")
    assert re.match(r"Now [\d.]+, at most [\d.]+ in the last 2 minutes\.", page.text("rate-now"))
    assert re.fullmatch(r"(M[\d.]+ [\d.]+H[\d.]+(L[\d.]+ [\d.]+H[\d.]+)*)+",
                        page.evaluate("document.getElementById('line').getAttribute('d')"))  # fmt: skip
    page.until("figures", "Streams")
    figures = dict(pair.split("\n") for pair in page.evaluate(
        "[...document.querySelectorAll('#figures div')].map(d => d.firstChild.innerText + '\\n' + d.lastChild.innerText)"
    ))  # fmt: skip
    assert figures["Streams"] == "1" and int(figures["Events"]) >= 20 and figures["Memory"].endswith("MiB"), figures


# Events


def test_a_bounded_number_of_events_is_kept_newest_first_and_long_ones_are_shortened(run, sandbox, visit, name):
    daemon, channel = run(), name()
    stream = daemon.subscribed(channel)
    for number in range(3):
        sandbox.publish(channel, "before", str(number))
        stream.until("before")
    page = visit(daemon)
    page.watch(channel)
    page.until("events", "before")
    assert [row[::3] for row in page.rows("events")[:3]] == [["earlier", "2"], ["earlier", "1"], ["earlier", "0"]]
    for number in range(210):
        sandbox.publish(channel, "after", str(number))
    long = json.dumps({"long": "x" * 5000, "end": 1}, separators=(",", ":"))
    sandbox.publish(channel, "long", long)
    page.until("events", "Show all")
    rows = page.rows("events")
    assert len(rows) == 200 and [row[3] for row in rows[1:4]] == ["209", "208", "207"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d", rows[0][0]) and len(rows[0][3]) < 300
    button = "document.querySelector('#events button')"
    assert page.evaluate(f"{button}.innerText") == f"Show all {len(long):,} characters"
    page.evaluate(f"{button}.click()")
    assert long in page.text("events") and page.evaluate(f"{button}.ariaExpanded") == "true"
    page.evaluate(f"{button}.click()")
    assert long not in page.text("events") and page.evaluate(f"{button}.ariaExpanded") == "false"


def test_it_goes_on_after_the_last_event_when_its_connection_is_cut(run, sandbox, visit, name):
    daemon, channel = run(), name()
    wire = Wire(daemon.port)
    page = visit(daemon, wire.port)
    page.watch(channel)
    sandbox.publish(channel, "step", "1")
    page.until("events", "step")
    wire.cut()
    page.until("live", "Interrupted: the connection was lost. Trying again.")
    page.until("summary", "No answer from the daemon since")
    sandbox.publish(channel, "step", "2")
    wire.mend()
    page.until("live", "Streaming.")
    page.until("summary", "Ready")
    sandbox.publish(channel, "step", "3")
    page.wait("document.getElementById('events').rows[0]?.textContent.includes('step3')")
    assert [row[3] for row in page.rows("events") if row[2] == "step"] == ["3", "2", "1"]
    assert page.evaluate("document.querySelectorAll('#events .gap').length") == 0
    wire.close()


def test_a_gap_is_shown_where_it_is(run, start, visit, name):
    upstream = start(Sandbox)
    daemon, channel = run(upstream=upstream), name()
    page = visit(daemon)
    page.watch(channel)
    poll(lambda: daemon.channel(channel)["subscribed"])
    upstream.publish(channel, "news", '"before"')
    page.until("events", "before")
    upstream.kill()
    page.until("apps", "connecting")
    page.until("summary", "Not ready")
    back = start(Sandbox, port=upstream.port)
    page.until("events", "Gap: events may be missing here", 60)
    daemon.wait_for_state("connected")
    poll(lambda: daemon.channel(channel)["subscribed"])
    back.publish(channel, "news", '"after"')
    page.until("events", "after")
    lines = [" ".join(row) for row in page.rows("events")]
    [gap] = [number for number, line in enumerate(lines) if "(upstream_reconnect)" in line]
    [before] = [number for number, line in enumerate(lines) if "before" in line]
    [after] = [number for number, line in enumerate(lines) if '"after"' in line]
    assert after < gap < before, lines


def test_it_survives_a_restart_and_says_what_that_cost(sandbox, start, visit, name):
    text, channel = configuration(sandbox), name()
    first = start(Daemon, text)
    page = visit(first)
    page.watch(channel)
    poll(lambda: first.channel(channel)["subscribed"])
    sandbox.publish(channel, "news", '"before"')
    page.until("events", "before")
    first.kill()
    page.until("summary", "No answer from the daemon since")
    assert "what is shown is from then. Trying again." in page.text("summary")
    assert page.evaluate("document.title") == "apinatord: no answer"
    second = start(again, first, text)
    page.until("summary", "Ready: main connected.", 30)
    page.until("live", "Streaming.")
    page.until("events", "Gap: events may be missing here")
    assert "(unknown_id)" in page.text("events")
    poll(lambda: second.channel(channel)["subscribed"])
    sandbox.publish(channel, "news", '"after"')
    page.until("events", '"after"')
    assert page.evaluate("document.title") == "apinatord: ready"
    assert page.evaluate("document.body.className") == ""


def test_nothing_is_subscribed_that_nobody_chose(run, visit, name):
    daemon, channel = run(app='linger = "0s"'), name()
    page = visit(daemon)
    page.until("channels-caption", "No channel is known")
    page.until("rate-now", "Now ")  # it has asked twice
    assert page.text("live") == "Not watching; choose a channel." and known(daemon) == []
    assert not [url for url in page.requests if url.endswith("/connection") or "/events" in url]
    page.click("all")
    page.until("live", "Streaming.")
    assert known(daemon) == []
    page.watch(channel)
    assert known(daemon) == [channel]
    page.until("channels", channel)
    assert page.evaluate("document.querySelector('#channels button').ariaPressed") == "true"
    # Its own stream counts, as it says.
    page.wait("document.querySelector('#channels .number')?.textContent === '1'")
    assert "counts as one of its streams" in page.text("name-hint")
    page.click("stop")
    poll(lambda: known(daemon) == [])
    page.until("live", "Not watching")
    page.watch(channel)
    page.close()
    poll(lambda: known(daemon) == [])
    page.__init__(page.browser, daemon.url)  # to be closed like the others


def test_a_channel_that_somebody_removes_is_not_subscribed_again(run, visit, name):
    daemon, channel = run(), name()
    page = visit(daemon)
    page.watch(channel)
    daemon.delete(f"/channels/{channel}?force=true")
    page.until("live", "removed the channel by force")
    page.until("channels-caption", "No channel is known")
    assert known(daemon) == [] and page.evaluate("[...timers.values()].includes('done')") is False


def test_a_name_that_is_none_is_not_asked_for(run, visit):
    page = visit(run())
    page.until("summary", "Ready")
    for wrong in ("", "../../connection", "a b", "<b>", "\ud800", "x" * 201):
        page.fill("name", wrong)
        page.evaluate("document.getElementById('choose').requestSubmit()")
        page.until("name-fault", "A channel name is 1 to 200 characters")
    assert page.evaluate("document.getElementById('name').ariaInvalid") == "true" and page.focus == "name"
    assert page.text("live") == "Not watching; choose a channel."
    assert not [url for url in page.requests if "/events" in url]


def test_a_paused_or_hidden_page_asks_for_nothing_and_misses_nothing(run, sandbox, visit, name):
    daemon, channel = run(), name()
    page = visit(daemon)
    page.watch(channel)
    waits = "[...timers.values()].includes('poll')"
    page.wait(waits)
    page.click("pause")
    page.until("summary", "Paused.")
    page.wait(f"!{waits}")
    sandbox.publish(channel, "news", '"while paused"')
    page.until("events-caption", "wait.")
    assert "while paused" not in page.text("events") and not page.evaluate(waits)
    page.click("pause")
    page.until("events", "while paused")
    page.wait(waits)
    hide = "Object.defineProperty(document, 'hidden', {{ value: {}, configurable: true }}); " \
        "document.dispatchEvent(new Event('visibilitychange'))"  # fmt: skip
    page.evaluate(hide.format("true"))
    page.wait(f"!{waits}")
    sandbox.publish(channel, "news", '"while hidden"')
    page.wait("![...timers.values()].includes('drawEvents')")
    # What the stream tells makes it ask once, and not go on.
    before = page.evaluate("begun.filter(name => name === 'poll').length")
    daemon.post("/connection/disconnect")
    page.until("apps", "disconnected")
    page.evaluate("Promise.all(['channels', 'metrics', 'metrics'].map(path => fetch(path).then(a => a.text())))")
    assert page.evaluate("begun.filter(name => name === 'poll').length") == before
    page.evaluate(hide.format("false"))
    page.until("events", "while hidden")
    page.wait(waits)
    assert page.errors == []


# Client events


def test_a_client_event_goes_to_the_others_as_it_was_typed(run, sandbox, visit, name):
    daemon, channel = run(limits="max_client_event_bytes = 100"), name("private-")
    page = visit(daemon)
    assert page.evaluate("document.getElementById('trigger-fields').disabled")
    page.until("trigger-reason", "Watch a private or presence channel to send to it.")
    with Client(sandbox) as other:
        other.subscribe(channel)
        page.watch(channel)
        page.send("wrong", "{}")
        page.until("event-fault", "begins with client-")
        assert page.focus == "event" and page.evaluate("document.getElementById('event').ariaInvalid") == "true"
        page.send("client-<typing>", "{wrong")
        page.until("data-fault", "Not JSON: ")
        assert page.focus == "data" and page.evaluate("document.getElementById('event-fault').hidden")
        page.send("client-<typing>", '{"n": 9223372036854775808, "f": 1.0}')
        page.until("sent", f"Sent client-<typing> to {channel} at ")
        message = other.until("client-<typing>")
        assert message["data"] == '{"n": 9223372036854775808, "f": 1.0}'
        # What the daemon says of one that it does not take.
        page.send("client-large", json.dumps("x" * 200))
        page.until("sent", "Refused (413): the data has 202 bytes and max_client_event_bytes is 100; send less or raise it.")
        daemon.post("/connection/disconnect")
        page.send("client-late", "1")
        page.until("sent", "Refused (503): there is no connection to Apinator (disconnected)")


def test_a_public_channel_takes_none_and_the_page_says_so(run, visit, name):
    page, channel = visit(run()), name()
    page.watch(channel)
    page.until("trigger-reason", f"{channel} is public: only private and presence channels take client events.")
    assert page.evaluate("document.getElementById('trigger').innerText.trim()") == ""


# Tokens


# contract: 5.16
def test_a_token_is_asked_for_and_is_nowhere_but_in_headers(guarded, sandbox, visit, name):
    daemon, channel = guarded('allow = ["read", "trigger"]'), name("private-")
    page = visit(daemon)
    page.until("apps", "connected")
    page.until("access", "Channels, events and figures need a token (401): enter the secret of a [[token]]")
    page.until("channels-caption", "A token is needed, see Access.")
    # It does not knock on.
    page.wait("[...timers.values()].includes('poll')")
    guarded_requests = [url for url in page.requests if not url.endswith(("/", "/healthz")) and "data:" not in url]
    page.give("a wrong one")
    page.until("access-reason", "A token has no spaces")
    assert [u for u in page.requests if not u.endswith(("/", "/healthz")) and "data:" not in u] == guarded_requests
    page.give("a-wrong-one")
    page.until("access-reason", "The daemon refused the token (401): the token is none of those configured")
    page.give(SECRET)
    page.until("access-reason", "A token is in use.")
    page.until("channels-caption", "No channel is known")
    page.watch(channel)
    with Client(sandbox) as other:
        other.subscribe(channel)
        page.send("client-hello", "1")
        other.until("client-hello")
        other.trigger(channel, "client-hello-too", 2)
        page.until("events", "client-hello-too")
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    assert page.evaluate("document.getElementById('token').value") == ""
    assert SECRET not in page.evaluate("document.documentElement.outerHTML")
    assert not [url for url in page.requests if SECRET in url] and SECRET not in page.evaluate("location.href")
    assert SECRET not in daemon.log
    page.click("forget")
    page.until("access", "need a token (401)")
    page.until("live", "Refused (401)")
    page.until("channels-caption", "A token is needed, see Access.")


def test_what_a_token_does_not_grant_is_said_in_the_words_of_the_daemon(guarded, sandbox, visit, name):
    daemon, open_to_it, closed = guarded('channels = ["private-*"]\nallow = ["read"]'), name("private-"), name("presence-")
    page = visit(daemon)
    page.until("access", "need a token (401)")
    page.give(SECRET)
    page.until("channels-caption", "No channel is known")
    page.until("rate-source", "Not from /metrics: metrics need `read` on all apps and channels.")
    page.fill("name", closed)
    page.evaluate("document.getElementById('choose').requestSubmit()")
    page.until("live", f"Refused (403): the token or peer is not granted this on channel {closed}")
    page.watch(open_to_it)
    poll(lambda: daemon.client.get(f"/channels/{open_to_it}", headers={"Authorization": f"Bearer {SECRET}"}).json()["subscribed"])
    page.until("rate-source", "Only what the watched stream brings.")
    sandbox.publish(open_to_it, "news", "1")
    page.until("rate-now", "Now ")
    page.evaluate("document.getElementById('event').focus()")
    page.send("client-x", "1")
    page.until("trigger-reason", f"Refused (403): the token or peer is not granted this on channel {open_to_it}")
    assert page.evaluate("document.getElementById('trigger-fields').disabled") and page.focus == "trigger-reason"
    # One refusal of the metrics is enough.
    assert len([url for url in page.requests if url.endswith("/metrics")]) == 1


# What it lets in


def test_the_policy_knows_the_page_by_its_hashes(daemon):
    answer = daemon.get("/")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    for element in ("script", "style"):
        [text] = re.findall(f"<{element}[^>]*>(.*?)</{element}>", answer.text, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[f"{element}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'" and policy["connect-src"] == "'self'"
    assert policy["form-action"] == policy["base-uri"] == policy["frame-ancestors"] == policy["trusted-types"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"
    # Nothing that the policy would have to let in: no style or handler in a tag, no address but the daemon's own.
    assert not re.search(r"<[^>]*\s(style|on\w+)=", answer.text.split("<script")[0].split("</style>")[1])
    assert re.findall(r"https?://[^'\" ]+", answer.text) == ["http://www.w3.org/2000/svg"]


# Each ends with true when it got through.
INTRUSIONS = {
    "a script": "{ const s = document.createElement('script'); s.append('window.intruded = true'); document.body.append(s); }",
    "a handler": "{ const b = document.createElement('button'); b.setAttribute('onclick', 'window.intruded = true');"
                 " document.body.append(b); b.click(); }",
    "markup": "try { document.body.innerHTML = '<p id=gone>'; window.intruded = true } catch (error) {}",
    "eval": "try { eval('window.intruded = true') } catch (error) {}",
    "a timer": "try { setTimeout.call(window, 'window.intruded = true') } catch (error) {}",
    "a policy": "try { trustedTypes.createPolicy('mine', { createHTML: x => x }); window.intruded = true } catch (error) {}",
    "a style": "{ const s = document.createElement('style'); s.append('body { display: none }'); document.head.append(s);"
               " if (getComputedStyle(document.body).display === 'none') window.intruded = true; }",
    "a frame": "{ const f = document.createElement('iframe'); f.src = location.href; document.body.append(f); }",
    "an image": "{ const i = document.createElement('img'); i.onload = () => window.intruded = true;"
                " i.src = 'http://127.0.0.1:1/x.png'; document.body.append(i); }",
    "a request": "fetch('http://localhost:1/').then(() => window.intruded = true, () => {})",
}  # fmt: skip


@pytest.mark.parametrize("intrusion", INTRUSIONS)
def test_the_policy_blocks(daemon, visit, intrusion):
    page = visit(daemon)
    page.until("summary", "Ready")
    assert page.violations == []
    # As the page's own script would, were it made to: the timers of the witness are not in the way.
    page.call("Runtime.evaluate", expression=f"window.setTimeout = set; {INTRUSIONS[intrusion]}",
              allowUnsafeEvalBlockedByCSP=False)  # fmt: skip
    page.wait("violations.length > 0")
    assert page.evaluate("window.intruded") is None
    assert page.evaluate("document.getElementById('gone')") is None


HOSTILE = "<img src=x onerror=\"window.intruded = true\"><script>window.intruded = true</script>\u202e&amp;<b>"


def test_what_comes_from_others_is_text(run, sandbox, visit, name):
    daemon, channel = run(), name("presence-")
    page = visit(daemon)
    page.watch(channel)
    with Client(sandbox) as other:
        other.subscribe(channel, HOSTILE, {"name": HOSTILE})
        page.until("members-caption", "2 members")
        assert HOSTILE in [row[0] for row in page.rows("members")]
        data = json.dumps({"html": HOSTILE}, ensure_ascii=False)
        sandbox.publish(channel, HOSTILE, data)
        poll(lambda: [HOSTILE, data] in [row[2:] for row in page.rows("events")])
    page.fill("name", HOSTILE)
    page.until("channels-caption", HOSTILE)
    # A daemon that is not itself any more.
    lie = {"channels": [{"name": HOSTILE, "type": HOSTILE, "subscribed": False, "pinned": False, "streams": HOSTILE,
                         "member_count": HOSTILE, "error": {"status": HOSTILE, "error": HOSTILE}}]}  # fmt: skip
    state = {"name": "main", "state": "connected", "since": HOSTILE, "attempts": HOSTILE, "socket_id": HOSTILE,
             "last_error": {"code": HOSTILE, "message": HOSTILE, "at": HOSTILE}}  # fmt: skip
    answers = {"/channels": lie, "/healthz": {"status": HOSTILE, "version": HOSTILE, "uptime_seconds": 1e9, "apps": [state]}}
    page.evaluate(f"""{{ const own = fetch, answers = {json.dumps(answers)};
        window.fetch = (path, options) => {{
          const found = Object.keys(answers).find(end => ("/" + path.split("?")[0]).endsWith(end));
          return found ? Promise.resolve(new Response(JSON.stringify(answers[found]))) : own(path, options);
        }}; }}""")
    page.until("channels", "&amp;")
    page.until("figures", "&amp;")
    [row] = page.rows("channels")
    assert row[0] == row[1] == row[3] == row[4] == HOSTILE and HOSTILE in row[2]
    assert HOSTILE in page.rows("apps")[0][5]
    assert page.evaluate("document.querySelectorAll('main :is(img, script, b, style, iframe), main [onerror]').length") == 0
    assert page.evaluate("window.intruded") is None and page.violations == []


# Whoever looks at it, or does not


def test_it_is_used_with_the_keyboard_alone(run, sandbox, visit, name):
    second = f'[[app]]\nname = "fleet"\napp_key = "{KEY}"\nurl = "{sandbox.url}"\n'
    daemon, channel = run(rest=second), name("private-")
    page = visit(daemon)
    page.until("summary", "Ready")
    # The first thing is a way past what comes first.
    page.press("Tab")
    assert page.focus == "Skip to channels"
    assert page.evaluate("document.activeElement.getBoundingClientRect().width") > 50
    page.press("Tab")
    assert page.focus == "Skip to events"
    page.press("Enter")
    page.wait("document.activeElement.id === 'events-title'")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.tab_to("app")
    page.press("ArrowDown")
    page.wait("document.getElementById('app').value === 'fleet'")
    page.press("ArrowUp")
    page.until("rate-source", "app main")
    page.tab_to("pause")
    page.press(" ")
    page.until("summary", "Paused.")
    page.press(" ")
    page.wait("!document.getElementById('summary').innerText.includes('Paused.')")
    page.tab_to("name")
    page.type(channel)
    page.press("Enter")
    page.until("live", "Streaming.")
    page.until("channels", channel)
    page.tab_to(channel)
    # Every one shows where the focus is.
    outline = "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
    assert page.evaluate(outline) == "solid2px"
    page.press("Enter")
    page.until("live", "Not watching")
    assert page.focus == channel
    page.press("Enter")
    page.until("live", "Streaming.")
    poll(lambda: daemon.channel(channel)["subscribed"])
    sandbox.publish(channel, "long", json.dumps("x" * 1000))
    page.until("events", "Show all")
    page.tab_to("stop")
    page.tab_to("event-scroll")
    page.press("Tab")
    assert page.focus.startswith("Show all")
    page.press("Enter")
    assert page.evaluate("document.activeElement.ariaExpanded") == "true"
    with Client(sandbox) as other:
        other.subscribe(channel)
        page.tab_to("event")
        page.type("hello")
        page.press("Tab")
        assert page.focus == "data"
        page.press("Tab")
        assert page.focus == "Send"
        page.press("Enter")
        # Typing into a field replaces what Tab has selected of it.
        page.until("event-fault", "begins with client-")
        assert page.focus == "event"
        page.evaluate("document.activeElement.select()")
        page.type("client-hello")
        page.press("Enter")
        assert other.until("client-hello")["data"] == "{}"
    # And round again, through the end of the page.
    page.tab_to("stop")
    page.press("Enter")
    page.until("live", "Not watching")
    assert page.focus == "events-title"
    assert page.errors == []


CONTROLS = {"button", "textbox", "combobox", "link", "searchbox"}


def test_every_part_has_a_role_and_a_name(guarded, run, sandbox, visit, name):
    second = f'[[app]]\nname = "fleet"\napp_key = "{KEY}"\nurl = "{sandbox.url}"\n'
    daemon, channel = run(rest=second), name("presence-")
    page = visit(daemon)
    page.watch(channel)
    page.until("members-caption", "1 member")
    page.until("rate-now", "Now ")
    poll(lambda: daemon.channel(channel)["subscribed"])
    sandbox.publish(channel, "long", json.dumps("x" * 1000))
    page.until("events", "Show all")

    def tree(page):
        nodes = page.call("Accessibility.getFullAXTree")["nodes"]
        value = lambda node, field: node.get(field, {}).get("value", "")  # noqa: E731
        return [(value(n, "role"), value(n, "name"), n) for n in nodes if not n.get("ignored")]

    for width in (1280, 320):
        page.resize(width, 900)
        found = tree(page)
        assert [(role, node) for role, named, node in found if role in CONTROLS and not named.strip()] == []
        roles = [role for role, _, _ in found]
        assert roles.count("banner") == roles.count("main") == roles.count("contentinfo") == roles.count("search") == 1
        names = {role: [named for r, named, _ in found if r == role] for role in set(roles)}
        regions = {"Connection to Apinator", "Events a second", "Channels", "Members", "Client event"}
        assert regions <= set(names["region"]) and f"Events of {channel}" in names["region"]
        levels = [p["value"]["value"] for role, _, n in found if role == "heading" for p in n["properties"]
                  if p["name"] == "level"]  # fmt: skip
        assert levels == [1] + [2] * 6
        # A table stays one in whatever way it is laid out.
        assert len(names["table"]) == 4 and all(names["table"]), names["table"]
        assert roles.count("columnheader") + roles.count("rowheader") >= 6 + 5 + 3 + 2 and roles.count("cell") >= 12 + 5
        assert re.match(r"Events a second Now [\d.]+, at most", names["image"][0]), names["image"]
        live = [dict((p["name"], p["value"]["value"]) for p in n["properties"]) for r, _, n in found if r == "status"]
        assert len(live) == 3 and all(region["live"] == "polite" for region in live)
    locked = visit(guarded('allow = ["read"]'))
    locked.until("access", "need a token")
    fields = [(role, named) for role, named, _ in tree(locked) if role in CONTROLS]
    assert ("textbox", "Token") in fields and ("button", "Use token") in fields


def test_events_and_figures_are_not_read_out_and_nothing_loses_the_focus(run, sandbox, visit, name):
    daemon, channel = run(), name("private-")
    page = visit(daemon)
    page.watch(channel)
    poll(lambda: daemon.channel(channel)["subscribed"])
    page.until("channels", channel)
    page.evaluate("""
        document.querySelector('#channels button').focus();
        window.spoken = [];
        for (const region of document.querySelectorAll('[role=status], [role=alert], [aria-live]'))
          new MutationObserver(() => spoken.push(region.textContent))
            .observe(region, { childList: true, subtree: true, characterData: true });
        null""")
    stream = daemon.subscribed(channel)
    for number in range(20):
        sandbox.publish(channel, "news", str(number))
        stream.until("news")
    page.until("events", "19")
    daemon.put(f"/channels/{name('a-')}")  # it stands before the other
    page.wait("document.getElementById('channels').rows.length === 2")
    page.wait("document.querySelectorAll('#channels .number')[2]?.textContent === '2'")
    assert page.evaluate("spoken") == []
    assert page.focus == channel
    daemon.post("/connection/disconnect")
    page.wait("spoken.length === 1")
    assert page.evaluate("spoken") == ["Not ready: main disconnected."]


CONTRAST = r"""
(() => {
  const parse = text => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return { r, g, b, a }; };
  const linear = value => (value /= 255) <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
  const luminance = c => .2126 * linear(c.r) + .7152 * linear(c.g) + .0722 * linear(c.b);
  const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const behind = node => {
    for (let n = node; n; n = n.parentElement) {
      const colour = parse(getComputedStyle(n).backgroundColor);
      if (colour.a === 1) return colour;
      if (colour.a !== 0) throw new Error(`half transparent: ${n.outerHTML.slice(0, 80)}`);
    }
    return { r: 255, g: 255, b: 255 };
  };
  const poor = [];
  let counted = 0;
  const check = (node, what, colour, least, ground = behind(node)) => {
    counted += 1;
    const found = ratio(parse(colour), ground);
    if (found < least) poor.push(`${what} of ${node.tagName}.${node.className} ${node.textContent.slice(0, 30)}: ${found.toFixed(2)}`);
  };
  for (const node of document.querySelectorAll("body, body *")) {
    const style = getComputedStyle(node);
    if (!node.checkVisibility() || node.closest("script, noscript, svg, option")) continue;
    if (style.opacity !== "1") poor.push(`opacity of ${node.tagName}.${node.className}`);
    const hasText = [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (hasText || node.matches("input, textarea")) check(node, "text", style.color, 4.5);
    for (const pseudo of ["::before", "::after"]) {
      const made = getComputedStyle(node, pseudo);
      if (made.content !== "none" && made.content !== "normal") check(node, pseudo, made.color, 4.5);
    }
    // WCAG 2.2, 1.4.11: where a control ends can be seen, unless its text alone makes it one.
    if (node.matches("input, select, textarea, button:not(#channels button)")) check(node, "border", style.borderTopColor, 3, behind(node.parentElement));
  }
  check(document.getElementById("plot"), "line", getComputedStyle(document.getElementById("line")).stroke, 3);
  return { counted, poor };
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_in_light_and_dark(guarded, run, start, visit, name, tmp_path, scheme):
    upstream = start(Sandbox)
    daemon, channel = run(upstream=upstream), name("presence-")
    page = visit(daemon)
    page.prefer(color_scheme=scheme, reduced_motion="reduce")  # colours that change take their time else
    page.watch(channel)
    page.until("members-caption", "1 member")
    page.send("wrong", "{wrong")
    page.until("data-fault", "Not JSON")
    page.send("client-x", "1")
    page.until("sent", "Sent")
    upstream.kill()
    again = start(Sandbox, port=upstream.port)
    page.until("events", "Gap", 60)
    daemon.wait_for_state("connected")
    poll(lambda: daemon.channel(channel)["subscribed"])
    again.publish(channel, "long", json.dumps("x" * 1000))
    page.until("events", "Show all")
    page.until("rate-now", "Now ")
    grounds = set()

    def look(page, file):
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        for width in (1280, 320):
            page.resize(width, 900)
            found = page.evaluate(CONTRAST)
            assert found["poor"] == [] and found["counted"] > 30, found
        page.screenshot(tmp_path / f"{file}-{scheme}.png", dark=scheme == "dark")

    look(page, "page")
    daemon.stop()
    page.until("summary", "No answer")
    look(page, "away")
    locked = visit(guarded('allow = ["read"]'))
    locked.prefer(color_scheme=scheme, reduced_motion="reduce")  # colours that change take their time else
    locked.until("access", "need a token")
    look(locked, "token")
    [ground] = grounds
    assert (sum(map(int, re.findall(r"\d+", ground))) > 600) == (scheme == "light"), ground


@pytest.mark.parametrize("size", [(320, 800), (640, 450)], ids=["320 px wide", "1280 px at 200 %"])
def test_it_fits_narrow_windows(run, sandbox, visit, name, size):
    daemon, channel = run(), name("presence-") + "x" * 150
    page = visit(daemon)
    page.resize(*size)
    page.watch(channel)
    poll(lambda: daemon.channel(channel)["subscribed"])
    with Client(sandbox) as other:
        other.subscribe(channel, "u" * 150, {"name": "n" * 300})
        sandbox.publish(channel, "e" * 180, json.dumps("x" * 3000))
        page.until("events", "Show all")
        page.until("members", "uuu")
        page.until("channels", "xxx")
        page.evaluate("document.querySelector('#events button').click()")
        page.send("wrong", "{wrong")
        wide = page.evaluate("""[document.documentElement, ...document.querySelectorAll('main *, header *, .scroll')]
            .filter(n => n.checkVisibility() && !n.closest('svg') && !n.matches('.unseen, thead, thead *, input, textarea'))
            .filter(n => n.scrollWidth > n.clientWidth + 1 && getComputedStyle(n).display !== 'inline' ||
              n.getBoundingClientRect().right > innerWidth + 1)
            .map(n => `${n.tagName}#${n.id}.${n.className} ${n.scrollWidth} > ${n.clientWidth}`)""")
        assert wide == [], "\n".join(wide)


def test_whoever_wants_no_motion_gets_none(daemon, visit):
    page = visit(daemon)
    moving = """[...document.querySelectorAll("*")].filter(n => {
        const s = getComputedStyle(n);
        return s.animationName !== "none" || s.transitionDuration.split(", ").some(d => d !== "0s");
      }).length"""
    page.prefer(reduced_motion="no-preference")
    assert page.evaluate(moving) > 0
    page.prefer(reduced_motion="reduce")
    assert page.evaluate(moving) == 0


def test_without_a_browser_it_is_one_page_of_a_few_kilobytes(daemon):
    answer = httpx.get(f"{daemon.url}/", trust_env=False)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert len(answer.content) < 64 * 1024
