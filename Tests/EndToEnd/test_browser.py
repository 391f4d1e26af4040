"""Chromium: an EventSource that resumes, and pages of other origins that get nowhere. The page at / is in test_page.py."""

import http.server
import json
import socket
import threading

import pytest

import browser
from deadline import poll
from peers import Client
from test_metrics import read

pytestmark = pytest.mark.skipif(not browser.PROGRAM, reason="there is no chromium")


@pytest.fixture
def open_page(chromium):
    pages = []

    def begin(url):
        pages.append(chromium.page(url))
        return pages[-1]

    yield begin
    for page in pages:
        page.close()


class Site:
    """A web server of somebody else's, on a port of its own: one page that does nothing by itself, and redirections."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer()

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer()

            def answer(self):
                if self.path.startswith("/redirect?"):
                    self.send_response(307)
                    self.send_header("Location", self.path.removeprefix("/redirect?"))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                page = b'<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,">'
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def site():
    server = Site()
    yield server
    server.close()


class Wire:
    """Passes bytes on to a port, and can be cut."""

    def __init__(self, port):
        self.target = port
        self.pairs = []
        self.is_cut = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
        except OSError:
            pass

    def cut(self):
        """Nothing passes any more, and nothing that was on its way arrives."""
        self.is_cut = True
        for pair in self.pairs:
            for end in pair:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.pairs = []

    def mend(self):
        self.is_cut = False

    def close(self):
        self.cut()
        self.listener.close()


# contract: 3.31, 3.40, 3.47, 5.6
def test_an_event_source_gets_everything_once_though_its_connection_is_cut(daemon, sandbox, open_page, name):
    channel = name()
    daemon.put(f"/channels/{channel}")
    poll(lambda: daemon.channel(channel)["subscribed"])
    wire = Wire(daemon.port)
    page = open_page(f"http://127.0.0.1:{wire.port}/")
    page.evaluate(f"""
        window.seen = [];
        window.reader = new EventSource("/channels/{channel}/events?format=message");
        reader.onmessage = event => seen.push(JSON.parse(event.data));
        null""")
    steps = "seen.filter(m => m.event === 'step').map(m => m.data.n)"
    opened = "seen.filter(m => m.event === 'bridge:open').length"
    page.wait(f"{opened} === 1")
    server = sandbox.server()
    for number in range(60):
        server.trigger("step", json.dumps({"n": number}), channel=channel)
        if number in (19, 39):
            page.wait(f"{steps}.length > {number - 10} && {opened} === {1 + number // 20}")
            wire.cut()
        elif number in (29, 49):
            wire.mend()
    page.wait(f"{steps}.length >= 60 && {opened} === 3", 30)
    assert page.evaluate(steps) == list(range(60))
    seen = page.evaluate("seen")
    assert seen[0]["event"] == "bridge:open" and seen[0]["data"]["channel"] == channel
    assert "bridge:gap" not in [message["event"] for message in seen]
    page.evaluate("reader.close()")
    wire.close()


# What a page can send without asking, and what it can try to read. Each attempt says what came of it.
ATTEMPTS = r"""
(async () => {
  const target = %(target)s, channel = %(channel)s, event = '{"event":"client-attack","data":1}';
  const events = `${target}/channels/${channel}/events`, results = {};
  const attempt = async (name, body) => {
    const late = new Promise(done => setTimeout(done, 4000, "nothing came"));
    try { results[name] = String(await Promise.race([body(), late])); } catch (error) { results[name] = error.name; }
  };
  const read = async answer => `${answer.type} ${answer.status} ${await answer.text()}`;
  const element = (tag, fields) => new Promise(done => {
    const made = Object.assign(document.createElement(tag), fields);
    made.onload = () => done("loaded"); made.onerror = () => done("refused");
    document.documentElement.append(made);
  });
  const form = (action, enctype, name, value) => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.name = `frame-${Math.random()}`;
    document.documentElement.append(frame);
    const made = Object.assign(document.createElement("form"), { action, enctype, method: "POST", target: frame.name });
    made.append(Object.assign(document.createElement("input"), { name, value }));
    document.documentElement.append(made);
    frame.onload = () => {
      let seen;
      try { seen = frame.contentDocument?.body.innerText ?? "opaque"; } catch (error) { seen = error.name; }
      if (seen) done(seen);  // else it is the empty page that it began with
    };
    made.submit();
  });
  const post = options => () => fetch(events, { method: "POST", body: event, ...options }).then(read);
  const json = { "Content-Type": "application/json" };
  await Promise.all([
    attempt("fetch", () => fetch(`${target}/connection`).then(read)),
    attempt("fetch a stream", () => fetch(events).then(read)),
    attempt("fetch with credentials", () => fetch(`${target}/connection`, { credentials: "include" }).then(read)),
    attempt("fetch no-cors", () => fetch(`${target}/connection`, { mode: "no-cors" }).then(read)),
    attempt("fetch of loopback", () => fetch(`${target}/connection`, { targetAddressSpace: "loopback" }).then(read)),
    attempt("post", post({})),
    attempt("post no-cors", post({ mode: "no-cors" })),
    attempt("post no-cors urlencoded", post({ mode: "no-cors", body: new URLSearchParams(event) })),
    attempt("post json", post({ headers: json })),
    attempt("post with a token", post({ headers: { ...json, Authorization: "Bearer x" } })),
    attempt("post keepalive", post({ mode: "no-cors", keepalive: true })),
    attempt("post of the data", () =>
      fetch(`${events}/client-attack`, { method: "POST", mode: "no-cors", body: "1" }).then(read)),
    attempt("put", () => fetch(`${target}/channels/${channel}`, { method: "PUT" }).then(read)),
    attempt("delete", () => fetch(`${target}/channels/${channel}?force=true`, { method: "DELETE" }).then(read)),
    attempt("disconnect", () =>
      fetch(`${target}/connection/disconnect`, { method: "POST", mode: "no-cors" }).then(read)),
    attempt("post by a redirection", () =>
      fetch(`/redirect?${events}`, { method: "POST", mode: "no-cors", body: event }).then(read)),
    attempt("frame without an origin", () => new Promise(done => {
      addEventListener("message", message => done(message.data));
      const script = `fetch("${events}", { method: "POST", mode: "no-cors", body: ${JSON.stringify(event)} })
        .then(a => a.type + " " + a.status + " ", e => e.name).then(said => parent.postMessage(said, "*"))`;
      const frame = Object.assign(document.createElement("iframe"), { srcdoc: `<script>${script}<\/script>` });
      frame.sandbox = "allow-scripts";
      document.documentElement.append(frame);
    })),
    attempt("beacon", () => navigator.sendBeacon(events, new Blob([event], { type: "text/plain" })) && "sent"),
    attempt("EventSource", () => new Promise(done => {
      const source = new EventSource(`${events}?format=message`);
      source.onopen = () => done("open"); source.onmessage = message => done(message.data);
      source.onerror = () => { source.close(); done("refused"); };
    })),
    attempt("WebSocket", () => new Promise(done => {
      const made = new WebSocket(events.replace("http", "ws"));
      made.onopen = () => done("open"); made.onerror = () => done("refused");
    })),
    attempt("img", () => element("img", { src: `${events}?format=message` })),
    attempt("script", () => element("script", { src: `${target}/connection` })),
    attempt("style", () => element("link", { rel: "stylesheet", href: `${target}/metrics` })),
    attempt("iframe", () => form(`${target}/`, "text/plain", "a", "b")),
    attempt("form text/plain", () => form(events, "text/plain", '{"event":"client-attack","data":{"a":"', '"}}')),
    attempt("form urlencoded", () => form(`${events}/client-attack`, "application/x-www-form-urlencoded", "a", "b")),
    attempt("form multipart", () => form(`${events}/client-attack`, "multipart/form-data", "a", "b")),
  ]);
  return results;
})()
"""

# None of these words is in an answer of ours to anybody but a caller who may.
HARMLESS = {"TypeError", "refused", "opaque", "opaque 0 ", "sent", "SecurityError", "NotSupportedError", "nothing came"}


# contract: 5.4, 5.5, 5.9
@pytest.mark.parametrize(("page_host", "target_host"), [("localhost", "localhost"), ("127.0.0.1", "localhost")])
def test_a_page_of_another_origin_gets_nowhere(run, sandbox, site, open_page, name, page_host, target_host):
    daemon, channel = run(app='linger = "0s"'), name("private-")
    socket_id = daemon.connection()["socket_id"]
    with Client(sandbox) as other:
        other.subscribe(channel)
        page = open_page(f"http://{page_host}:{site.port}/")
        target = f"http://{target_host}:{daemon.port}"
        results = page.evaluate(ATTEMPTS % {"target": json.dumps(target), "channel": json.dumps(channel)}, 20)
        assert len(results) == 27
        assert {attempt: said for attempt, said in results.items() if said not in HARMLESS} == {}
        # They arrived, and were refused.
        _, samples = read(daemon)
        assert samples['apinatord_refused_total{reason="origin_not_allowed"}'] >= 20
        # Nothing came of them, upstream or here.
        assert daemon.connection()["socket_id"] == socket_id
        assert daemon.get("/channels").json() == {"channels": []}
        assert daemon.trigger(channel, "client-marker", 1).status_code == 202
        message = other.receive()
        assert message["event"] == "client-marker", message


@pytest.fixture
def welcoming(run, site, tmp_path):
    """A daemon that lets the page of `site` in, with a token."""
    secret = tmp_path / "token"
    secret.write_text("a-secret-of-some-length")
    secret.chmod(0o600)
    token = f'[[token]]\nname = "page"\nsecret = {{ file = "{secret}" }}\nallow = ["read", "trigger"]\n'
    return run(top=f'allowed_origins = ["http://localhost:{site.port}"]', rest=token, connected=False)


# contract: 3.44, 5.7, 5.8
def test_the_page_of_an_allowed_origin_works(welcoming, sandbox, site, open_page, name):
    channel = name("private-")
    with Client(sandbox) as other:
        other.subscribe(channel)
        page = open_page(f"http://localhost:{site.port}/")
        page.evaluate(f"""
            window.target = "http://localhost:{welcoming.port}";
            window.events = target + "/channels/{channel}/events";
            window.headers = {{ Authorization: "Bearer a-secret-of-some-length" }};
            window.tell = body => fetch(events, {{ method: "POST", body: JSON.stringify(body),
              headers: {{ ...headers, "Content-Type": "application/json" }} }});
            null""")
        connected = "fetch(target + '/connection', { headers }).then(a => a.json()).then(c => c.state === 'connected')"
        page.wait(connected)
        # A preflight comes first, since neither the type nor the token is what a form could send.
        assert page.evaluate("tell({ event: 'client-page', data: { from: 'page' } }).then(a => a.status)") == 202
        assert json.loads(other.until("client-page")["data"]) == {"from": "page"}
        # Errors can be read as well, and the fields that it needs.
        assert page.evaluate("tell({ event: 'wrong', data: 1 }).then(a => a.json()).then(p => p.code)") == (
            "event_not_allowed")  # fmt: skip
        assert page.evaluate("fetch(events).then(a => a.status)") == 401
        last = page.evaluate("fetch(target + '/channels', { headers }).then(a => a.headers.get('Last-Event-ID'))")
        assert last
        # A stream, from there on.
        page.evaluate(f"""
            window.text = "";
            fetch(events, {{ headers: {{ ...headers, "Last-Event-ID": "{last}" }} }}).then(async answer => {{
              for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) text += piece;
            }});
            null""")
        page.wait("text.includes('event: bridge:open')")
        sandbox.publish(channel, "news", '{"n":9223372036854775808}')
        page.wait("text.includes('data: {\"n\":9223372036854775808}')")


# contract: 3.47, 5.7
def test_an_event_source_of_an_allowed_origin_works(run, sandbox, site, open_page, name):
    channel = name()
    daemon = run(top=f'allowed_origins = ["http://localhost:{site.port}"]')
    page = open_page(f"http://localhost:{site.port}/")
    page.evaluate(f"""
        window.seen = [];
        const source = new EventSource("http://localhost:{daemon.port}/channels/{channel}/events");
        for (const name of ["bridge:open", "realtime:subscription_succeeded", "news"])
          source.addEventListener(name, event => seen.push([event.type, event.data]));
        null""")
    page.wait("seen.length === 2")
    sandbox.publish(channel, "news", "two\nlines")
    page.wait("seen.length === 3")
    assert page.evaluate("seen")[2] == ["news", "two\nlines"]
    # The same page under another name is another origin.
    other = open_page(f"http://127.0.0.1:{site.port}/")
    attempt = f"fetch('http://localhost:{daemon.port}/connection').then(() => 'read', error => error.name)"
    assert other.evaluate(attempt) == "TypeError"
    assert page.evaluate(attempt) == "read"


# contract: 5.1, 5.9
def test_a_name_of_an_attackers_that_leads_here_is_421(daemon, open_page):
    page = open_page(f"http://evil.test:{daemon.port}/connection")
    assert json.loads(page.evaluate("document.body.innerText"))["code"] == "host_not_allowed"
    # To the browser this is the bridge's own origin now; it still gets nothing.
    assert page.evaluate("location.origin") == f"http://evil.test:{daemon.port}"
    for path in ("/connection", "/healthz", "/channels/x/events"):
        assert page.evaluate(f"fetch('{path}').then(answer => answer.status)") == 421
    post = "fetch('/channels/private-x/events', { method: 'POST', body: '{\"event\":\"client-x\",\"data\":1}' })"
    assert page.evaluate(f"{post}.then(answer => answer.status)") == 421
