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
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
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
    <style>
    :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
    body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
    table { border-collapse: collapse; width: 100% }
    th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
    td.number { font-variant-numeric: tabular-nums }
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
    <script>
    const put = (id, rows) => document.getElementById(id).replaceChildren(...rows.map(cells => {
      const row = document.createElement("tr");
      for (const cell of cells) row.appendChild(document.createElement("td")).textContent = cell ?? "";
      return row;
    }));
    const ask = async path => {
      const answer = await fetch(path);
      const body = await answer.json();
      if (!answer.ok && !body.apps) throw new Error(body.detail);
      return body;
    };
    const refresh = async () => {
      const summary = document.getElementById("summary");
      try {
        const health = await ask("healthz");
        summary.textContent = `Version ${health.version}, up for ${health.uptime_seconds} s, ${health.status.replace("_", " ")}.`;
        put("apps", health.apps.map(a => [a.name, a.state, a.since, a.attempts, a.last_error?.message]));
        const { channels } = await ask("channels");
        put("channels", channels.map(c => [c.name, c.type, c.subscribed ? "yes" : c.error?.error ?? "no", c.streams, c.member_count]));
      } catch (error) {
        summary.textContent = `No answer: ${error.message}`;
      }
    };
    refresh();
    setInterval(refresh, 2000);
    </script>
    </html>
    """
}
