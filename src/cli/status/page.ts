/**
 * The status page: its style, its script, and the whole. The script makes
 * everything of text nodes, so that no text can be more than that.
 *
 * @module
 */

/** What it looks like. */
export const style = `
:root {
  color-scheme: light dark;
  --back: light-dark(#f6f7f9, #14171c);
  --card: light-dark(#fff, #1c2027);
  --line: light-dark(#dfe3e8, #2d333d);
  --text: light-dark(#1b1f24, #e6e9ee);
  --soft: light-dark(#5b6570, #9aa4b0);
  --good: light-dark(#18794e, #4cc38a);
  --warn: light-dark(#9a5b00, #f0b456);
  --bad: light-dark(#c4314b, #ff8095);
  --down: light-dark(#2563c9, #7fb0ff);
  --up: light-dark(#8a46b8, #cf9cf2);
  font: 15px/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums;
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 62rem; background: var(--back); color: var(--text); }
h1 { font-size: 1.25rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: .8rem; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; color: var(--soft); margin: 2rem 0 .6rem; }
header { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; }
header p { flex-basis: 100%; }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
.state { display: inline-flex; align-items: center; gap: .45em; font-weight: 600; white-space: nowrap; }
.state::before { content: ""; width: .6em; height: .6em; border-radius: 50%; background: currentColor; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); } .soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.tunnel { padding: .9rem 1rem; display: grid; grid-template-columns: 1fr 15rem auto; gap: .3rem 1.25rem; align-items: center; }
.tunnel + .tunnel { margin-top: .6rem; }
.route { font-weight: 600; overflow-wrap: anywhere; }
.facts { display: flex; flex-wrap: wrap; gap: 0 1rem; }
.note { grid-column: 1 / -1; font-size: .9rem; }
.plot { display: block; width: 100%; height: 2.6rem; }
.plot path { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
.down { color: var(--down); } .up { color: var(--up); }
.plot .down { stroke: var(--down); } .plot .up { stroke: var(--up); }
.plot line { stroke: var(--line); vector-effect: non-scaling-stroke; }
.rate { font-size: .8rem; color: var(--soft); display: flex; justify-content: space-between; }
button { font: inherit; color: inherit; background: none; border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .8rem; min-width: 6.2rem; cursor: pointer; }
button:hover { border-color: var(--soft); }
button:disabled { opacity: .45; cursor: default; }
:focus-visible { outline: 2px solid var(--down); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th { position: sticky; top: 0; background: var(--card); text-align: left; font-weight: 500; color: var(--soft); }
th, td { padding: .4rem 1rem; border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
td:first-child { overflow-wrap: anywhere; }
.number { text-align: right; white-space: nowrap; }
.scroll { max-height: 24rem; overflow: auto; }
.empty { padding: .8rem 1rem; }
ol { list-style: none; margin: 0; padding: .5rem 1rem; font-size: .9rem; }
li { display: flex; gap: 1rem; padding: .15rem 0; }
li time { color: var(--soft); white-space: nowrap; }
li span { overflow-wrap: anywhere; min-width: 0; }
form { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center; margin-top: 1rem; }
label { color: var(--soft); }
input { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .6rem; width: 16rem; max-width: 100%; }
[hidden] { display: none !important; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; }
  .tunnel { grid-template-columns: 1fr auto; }
  .tunnel .graph { grid-column: 1 / -1; grid-row: 2; }
  th, td { padding: .35rem .6rem; }
  .wide { display: none; }
  li { flex-direction: column; gap: 0; }
}
`;

/** What it does. */
export const script = `
"use strict";
const $ = (id) => document.getElementById(id);
let token = sessionStorage.getItem("token") || "";
if (location.hash.startsWith("#token=")) {
  token = decodeURIComponent(location.hash.slice(7));
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname);
}

function put(node, text, className) {
  text = String(text == null ? "" : text);
  if (node.textContent !== text) node.textContent = text;
  if (className !== undefined && node.className !== className) node.className = className;
}
function make(name, className) {
  const node = document.createElement(name);
  if (className) node.className = className;
  return node;
}
function draw(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  return node;
}
/* Keeps nodes, and so the focus, where there is something to keep. */
function list(parent, items, keyOf, create, update) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let before = null;
  items.forEach((item, i) => {
    const key = String(keyOf(item, i));
    let node = old.get(key);
    if (!node) { node = create(item, i); node.dataset.key = key; }
    old.delete(key);
    const place = before ? before.nextSibling : parent.firstChild;
    if (place !== node) parent.insertBefore(node, place);
    update(node, item, i);
    before = node;
  });
  for (const node of old.values()) node.remove();
}

function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let i = 0;
  while (n >= 1000 && i < 5) { n /= 1000; i++; }
  return (i && n < 100 ? n.toFixed(1) : Math.round(n)) + "\\u00a0" + units[i];
}
function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return s + "\\u00a0s";
  if (s < 3600) return Math.floor(s / 60) + "\\u00a0min " + s % 60 + "\\u00a0s";
  if (s < 86400) return Math.floor(s / 3600) + "\\u00a0h " + Math.floor(s / 60) % 60 + "\\u00a0min";
  return Math.floor(s / 86400) + "\\u00a0d " + Math.floor(s / 3600) % 24 + "\\u00a0h";
}
function mood(state) {
  if (state === "up") return "state good";
  if (state === "denied" || state === "stopped") return "state bad";
  if (state === "paused" || state === "down" || state === "stopping") return "state soft";
  return "state warn";
}

const SAMPLES = 120;
function plot(values, most) {
  const from = SAMPLES - values.length;
  return values.map((value, i) =>
    (i ? "L" : "M") + (from + i) + " " + (29 - 28 * value / most).toFixed(1)).join("");
}

function createTunnel(_, index) {
  const node = make("article", "card tunnel");
  const text = make("div");
  const route = make("div", "route");
  const facts = make("div", "facts");
  const state = make("span");
  const counts = make("span", "soft");
  const moved = make("span", "soft");
  facts.append(state, counts, moved);
  text.append(route, facts);
  const graph = make("div", "graph");
  const svg = draw("svg", { class: "plot", viewBox: "0 0 119 30", preserveAspectRatio: "none", role: "img" });
  const down = draw("path", { class: "down" });
  const up = draw("path", { class: "up" });
  svg.append(draw("line", { x1: 0, x2: 119, y1: 29.5, y2: 29.5 }), down, up);
  const rate = make("div", "rate");
  const rateDown = make("span", "down");
  const rateUp = make("span", "up");
  rate.append(rateDown, rateUp);
  graph.append(svg, rate);
  const button = make("button");
  button.type = "button";
  button.addEventListener("click", () => act(node.parts.paused ? "resume" : "pause", index, button));
  const note = make("p", "note");
  node.append(text, graph, button, note);
  node.parts = { route, state, counts, moved, svg, down, up, rateDown, rateUp, button, note };
  return node;
}
function updateTunnel(node, tunnel) {
  const parts = node.parts;
  const name = tunnel.bind + " \\u2192 " + tunnel.target;
  put(parts.route, name);
  const verdict = tunnel.state === "up" && tunnel.verdict ? ", " + tunnel.verdict : "";
  const reach = tunnel.state === "up" && tunnel.reach ? ", reach: " + tunnel.reach : "";
  put(parts.state, tunnel.state + verdict + reach, mood(tunnel.state));
  put(parts.counts, tunnel.live + " live of " + tunnel.total + (tunnel.failed ? ", " + tunnel.failed + " refused" : ""));
  put(parts.moved, "\\u2193 " + bytes(tunnel.bytesToTarget) + "  \\u2191 " + bytes(tunnel.bytesToServer));
  const rates = tunnel.rates || { toTarget: [], toServer: [] };
  const most = Math.max(1000, ...rates.toTarget, ...rates.toServer);
  parts.down.setAttribute("d", plot(rates.toTarget, most));
  parts.up.setAttribute("d", plot(rates.toServer, most));
  const last = (values) => bytes(values[values.length - 1] || 0) + "/s";
  put(parts.rateDown, "\\u2193 " + last(rates.toTarget));
  put(parts.rateUp, "\\u2191 " + last(rates.toServer));
  parts.svg.setAttribute("aria-label", "the last two minutes, at most " + bytes(most) + " a second");
  parts.paused = tunnel.state === "paused";
  put(parts.button, parts.paused ? "Resume" : "Pause");
  parts.button.setAttribute("aria-label", (parts.paused ? "Resume " : "Pause ") + name);
  parts.button.disabled = !token;
  parts.button.title = token ? "" : "needs the token below";
  const note = tunnel.error || tunnel.warning || "";
  put(parts.note, note, "note " + (tunnel.error ? "bad" : "warn"));
  parts.note.hidden = !note;
}

function createConnection() {
  const node = make("tr");
  for (const name of ["", "wide", "number", "number", "number"]) node.append(make("td", name));
  return node;
}

function show(status) {
  document.title = status.state + " \\u2013 " + status.destination;
  put($("destination"), status.destination);
  put($("state"), status.state, mood(status.state));
  const server = status.server;
  put($("server"), [
    server && "connected to " + server.address + " port " + server.port + " as " + server.user + " (" + server.software + ")",
    status.since && "for " + age(status.now - status.since),
    status.reconnects && status.reconnects + (status.reconnects === 1 ? " reconnect" : " reconnects"),
    status.until && "next try in " + age(status.until - status.now),
  ].filter(Boolean).join(", "));
  put($("error"), status.error);
  $("error").hidden = !status.error;
  list($("tunnels"), status.tunnels, (_, i) => i, createTunnel, updateTunnel);
  put($("count"), status.live + (status.live > status.connections.length ? ", the latest " + status.connections.length : ""));
  list($("connections"), status.connections, (it) => it.id, createConnection, (row, it) => {
    const [who, route, since, down, up] = row.children;
    put(who, it.originator ? it.originator + " port " + it.port : "a local socket");
    const tunnel = status.tunnels[it.tunnel];
    put(route, tunnel ? tunnel.bind : "");
    put(since, age(status.now - it.since));
    put(down, bytes(it.bytesToTarget));
    put(up, bytes(it.bytesToServer));
  });
  $("table").hidden = !status.live;
  $("none").hidden = !!status.live;
  list($("events"), status.events, (it) => it.id, () => {
    const node = make("li");
    node.append(make("time"), make("span"));
    return node;
  }, (node, it) => {
    put(node.children[0], new Date(it.time).toLocaleTimeString());
    node.children[0].dateTime = it.time;
    put(node.children[1], it.text, it.level === "error" ? "bad" : it.level === "warn" ? "warn" : it.level === "debug" ? "soft" : "");
  });
}

async function act(action, tunnel, button) {
  /* A button that is disabled loses the focus. */
  if (button.dataset.busy) return;
  button.dataset.busy = "1";
  try {
    const answer = await fetch("/" + action, {
      method: "POST",
      headers: { authorization: "Bearer " + token },
      body: String(tunnel),
    });
    if (answer.status === 401) forget();
    say(answer.ok ? "" : (await answer.text()).trim());
  } catch {
    say("the command does not answer");
  }
  await refresh();
  delete button.dataset.busy;
}
function say(text) { put($("message"), text, "bad"); }
function forget() {
  token = "";
  sessionStorage.removeItem("token");
  $("key").hidden = false;
}
$("key").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  if (!token) return;
  sessionStorage.setItem("token", token);
  $("token").value = "";
  $("key").hidden = true;
  say("");
  refresh();
});
$("key").hidden = !!token;

async function refresh() {
  try {
    const answer = await fetch("/status.json", { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
    $("lost").hidden = true;
  } catch {
    $("lost").hidden = false;
  }
}
async function run() {
  if (!document.hidden) await refresh();
  setTimeout(run, 1000);
}
document.addEventListener("visibilitychange", () => document.hidden || refresh());
run();
`;

/** The whole page. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rforward</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<header>
<h1 id="destination">rforward</h1>
<span id="state" class="state soft" role="status">loading</span>
<p id="server"></p>
<p id="error" class="bad" hidden></p>
<p id="lost" class="bad" role="alert" hidden>The command does not answer. It may have ended.</p>
</header>
<main>
<h2>Forwards</h2>
<div id="tunnels"></div>
<p id="message" role="alert"></p>
<form id="key" hidden>
<label for="token">To pause and resume, enter the token that the command printed</label>
<input id="token" type="password" autocomplete="off" spellcheck="false">
<button>Use it</button>
</form>
<h2>Live connections: <span id="count">0</span></h2>
<div class="card scroll" tabindex="0" role="region" aria-label="Live connections">
<p id="none" class="empty">There are none.</p>
<table id="table" hidden>
<thead><tr><th scope="col">From</th><th scope="col" class="wide">At</th><th scope="col" class="number">Age</th><th scope="col" class="number">To target</th><th scope="col" class="number">To server</th></tr></thead>
<tbody id="connections"></tbody>
</table>
</div>
<h2>Last events</h2>
<div class="card scroll" tabindex="0" role="region" aria-label="Last events"><ol id="events"></ol></div>
</main>
<script>${script}</script>
</body>
</html>
`;
