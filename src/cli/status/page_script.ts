/**
 * What the status page does. It makes everything of text nodes, so that no text
 * can be more than that.
 */
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
  while (n >= 999.5 && i < 5) { n /= 1000; i++; }
  return (i && n < 99.95 ? n.toFixed(1) : Math.round(n)) + "\\u00a0" + units[i];
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
  const route = make("h3", "route");
  route.id = "route-" + index;
  node.setAttribute("aria-labelledby", route.id);
  const facts = make("div", "facts");
  const state = make("span");
  const counts = make("span", "soft");
  const movedDown = make("span", "down");
  const movedUp = make("span", "up");
  facts.append(state, counts, movedDown, movedUp);
  text.append(route, facts);
  const graph = make("div", "graph");
  const svg = draw("svg", { class: "plot", viewBox: "0 0 119 30", preserveAspectRatio: "none", role: "img" });
  const area = draw("path", { class: "area" });
  const down = draw("path", { class: "down" });
  const up = draw("path", { class: "up" });
  svg.append(draw("line", { x1: 0, x2: 119, y1: 29.5, y2: 29.5 }), area, down, up);
  const rate = make("div", "rate");
  const rateDown = make("span", "down");
  const rateUp = make("span", "up");
  const scale = make("span", "soft");
  rate.append(rateDown, scale, rateUp);
  graph.append(svg, rate);
  const button = make("button");
  button.type = "button";
  button.addEventListener("click", () => act(node.parts.paused ? "resume" : "pause", index, button));
  const note = make("p", "note");
  node.append(text, graph, button, note);
  node.parts = { route, state, counts, movedDown, movedUp, svg, area, down, up, rateDown, rateUp, scale, button, note };
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
  put(parts.movedDown, "\\u2193 " + bytes(tunnel.bytesToTarget) + " to the target");
  put(parts.movedUp, "\\u2191 " + bytes(tunnel.bytesToServer) + " to the server");
  const rates = tunnel.rates || { toTarget: [], toServer: [] };
  const most = Math.max(1000, ...rates.toTarget, ...rates.toServer);
  const down = plot(rates.toTarget, most);
  parts.down.setAttribute("d", down);
  /* The area under one line is filled, so that two lines at the same height can be distinguished. */
  parts.area.setAttribute("d", down && down + "V29H" + (SAMPLES - rates.toTarget.length) + "Z");
  parts.up.setAttribute("d", plot(rates.toServer, most));
  const last = (values) => bytes(values[values.length - 1] || 0) + "/s";
  put(parts.rateDown, "\\u2193 " + last(rates.toTarget));
  put(parts.rateUp, "\\u2191 " + last(rates.toServer));
  const peak = Math.max(0, ...rates.toTarget, ...rates.toServer);
  put(parts.scale, peak ? "max " + bytes(peak) + "/s" : "");
  parts.svg.setAttribute("aria-label", "Rates of the last two minutes: now " + last(rates.toTarget) +
    " to the target and " + last(rates.toServer) + " to the server, at most " + bytes(peak) + "/s");
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
    const [who, route, lasting, down, up] = row.children;
    put(who, it.originator ? it.originator + " port " + it.port : "a local socket");
    const tunnel = status.tunnels[it.tunnel];
    put(route, tunnel ? tunnel.bind : "");
    put(lasting, age(it.ageMs));
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
$("state").hidden = false;

async function refresh() {
  try {
    const answer = await fetch("/status.json", { signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(await answer.text());
    show(await answer.json());
    $("main").hidden = false;
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
