// The script, in parts that are read in this order. It sets text and attributes, never markup.

extension StatusPage {
  /// How the daemon is asked, and how rows come into a table.
  static let base = #"""

    const pollEvery = 2000, answerWithin = 10000, channelsShown = 200, membersShown = 200;
    const at = id => document.getElementById(id);

    // What is shown is touched only where it differs, so that focus, selections and screen readers stay where they are.
    const say = (node, text) => { if (node.textContent !== text) node.textContent = text; };
    const show = (node, isShown) => { if (node.hidden === isShown) node.hidden = !isShown; };
    const tell = (id, text) => { say(at(id), text); show(at(id), text !== ""); };
    const press = (button, isPressed) => button.setAttribute("aria-pressed", String(isPressed));

    const two = number => String(number).padStart(2, "0");
    const clock = date => `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    const moment = date => {
      const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} `;
      return (date.toDateString() === new Date().toDateString() ? "" : day) + clock(date);
    };
    const span = seconds => {
      const s = Math.max(0, Math.round(seconds));
      if (s < 60) return `${s} s`;
      if (s < 3600) return `${Math.floor(s / 60)} min`;
      if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
      return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
    };
    const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

    // The token is here and nowhere else.
    let token = "", isLocked = false, app = "", isPaused = false;
    const ofChannel = (name, path) => inApp(`channels/${encodeURIComponent(name)}/${path}`);
    const inApp = path => `apps/${encodeURIComponent(app)}/${path}`;

    // What the daemon answered in place of what was asked for; anything else that is thrown means that it did not answer.
    class Refusal extends Error {
      constructor(status, detail, retryAfter) {
        super(detail);
        this.status = status;
        this.pause = retryAfter * 1000 || 0;
      }
    }
    const ask = async (path, { headers = {}, signal = AbortSignal.timeout(answerWithin), ...options } = {}) => {
      const fields = token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
      const answer = await fetch(path, { cache: "no-store", redirect: "error", headers: fields, signal, ...options });
      if (answer.ok) return answer;
      const problem = await answer.json().catch(() => null);
      if (!problem?.detail && answer.status >= 500) throw new Error(`${answer.status} from something before the daemon`);
      throw new Refusal(answer.status, problem?.detail ?? `status ${answer.status}`, answer.headers.get("Retry-After"));
    };
    const read = path => ask(path).then(answer => answer.json());
    const sentence = text => `${text[0].toUpperCase()}${text.slice(1)}.`;

    // What was refused is not asked for again, until something about that may have changed.
    const denied = new Map();
    const forgive = () => { denied.clear(); isLocked = false; };
    const attempt = async (path, succeeded, refused) => {
      if (isLocked) return refused("a token is needed, see Access");
      if (denied.has(path)) return refused(denied.get(path));
      const asked = app;
      let value;
      try { value = await succeeded.read(path); } catch (error) {
        if (!(error instanceof Refusal) || asked !== app) return;
        if (error.status === 401) lock(error);
        if (error.status === 403) denied.set(path, error.message);
        return refused(error.message);
      }
      if (asked === app) succeeded.show(value);
    };
    const lock = error => {
      isLocked = true;
      show(at("access"), true);
      say(at("access-reason"), token ? `The daemon refused the token (401): ${error.message}.` :
        "Channels, events and figures need a token (401): enter the secret of a [[token]] of the configuration.");
      summarize();
    };

    // Rows stay the elements that they were.
    const rowWith = key => {
      const row = document.createElement("tr");
      row.role = "row";
      row.dataset.key = key;
      return row;
    };
    const cell = (row, index, text, label, kind = "") => {
      let place = row.cells[index];
      if (!place) {
        place = row.appendChild(document.createElement("td"));
        place.role = "cell";
        if (label) place.dataset.label = label;
      }
      if (text !== undefined) say(place, String(text ?? ""));
      if (place.className !== kind) place.className = kind;
      return place;
    };
    const sync = (body, items, key, fill) => {
      const wanted = new Map(items.map(item => [key(item), item]));
      const kept = new Map();
      for (const row of [...body.rows]) {
        if (wanted.has(row.dataset.key)) kept.set(row.dataset.key, row); else row.remove();
      }
      let index = 0;
      for (const [name, item] of wanted) {
        const row = kept.get(name) ?? rowWith(name);
        fill(row, item);
        if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
        index += 1;
      }
    };

    """#
}
