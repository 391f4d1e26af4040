extension StatusPage {
  /// The rate of events: from the metrics where they may be read, else of the stream that is read.
  static let plot = #"""

    const plotted = 120000, plotWidth = 600, plotHeight = 100;
    let samples = [], counter = null, totals = null, streamed = 0, rateSource = "";

    const forgetRate = () => { samples = []; counter = null; totals = null; streamed = 0; rateSource = ""; };

    // The value of each app in a family of the text exposition, summed over its other labels.
    const byApp = (text, family) => {
      const found = new Map();
      const line = new RegExp(`^${family}\\{app="((?:[^"\\\\]|\\\\.)*)"[^}]*\\} (\\S+)$`, "gm");
      for (const [, label, value] of text.matchAll(line)) {
        const name = label.replace(/\\(.)/g, (_, escaped) => escaped === "n" ? "\n" : escaped);
        found.set(name, (found.get(name) ?? 0) + Number(value));
      }
      return found;
    };

    const note = (source, count) => {
      const now = performance.now();
      if (source !== rateSource) { samples = []; counter = null; rateSource = source; }
      // Over a pause or a restart there is no rate to tell.
      if (counter && count >= counter.count && now - counter.at < 4 * pollEvery) {
        samples.push({ from: counter.at, to: now, rate: (count - counter.count) * 1000 / (now - counter.at) });
      }
      counter = { at: now, count };
      while (samples.length && samples[0].to < now - plotted) samples.shift();
    };

    const rounded = rate => rate === 0 || rate >= 10 ? Math.round(rate).toLocaleString("en") : rate.toFixed(1);
    const ceiling = rate => {
      const power = 10 ** Math.floor(Math.log10(Math.max(rate, 1)));
      return [1, 1.5, 2, 3, 4, 6, 8, 10].map(step => step * power).find(top => top >= rate);
    };
    const draw = () => {
      const now = performance.now(), peak = Math.max(0, ...samples.map(s => s.rate)), top = ceiling(peak);
      const x = time => (plotWidth * (1 - (now - time) / plotted)).toFixed(1);
      const y = rate => ((plotHeight - 1) * (1 - rate / top) + .5).toFixed(1);
      let line = "", area = "", before = null;
      for (const s of samples) {
        const left = x(s.from), right = x(s.to);
        line += `${before === s.from ? "L" : "M"}${left} ${y(s.rate)}H${right}`;
        area += `M${left} ${plotHeight}V${y(s.rate)}H${right}V${plotHeight}Z`;
        before = s.to;
      }
      at("line").setAttribute("d", line);
      at("area").setAttribute("d", area);
      say(at("plot-top"), samples.length ? `${top.toLocaleString("en")}/s` : "");
      const last = samples.at(-1);
      say(at("rate-now"), last ? `${now - last.to < 3 * pollEvery ? `Now ${rounded(last.rate)}` : "Not measured now"}, at most ${rounded(peak)} in the last 2 minutes.` : "Nothing measured yet.");
    };

    const refreshRate = async () => {
      const readText = path => ask(path).then(answer => answer.text());
      await attempt("metrics", { read: readText, show: text => {
        totals = text;
        note("metrics", byApp(text, "apinatord_events_total").get(app) ?? 0);
        say(at("rate-source"), `What app ${app} received from Apinator, counted by /metrics.`);
      } }, reason => {
        totals = null;
        if (watched) note("stream", streamed); else { samples = []; counter = null; }
        say(at("rate-source"), `${watched ? "Only what the watched stream brings" : "Watch a channel to see its rate"}. Not from /metrics: ${reason}.`);
      });
      draw();
      figures();
    };

    // What the metrics say besides, for the line of figures.
    const measured = () => {
      if (!totals) return [];
      const of = family => (byApp(totals, family).get(app) ?? 0).toLocaleString("en");
      const memory = totals.match(/^process_resident_memory_bytes (\S+)$/m)?.[1];
      return [
        ["Memory", memory ? `${(memory / 1048576).toFixed(1)} MiB` : "–"], ["Streams", of("apinatord_streams")],
        ["Events", of("apinatord_events_total")], ["Deliveries", of("apinatord_deliveries_total")],
        ["Reconnects", of("apinatord_reconnects_total")], ["Gaps", of("apinatord_gaps_total")],
      ];
    };

    """#
}
