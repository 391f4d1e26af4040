import HTTPCodec
import HTTPServer

/// The page at `/`: how things stand, for a person with a browser. It asks for nothing but the daemon's own answers, so
/// that it works without internet, and its policy lets it do nothing else.
enum StatusPage {
  /// The answer. The hash of neither script nor style is known to the browser otherwise, hence `unsafe-inline`; nothing
  /// from outside is let in, and everything shown is set as text.
  static var response: HTTPResponse {
    var headers = HeaderFields()
    headers.append("Content-Type", "text/html; charset=utf-8")
    headers.append("Cache-Control", "no-store")
    headers.append(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    headers.append("Referrer-Policy", "no-referrer")
    return HTTPResponse(status: 200, headers: headers, body: [UInt8](html.utf8))
  }

  private static let html = """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>apinatord</title>
    <link rel="icon" href="data:,">
    <style>
    :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; --line: color-mix(in srgb, currentColor 18%, transparent) }
    body { max-width: 62rem; margin: 1.5rem auto; padding: 0 1rem }
    h1 { font-size: 1.3rem; margin: 0 } h2 { font-size: 1rem; margin: 1.5rem 0 .25rem }
    p { margin: .25rem 0 } p, th { opacity: .75 }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
    th { font-weight: 500; font-size: .85rem }
    th, td { text-align: left; vertical-align: top; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid var(--line) }
    tbody:empty::after { content: "none"; opacity: .6 }
    #events td { font: .85rem/1.5 ui-monospace, monospace; white-space: nowrap }
    #events td:last-child { white-space: normal; overflow-wrap: anywhere; width: 100% }
    .connected { color: light-dark(#176c2c, #6fd58a) } .unavailable, .disconnected, .error { color: light-dark(#a3221a, #ff8a80) }
    .connecting { color: light-dark(#8a5a00, #f0c060) }
    </style>
    <h1>apinatord</h1>
    <p id="summary" role="status">Asking…</p>
    <h2 id="apps-title">Apps</h2>
    <table aria-labelledby="apps-title">
    <thead><tr><th scope="col">App<th scope="col">State<th scope="col">Since<th scope="col">Attempts<th scope="col">Last error</thead>
    <tbody id="apps"></tbody></table>
    <h2 id="channels-title">Channels of the default app</h2>
    <table aria-labelledby="channels-title">
    <thead><tr><th scope="col">Channel<th scope="col">Type<th scope="col">Subscribed<th scope="col">Streams<th scope="col">Members</thead>
    <tbody id="channels"></tbody></table>
    <h2 id="events-title">Events of the default app</h2>
    <p id="live">Not streaming.</p>
    <table aria-labelledby="events-title">
    <thead><tr><th scope="col">Time<th scope="col">Channel<th scope="col">Event<th scope="col">Data</thead>
    <tbody id="events"></tbody></table>
    <script>
    const shown = 50, charactersMax = 300;
    const at = id => document.getElementById(id);
    const row = cells => {
      const line = document.createElement("tr");
      for (const cell of cells) {
        const place = line.appendChild(document.createElement("td"));
        place.textContent = cell?.text ?? cell ?? "";
        if (cell?.kind) place.className = cell.kind;
      }
      return line;
    };
    const put = (id, rows) => at(id).replaceChildren(...rows.map(row));
    const ask = async path => {
      const answer = await fetch(path);
      const body = await answer.json();
      if (!answer.ok) throw Object.assign(new Error(body.detail), { status: answer.status });
      return body;
    };
    let source, closed = false;
    const listen = () => {
      if (document.hidden || closed) { source?.close(); source = undefined; return; }
      if (source) return;
      source = new EventSource("events");
      source.onopen = () => at("live").textContent = "Streaming.";
      source.onerror = () => at("live").textContent = "Interrupted.";
      source.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        // The spelling of numbers would not survive being parsed.
        const text = data.match(/"data":([^]*?)(?:,"id":"[^"]*")?}$/)[1];
        const short = text.length > charactersMax ? text.slice(0, charactersMax) + "…" : text;
        at("events").prepend(row([new Date().toLocaleTimeString(), message.channel, message.event, short]));
        at("events").children[shown]?.remove();
      };
    };
    const refresh = async () => {
      try {
        const health = await ask("healthz");
        at("summary").textContent = `Version ${health.version}, up for ${health.uptime_seconds} s, ${health.status.replace("_", " ")}.`;
        put("apps", health.apps.map(a => [a.name, { text: a.state, kind: a.state }, new Date(a.since).toLocaleString(), a.attempts, a.last_error?.message]));
        if (closed) return;
        const { channels } = await ask("channels");
        put("channels", channels.map(c => [c.name, c.type, c.error ? { text: c.error.error, kind: "error" } : c.subscribed ? "yes" : "no", c.streams, c.member_count]));
        listen();
      } catch (error) {
        // With tokens this page, which has none, shows what needs none.
        closed = error.status === 401;
        at(closed ? "live" : "summary").textContent = closed ? "Channels and events need a token." : `No answer: ${error.message}`;
      }
    };
    document.addEventListener("visibilitychange", listen);
    refresh();
    setInterval(refresh, 2000);
    </script>
    </html>
    """
}
