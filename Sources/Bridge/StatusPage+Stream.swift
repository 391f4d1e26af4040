extension StatusPage {
  /// The stream of the channel that is watched, and the rows of its events.
  static let stream = #"""

    const retryAfter = 2000, silenceMax = 40000, drawEvery = 100;
    const rowsMax = 200, charactersMax = 4000000, shortened = 240;
    const gaps = {
      upstream_reconnect: "the connection to Apinator was lost, and what was sent meanwhile did not come",
      evicted: "what came in between is no longer kept",
      unknown_id: "the daemon does not know where this page left off, as after a restart",
      slow_consumer: "this page read too slowly",
      too_large: "an event over max_event_bytes was skipped",
    };

    // What is watched: a channel, or all of the app when the name is null.
    let watched = null;
    let waiting = [], drawTimer = null;

    const tellLive = (text, kind = "") => {
      say(at("live"), text);
      at("live").className = kind && `state ${kind}`;
    };

    const watch = (name, isAll = false) => {
      watched?.abort.abort();
      watched = name === null && !isAll ? null : { name, abort: new AbortController(), last: "", earlier: "", isConfirmed: false, isOver: false };
      waiting = [];
      streamed = 0;
      at("events").replaceChildren();
      at("members").replaceChildren();
      say(at("members-caption"), "Not known yet.");
      say(at("watched"), watched ? ` of ${name ?? "all channels"}` : "");
      at("event-table").className = name === null ? "" : "one";
      show(at("event-scroll"), watched !== null);
      show(at("stop"), watched !== null);
      press(at("all"), isAll);
      for (const row of at("channels").rows) press(row.cells[0].firstChild, row.dataset.key === watched?.name);
      if (watched) tellLive("Connecting…", "connecting"); else tellLive("Not watching; choose a channel.");
      say(at("sent"), "");
      gate();
      if (watched) follow(watched);
      refreshMembers();
    };

    const sleep = (milliseconds, signal) => new Promise(done => {
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
    });

    // Reads until it is told to stop. Each connection goes on after the last event that was seen.
    const follow = async one => {
      const path = one.name === null ? inApp("events") : ofChannel(one.name, "events"), { signal } = one.abort;
      while (!signal.aborted && !one.isOver) {
        let pause = retryAfter, why = "the stream ended";
        try { await readStream(one, path); } catch (error) {
          if (signal.aborted) return;
          if (error instanceof Refusal) {
            if (error.status === 401) lock(error);
            if (error.status < 500 && error.status !== 429) return tellLive(`Refused (${error.status}): ${error.message}.`, "unavailable");
            pause = Math.max(pause, error.pause);
          }
          why = error instanceof TypeError ? "the connection was lost" : error.message;
        }
        if (signal.aborted || one.isOver) return;
        tellLive(`Interrupted: ${why}. Trying again.`, "connecting");
        if (!isPaused) poll();
        await sleep(pause, signal);
      }
    };

    const readStream = async (one, path) => {
      // What is kept up to here came before anybody looked.
      if (!one.last) one.earlier = (await ask(inApp("connection"))).headers.get("Last-Event-ID") ?? "";
      const connection = new AbortController(), stop = () => connection.abort(new Error("the daemon fell silent"));
      one.abort.signal.addEventListener("abort", () => connection.abort(), { once: true, signal: connection.signal });
      const headers = { Accept: "application/x-ndjson", ...(one.last && { "Last-Event-ID": one.last }) };
      let timer = setTimeout(stop, silenceMax);
      try {
        const answer = await ask(one.last ? path : `${path}?since=15m`, { headers, signal: connection.signal });
        tellLive("Streaming.", "connected");
        one.last ||= one.earlier;
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let rest = "";;) {
          const { done, value } = await reader.read();
          if (done) return;
          clearTimeout(timer);
          timer = setTimeout(stop, silenceMax);
          const lines = (rest + value).split("\n");
          rest = lines.pop();
          for (const line of lines) if (line && !one.abort.signal.aborted) take(one, line);
        }
      } finally {
        clearTimeout(timer);
        connection.abort();
      }
    };

    const take = (one, line) => {
      const message = JSON.parse(line);
      if (message.id) one.last = message.id;
      if (message.event === "bridge:open") {
        one.isConfirmed = message.data.subscribed;
        return refreshMembersSoon();
      }
      if (message.event === "bridge:unsubscribed" && message.channel === one.name) {
        one.isOver = true;
        tellLive("Somebody removed the channel by force, and its streams ended. Watch it again to subscribe again.", "disconnected");
      }
      if (!message.event.startsWith("bridge:")) streamed += 1;
      if (/^realtime:(member_|subscription_)/.test(message.event)) refreshMembersSoon();
      if (message.event === "realtime:subscription_succeeded") one.isConfirmed = true;
      if (message.event === "realtime:subscription_error") one.isConfirmed = false;
      if (message.event === "state_change") {
        one.isConfirmed = false;
        if (!isPaused) poll();
      }
      // The spelling of numbers would not survive being parsed.
      const data = line.slice(line.indexOf('"data":') + 7, message.id ? line.lastIndexOf(',"id":"') : -1);
      waiting.push({ message, data, received: isEarlier(one, message.id) ? "earlier" : clock(new Date()) });
      if (waiting.length > rowsMax) waiting.shift();
      drawSoon();
    };

    // An id is {epoch}-{sequence}.
    const isEarlier = (one, id) => {
      const [epoch, sequence] = (id ?? "").split("-"), [other, end] = one.earlier.split("-");
      return epoch === other && Number(sequence) <= Number(end);
    };

    let membersTimer = null;
    const refreshMembersSoon = () => {
      membersTimer ??= setTimeout(() => { membersTimer = null; if (!isPaused) refreshMembers(); }, drawEvery);
    };

    const drawSoon = () => { drawTimer ??= setTimeout(drawEvents, drawEvery); };
    const drawEvents = () => {
      drawTimer = null;
      say(at("events-caption"), `Newest first; the last ${rowsMax} stay on this page.` + (isPaused && waiting.length ? ` ${waiting.length} wait.` : ""));
      // A tab that nobody sees takes them up when it is seen again.
      if (isPaused || document.hidden) return;
      const body = at("events");
      body.prepend(...waiting.reverse().map(eventRow));
      waiting = [];
      let characters = 0;
      for (const row of [...body.rows]) {
        characters += row.characters;
        if (row.sectionRowIndex >= rowsMax || characters > charactersMax && row.sectionRowIndex > 0) row.remove();
      }
    };

    const eventRow = ({ message, data, received }) => {
      const row = rowWith("");
      row.characters = data.length;
      if (message.event === "bridge:gap") {
        const { reason } = message.data, where = message.channel && watched?.name === null ? ` of ${message.channel}` : "";
        row.className = "gap";
        const place = cell(row, 0, `Gap: events${where} may be missing here; ${gaps[reason] ?? "the reason is new to this page"} (${reason}).`);
        place.colSpan = 4;
        return row;
      }
      if (/^(bridge|realtime):|^state_change$/.test(message.event)) row.className = "own";
      cell(row, 0, received, "", "when");
      cell(row, 1, message.channel, "", "of-channel");
      breakable(cell(row, 2), message.event);
      fillData(cell(row, 3), data);
      return row;
    };

    // A long name is broken where its parts end.
    const breakable = (place, name) => {
      for (const part of name.split(/(?<=[:_.\/-])/)) place.append(part, document.createElement("wbr"));
    };

    const fillData = (place, data) => {
      if (data.length <= shortened) return say(place, data);
      const short = `${data.slice(0, shortened)}…`, text = document.createTextNode(short), button = document.createElement("button");
      button.type = "button";
      button.textContent = `Show all ${data.length.toLocaleString("en")} characters`;
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => {
        const isOpen = button.getAttribute("aria-expanded") !== "true";
        button.setAttribute("aria-expanded", String(isOpen));
        text.data = isOpen ? data : short;
      });
      place.append(text, button);
    };

    """#
}
