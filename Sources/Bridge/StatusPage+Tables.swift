extension StatusPage {
  /// The summary, the apps, the channels and the members.
  static let tables = #"""

    let health = null, lastAnswer = null, isAway = false;

    const states = () => health.apps.map(a => `${a.name} ${a.state}`).join(", ");
    const summarize = () => {
      document.body.classList.toggle("away", isAway);
      const summary = at("summary");
      if (isAway) {
        document.title = "apinatord: no answer";
        summary.className = "state unavailable";
        const since = lastAnswer ? ` since ${moment(lastAnswer)}; what is shown is from then` : "";
        return say(summary, `No answer from the daemon${since}. Trying again.`);
      }
      if (!health) return;
      const isReady = health.status === "ready", readiness = isReady ? "Ready" : "Not ready";
      summary.className = isReady ? "state connected" : "state connecting";
      document.title = `apinatord: ${readiness.toLowerCase()}`;
      const locked = isLocked ? " A token is needed for the rest." : "";
      say(summary, `${readiness}: ${states()}.${isPaused ? " Paused." : ""}${locked}`);
    };

    const figures = () => {
      const found = [["Version", health.version], ["Up", span(health.uptime_seconds)], ...measured()];
      const list = at("figures");
      while (list.children.length > found.length) list.lastChild.remove();
      found.forEach(([name, value], index) => {
        let pair = list.children[index];
        if (!pair) {
          pair = list.appendChild(document.createElement("div"));
          pair.append(document.createElement("dt"), document.createElement("dd"));
        }
        say(pair.firstChild, name);
        say(pair.lastChild, value);
      });
    };

    const showApps = () => {
      sync(at("apps"), health.apps, a => a.name, (row, a) => {
        const since = new Date(a.since);
        const next = a.next_attempt_in === undefined ? "" : `in ${span(a.next_attempt_in)}`;
        const error = a.last_error;
        const code = error?.code == null ? "" : `${error.code} `;
        cell(row, 0, a.name);
        cell(row, 1, a.state, "State", `state ${a.state}`);
        cell(row, 2, `${moment(since)} (${span((Date.now() - since) / 1000)})`, "Since");
        cell(row, 3, a.attempts, "Attempts", "number");
        cell(row, 4, next, "Next attempt");
        cell(row, 5, error && `${code}${error.message} (${moment(new Date(error.at))})`, "Last error");
      });
      const names = health.apps.map(a => a.name), choice = at("app");
      if (names.join("\n") !== [...choice.options].map(o => o.value).join("\n")) {
        choice.replaceChildren(...names.map(name => new Option(name, name)));
      }
      choice.value = app;
      show(at("app-choice"), names.length > 1);
    };

    // The app that is shown first: the default one, or one that the caller may read.
    const chooseApp = async () => {
      let readable = [];
      try { readable = (await read("apps")).apps; } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (error.status === 401) lock(error);
      }
      const first = readable.find(a => a.default) ?? readable[0] ?? health.apps[0];
      changeApp(first?.name ?? "");
    };
    const begun = Promise.withResolvers();
    const changeApp = name => {
      // What was typed before the first answer stays.
      if (app) at("name").value = "";
      app = name;
      begun.resolve();
      watch(null);
      forgetRate();
      at("channels").replaceChildren();
      say(at("channels-caption"), "Not known yet.");
    };

    const showChannels = ({ channels }) => {
      const typed = at("name").value, shown = channels.slice(0, channelsShown);
      const confirmed = channels.filter(c => c.subscribed).length;
      const rest = channels.length - shown.length;
      const which = typed && ` beginning with “${typed}”`;
      say(at("channels-caption"), channels.length === 0 ? `No channel${which} is known; type a name and watch it.` :
        `${counted(channels.length, "channel")}${which}, ${confirmed.toLocaleString("en")} subscribed` +
        `${rest > 0 ? `; the first ${channelsShown} are shown` : ""}.`);
      sync(at("channels"), shown, c => c.name, (row, c) => {
        const place = cell(row, 0);
        let button = place.firstChild;
        if (!button) {
          button = place.appendChild(document.createElement("button"));
          button.type = "button";
          button.textContent = c.name;
          button.addEventListener("click", () => watch(watched?.name === c.name ? null : c.name));
        }
        press(button, watched?.name === c.name);
        cell(row, 1, c.type, "Type");
        const refusal = c.error && `refused: ${c.error.status ?? ""} ${c.error.error}`;
        const subscribed = c.subscribed ? `yes${c.pinned ? ", pinned" : ""}` : refusal ?? "not yet";
        cell(row, 2, subscribed, "Subscribed", c.subscribed ? "" : c.error ? "bad" : "warn");
        cell(row, 3, c.streams, "Streams", "number");
        cell(row, 4, c.member_count, "Members", "number");
      });
    };
    const refreshChannels = () => {
      const typed = at("name").value.trim();
      const path = inApp(`channels${typed && `?${new URLSearchParams({ prefix: typed })}`}`);
      return attempt(path, { read, show: showChannels }, reason => {
        at("channels").replaceChildren();
        say(at("channels-caption"), sentence(reason));
      });
    };

    // Numbers that JavaScript would spell otherwise are kept as they are, where the browser can.
    const readExactly = async path => {
      const text = await (await ask(path)).text();
      return !JSON.rawJSON ? JSON.parse(text) : JSON.parse(text, (_, value, { source }) =>
        typeof value === "number" && String(value) !== source ? JSON.rawJSON(source) : value);
    };
    const showMembers = ({ count, me, members }) => {
      const own = me ? `; this daemon is ${me.user_id}` : "";
      const rest = count > membersShown ? `; the first ${membersShown} are shown` : "";
      say(at("members-caption"), `${counted(count, "member")}${own}${rest}.`);
      sync(at("members"), members.slice(0, membersShown), m => m.user_id, (row, m) => {
        cell(row, 0, m.user_id);
        cell(row, 1, m.user_info === null ? "" : JSON.stringify(m.user_info));
      });
    };
    const refreshMembers = async () => {
      const name = watched?.name;
      show(at("member-list"), Boolean(name?.startsWith("presence-")));
      if (at("member-list").hidden) return;
      if (!watched.isConfirmed) {
        at("members").replaceChildren();
        return say(at("members-caption"), "Known once the subscription is confirmed.");
      }
      const isStill = shown => value => { if (watched?.name === name) shown(value); };
      await attempt(ofChannel(name, "members"), { read: readExactly, show: isStill(showMembers) }, isStill(reason => {
        at("members").replaceChildren();
        say(at("members-caption"), sentence(reason));
      }));
    };

    """#
}
