"""Programs that people have: curl, httpx-sse, requests with sseclient-py, Node's fetch."""

import json
import shutil
import subprocess

import httpx
import httpx_sse
import pytest
import requests
import sseclient

from deadline import SECONDS
from peers import Client
from problems import problem


# contract: 2.3, 3.4
def test_curl_shows_events_and_is_as_fast_as_they_come(daemon, sandbox, name):  # issue 2
    channel = name("presence-")
    url = f"{daemon.url}/channels/{channel}/events"
    with subprocess.Popen(["curl", "-sN", "--max-time", "20", url], stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout.readline() == "retry: 2000\n"
        assert curl.stdout.readline() == "event: bridge:open\n"
        while curl.stdout.readline() != "event: realtime:subscription_succeeded\n":
            pass
        assert json.loads(curl.stdout.readline().removeprefix("data: "))["presence"]["ids"] == ["sandbox-user"]
        sandbox.publish(channel, "news", '{"n":9223372036854775808}')
        while curl.stdout.readline() != "event: news\n":
            pass
        assert curl.stdout.readline() == 'data: {"n":9223372036854775808}\n'
        curl.terminate()


# contract: 2.4, 4.1
def test_curl_d_triggers_a_client_event(daemon, sandbox, name):  # issue 2
    channel = name("presence-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        done = subprocess.run(
            ["curl", "-s", "-w", " %{http_code}", "-d", '{"event":"client-typing","data":{"n":9223372036854775808}}',
             f"{daemon.url}/channels/{channel}/events"], capture_output=True, text=True, timeout=20)  # fmt: skip
        assert done.stdout.split()[-1] == "202"
        assert other.until("client-typing")["data"] == '{"n":9223372036854775808}'


# contract: 1.5, 3.3
def test_curl_over_http_1_0_and_over_a_unix_name(daemon, name):
    url = f"http://localhost:{daemon.port}/channels/{name()}/events"
    done = subprocess.run(["curl", "-4sN0", "--max-time", "1", url], capture_output=True, text=True, timeout=20)
    assert done.stdout.startswith("retry: 2000\nevent: bridge:open\n")


# contract: 3.4, 3.40
def test_httpx_sse(daemon, sandbox, name):
    channel = name()
    daemon.put(f"/channels/{channel}")
    with httpx.Client(timeout=SECONDS, trust_env=False) as client:
        with httpx_sse.connect_sse(client, "GET", f"{daemon.url}/channels/{channel}/events") as source:
            events = source.iter_sse()
            first = next(events)
            assert (first.event, first.retry) == ("bridge:open", 2000)
            while next(events).event != "realtime:subscription_succeeded":
                pass
            sandbox.publish(channel, "news", "two\nlines ☃")
            event = next(events)
            assert (event.event, event.data) == ("news", "two\nlines ☃")
            last = event.id
        sandbox.publish(channel, "news", '{"n":2}')
        fields = {"Last-Event-ID": last}
        url = f"{daemon.url}/channels/{channel}/events"
        with httpx_sse.connect_sse(client, "GET", url, headers=fields) as source:
            events = source.iter_sse()
            assert [next(events).event, next(events).data] == ["bridge:open", '{"n":2}']


# contract: 3.4
def test_requests_with_sseclient(daemon, sandbox, name):
    channel = name()
    session = requests.Session()
    session.trust_env = False
    response = session.get(f"{daemon.url}/channels/{channel}/events", stream=True, timeout=SECONDS)
    events = sseclient.SSEClient(response).events()
    assert next(events).event == "bridge:open"
    while next(events).event != "realtime:subscription_succeeded":
        pass
    sandbox.publish(channel, "news", '{"n":1}')
    event = next(events)
    assert (event.event, event.data) == ("news", '{"n":1}')
    response.close()
    session.close()


NODE = """
const [url, trigger] = process.argv.slice(1);
const response = await fetch(url);
const text = response.body.pipeThrough(new TextDecoderStream());
let seen = "";
for await (const piece of text) {
  seen += piece;
  if (seen.includes("event: realtime:subscription_succeeded") && !globalThis.isTriggered) {
    globalThis.isTriggered = true;
    const answer = await fetch(trigger, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ event: "client-node", data: { from: "node" } }),
    });
    console.log(answer.status);
  }
  if (seen.includes("event: news")) break;
}
console.log(seen.split("\\n").find((line) => line.includes("big")));
process.exit(0);
"""


# contract: 2.4, 5.5
@pytest.mark.skipif(not shutil.which("node"), reason="there is no node")
def test_fetch_of_node(daemon, sandbox, name):  # §5: fetch from Node must not look like a page
    channel = name("private-")
    url = f"{daemon.url}/channels/{channel}/events"
    with Client(sandbox) as other:
        other.subscribe(channel)
        with subprocess.Popen(
            ["node", "--input-type=module", "-e", NODE, url, url], stdout=subprocess.PIPE, text=True
        ) as node:
            try:
                assert json.loads(other.until("client-node")["data"]) == {"from": "node"}
                sandbox.publish(channel, "news", '{"big":9223372036854775808}')
                assert node.stdout.read() == '202\ndata: {"big":9223372036854775808}\n'
                assert node.wait(SECONDS) == 0
            finally:
                node.kill()


# contract: 2.11, 4.15
def test_an_error_is_readable_in_curl(daemon):  # §4: detail says what to do
    done = subprocess.run(["curl", "-s", f"{daemon.url}/channels/none"], capture_output=True, text=True, timeout=20)
    assert json.loads(done.stdout)["code"] == "unknown_channel"
    problem(daemon.get("/channels/none"), 404, "unknown_channel")
