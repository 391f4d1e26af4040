extension StatusPage {
  /// The form that triggers a client event, and the rest of what a person can do.
  static let clientEvents = #"""

    // Channels that the daemon said the caller may not trigger on, with its words.
    const untriggerable = new Map();
    const takesClientEvents = name => /^(private|presence)-/.test(name);

    // Says why not, or opens the form.
    const gate = () => {
      const name = watched?.name, reason =
        !name ? "Watch a private or presence channel to send to it." :
        !takesClientEvents(name) ? `${name} is public: only private and presence channels take client events.` :
        untriggerable.get(inApp(name));
      say(at("trigger-reason"), reason ?? `To the other members of ${name}; Apinator does not return it to this daemon.`);
      at("trigger-reason").className = reason ? "" : "hint";
      at("trigger-fields").disabled = reason !== undefined;
    };

    const fault = (field, text) => {
      tell(`${field.id}-fault`, text);
      if (text) field.setAttribute("aria-invalid", "true"); else field.removeAttribute("aria-invalid");
      return text !== "";
    };
    const checkEvent = () => fault(at("event"), at("event").value.startsWith("client-") ? "" : "The name of a client event begins with client-.");
    const checkData = () => {
      let text = "";
      try { JSON.parse(at("data").value); } catch (error) { text = `Not JSON: ${error.message}`; }
      return fault(at("data"), text);
    };

    let isSending = false;
    const send = async () => {
      const faults = [checkEvent() && at("event"), checkData() && at("data")].filter(Boolean);
      if (faults.length) return faults[0].focus();
      if (isSending) return;
      const name = watched.name, place = inApp(name), event = at("event").value;
      isSending = true;
      say(at("sent"), "Sending…");
      let outcome, kind = "bad";
      try {
        // The data goes as it was typed: the spelling of numbers would not survive being parsed.
        const body = `{"event":${JSON.stringify(event)},"data":${at("data").value}}`;
        await ask(ofChannel(name, "events"), { method: "POST", body, headers: { "Content-Type": "application/json" } });
        outcome = `Sent ${event} to ${name} at ${clock(new Date())}.`;
        kind = "good";
      } catch (error) {
        outcome = error instanceof Refusal ? `Refused (${error.status}): ${error.message}.` : `No answer: ${error.message}.`;
        if (error.status === 401) lock(error);
        if (error.status === 403) untriggerable.set(place, outcome);
      }
      isSending = false;
      if (watched?.name !== name) return;
      at("sent").className = kind;
      say(at("sent"), outcome);
      gate();
      // The focus was in the form, which is gone now.
      if (at("trigger-fields").disabled) { say(at("sent"), ""); at("trigger-reason").focus(); }
    };

    """#

  /// Wires the controls and begins.
  static let start = #"""

    const showAway = () => {
      isAway = true;
      summarize();
      draw();
    };
    const refresh = async () => {
      let answer;
      try { answer = await read("healthz"); } catch (error) { return showAway(); }
      // Another life of the daemon may be configured differently.
      if (health && answer.uptime_seconds < health.uptime_seconds) { forgive(); untriggerable.clear(); }
      health = answer;
      lastAnswer = new Date();
      isAway = false;
      try {
        if (!health.apps.some(a => a.name === app)) await chooseApp();
      } catch (error) { return showAway(); }
      showApps();
      summarize();
      figures();
      await Promise.all([refreshChannels(), refreshMembers(), refreshRate()]);
    };

    let pollTimer = null, isPolling = false, isDue = false;
    const poll = async () => {
      if (isPolling) { isDue = true; return; }
      clearTimeout(pollTimer);
      isPolling = true;
      const began = performance.now();
      try {
        do { isDue = false; await refresh(); } while (isDue);
      } finally {
        isPolling = false;
      }
      // What takes long, such as a long list, is asked for less often; a daemon that is away is not.
      const wait = isAway ? pollEvery : Math.min(10000, Math.max(pollEvery, 4 * (performance.now() - began)));
      if (!document.hidden && !isPaused) pollTimer = setTimeout(poll, wait);
    };

    document.addEventListener("visibilitychange", () => {
      clearTimeout(pollTimer);
      if (document.hidden || isPaused) return;
      drawSoon();
      poll();
    });
    at("pause").addEventListener("click", () => {
      isPaused = !isPaused;
      press(at("pause"), isPaused);
      summarize();
      drawSoon();
      clearTimeout(pollTimer);
      if (!isPaused) poll();
    });
    at("app").addEventListener("change", () => { changeApp(at("app").value); poll(); });
    at("name").addEventListener("input", () => { fault(at("name"), ""); poll(); });
    at("choose").addEventListener("submit", async event => {
      event.preventDefault();
      const name = at("name").value.trim(), isName = /^[A-Za-z0-9_=@,.;-]{1,200}$/.test(name);
      if (fault(at("name"), isName ? "" : "A channel name is 1 to 200 characters of A-Z a-z 0-9 _ - = @ , . ;")) return at("name").focus();
      await begun.promise;
      at("name").value = "";
      watch(name);
      poll();
    });
    at("all").addEventListener("click", () => begun.promise.then(() => watch(null, watched?.name !== null)));
    at("stop").addEventListener("click", () => { watch(null); at("events-title").focus(); });
    at("trigger").addEventListener("submit", event => { event.preventDefault(); send(); });
    at("event").addEventListener("change", checkEvent);
    at("data").addEventListener("change", checkData);

    const useToken = text => {
      token = text;
      forgive();
      untriggerable.clear();
      show(at("forget"), token !== "");
      say(at("access-reason"), token ? "A token is in use." : "No token is in use.");
      if (watched) watch(watched.name, watched.name === null); else gate();
      summarize();
      poll();
    };
    at("token-form").addEventListener("submit", event => {
      event.preventDefault();
      const text = at("token").value.trim();
      at("token").value = "";
      if (!/^[\x21-\x7e]+$/.test(text)) return say(at("access-reason"), "A token has no spaces and only ASCII characters.");
      useToken(text);
    });
    at("forget").addEventListener("click", () => { useToken(""); at("token").focus(); });

    gate();
    poll();

    """#
}
