// Says hello to everybody on a presence channel, and lists them. Node 18 and later, nothing to install.
//
//     node hello.mjs presence-x "good morning"

const base = process.env.APINATORD_URL ?? "http://localhost:8787";
const token = process.env.APINATORD_TOKEN;
const [channel, text] = process.argv.slice(2);

async function call(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(base + path, { ...options, headers });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.code}: ${body.detail}`);
  return body;
}

await call(`/channels/${channel}/events`, {
  method: "POST",
  body: JSON.stringify({ event: "client-hello", data: { text } }),
});
const { members } = await call(`/channels/${channel}/members`);
for (const { user_id, user_info } of members) console.log(user_id, user_info.name ?? "");
