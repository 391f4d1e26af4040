// Follows a channel, and goes on where it was when the connection breaks. Node 18 and later, nothing to install.
//
//     node follow.mjs presence-x

const base = process.env.APINATORD_URL ?? "http://localhost:8787";
const token = process.env.APINATORD_TOKEN;
const silence = 40_000; // ms; the bridge sends something every 15 s

async function get(path, headers = {}, signal) {
  if (token) headers = { ...headers, Authorization: `Bearer ${token}` };
  const answer = await fetch(base + path, { headers, signal });
  if (answer.ok) return answer;
  const { detail } = await answer.json();
  // An answer of 4xx will not be better next time.
  throw Object.assign(new Error(`${answer.status}: ${detail}`), { isFinal: answer.status < 500 });
}

// Reads what the events change: from your database or API. Here it is what the bridge knows of the channel.
async function readState(channel) {
  const answer = await get(`/channels/${channel}`);
  console.log("state", (await answer.json()).last_event_id);
}

async function handle(channel, event, data) {
  if (event === "bridge:gap") {
    console.log("gap", data.reason); // events may be missing here
    await readState(channel);
  } else if (event === "realtime:subscription_succeeded") {
    await readState(channel); // from here on all of them come
  } else if (!/^(bridge:|realtime:|state_change$)/.test(event)) {
    console.log(event, JSON.stringify(data));
  }
}

async function* lines(body) {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const whole = (rest + text).split("\n");
    rest = whole.pop();
    yield* whole;
  }
}

async function follow(channel) {
  const headers = { Accept: "application/x-ndjson" };
  while (true) {
    const abort = new AbortController();
    const watchdog = setTimeout(() => abort.abort(), silence);
    try {
      const answer = await get(`/channels/${channel}/events`, headers, abort.signal);
      for await (const line of lines(answer.body)) {
        watchdog.refresh();
        if (!line) continue; // the stream is alive
        const { event, data, id } = JSON.parse(line); // numbers over 2^53 are rounded here
        await handle(channel, event, data);
        if (id) headers["Last-Event-ID"] = id; // only now: what could not be handled comes again
      }
    } catch (error) {
      if (error.isFinal) throw error;
      console.error(`lost the stream: ${error.message}`);
    } finally {
      clearTimeout(watchdog);
    }
    await new Promise((resume) => setTimeout(resume, 2000));
  }
}

await follow(process.argv[2]);
