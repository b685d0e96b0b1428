import { TargetError } from "../../../errors.ts";
import type {
  SupervisedTunnelSnapshot,
  SupervisorSnapshot,
} from "../../../forward/supervise/supervisor_options.ts";
import type { DenialReason } from "../../../forward/verify/denial.ts";
import { formatBind } from "../../../ssh/bind.ts";
import { oneLine } from "../../../text/one_line.ts";
import { pad, textWidth, truncate } from "../text/text_width.ts";
import { count, formatBytes, formatDuration } from "../text/units.ts";

/** A part of a line; only states have a colour. */
export interface Span {
  /** Its text. */
  text: string;
  /** Its colour; the terminal's own by default. */
  color?: "green" | "yellow" | "red";
}

/** Bytes per second of a tunnel. */
export interface Rates {
  /** From the server to the target. */
  toTarget: number;
  /** From the target to the server. */
  toServer: number;
}

/** What the lines need besides the snapshot. */
export interface StatusOptions {
  /** The server as the user named it. */
  destination: string;
  /** The width of a line. */
  columns: number;
  /** The maximum number of lines. */
  rows: number;
  /** The current time. */
  now: Date;
  /** One for each tunnel. */
  rates: readonly Rates[];
}

/** The current state: a header, and for each tunnel a line, or two on a narrow terminal. */
export function statusLines(
  snapshot: SupervisorSnapshot,
  options: StatusOptions,
): Span[][] {
  const { tunnels } = snapshot;
  const lines = [
    ...stateLines(snapshot, options),
    ...tunnelLines(tunnels, options),
  ];
  const hasRoom = lines.length < options.rows &&
    textWidth(LEGEND.text) <= options.columns;
  if (hasRoom && tunnels.some(({ total }) => total > 0)) lines.push([LEGEND]);
  return fitAll(lines, options);
}

/** Explains the numbers of a tunnel. */
const LEGEND: Span = {
  text: " (live/all connections, ↓ to the target, ↑ to the server)",
};

/** The summary at the end. */
export function summaryLines(
  snapshot: SupervisorSnapshot,
  began: Date,
  options: Omit<StatusOptions, "rates">,
): Span[][] {
  const { now, columns } = options;
  const lasted = formatDuration(now.getTime() - began.getTime());
  const { tunnels } = snapshot;
  const routes = tunnels.map(routeOf);
  const routeWidth = widest(routes);
  const traffic = tunnels.map((tunnel) => {
    const { total, bytesToTarget, bytesToServer, failed, targetError } = tunnel;
    const taken = total === 0
      ? "no connections"
      : `${count(total, "connection")} ↓${formatBytes(bytesToTarget)} ↑${
        formatBytes(bytesToServer)
      }`;
    if (failed === 0) return taken;
    return `${taken}, ${failed} failed${
      targetError ? `: ${targetTrouble(targetError)}` : ""
    }`;
  });
  const inOneLine = columns >= 1 + routeWidth + 2 + widest(traffic);
  return fitAll([
    ...header(snapshot, `after ${lasted}${reconnects(snapshot)}`, options),
    ...tunnels.flatMap((_, i) => {
      const route = routes[i]!;
      return inOneLine
        ? [[{ text: ` ${pad(route, routeWidth)}  ${traffic[i]}` }]]
        : [[{ text: route }], [{ text: ` ${traffic[i]}` }]];
    }),
  ], options);
}

/** The server, its state and details, on a second line if they do not fit. */
function header(
  snapshot: SupervisorSnapshot,
  more: string,
  { destination, columns }: Pick<StatusOptions, "destination" | "columns">,
): Span[][] {
  const state = stateOf(snapshot);
  const head = [{ text: `${destination}: ` }, state];
  return textWidth(`${destination}: ${state.text} ${more}`) <= columns
    ? [[...head, { text: ` ${more}` }]]
    : [head, [{ text: ` ${more}` }]];
}

function stateLines(
  snapshot: SupervisorSnapshot,
  options: StatusOptions,
): Span[][] {
  const { state, since, until, error } = snapshot;
  const { now } = options;
  const waits = state === "waiting" && until && error;
  const next = waits ? `, ${nextTry(until, now)}` : "";
  const more = `since ${timeOf(since, now)}${next}${reconnects(snapshot)}`;
  return [
    ...header(snapshot, more, options),
    // If it is degraded, the tunnels' lines say why.
    ...waits ? [[{ text: ` ${oneLine(error.message)}` }]] : [],
  ];
}

function tunnelLines(
  tunnels: readonly SupervisedTunnelSnapshot[],
  { columns, now, rates }: StatusOptions,
): Span[][] {
  const states = tunnels.map(tunnelState);
  const stateWidth = widest(states.map(({ text }) => text));
  const routes = tunnels.map(routeOf);
  const routeWidth = widest(routes);
  const counts = tunnels.map(({ live, total }) => `${live}/${total}`);
  const countWidth = widest(counts);
  // The maximum width, so that the layout does not jump.
  const inOneLine = columns >=
    1 + stateWidth + 1 + routeWidth + 2 + countWidth + 2 * TRAFFIC_WIDTH;
  return tunnels.flatMap((tunnel, i) => {
    const { toTarget = 0, toServer = 0 } = rates[i] ?? {};
    const taken = tunnel.total === 0 ? "" : [
      counts[i]!.padStart(inOneLine ? countWidth : 0),
      traffic("↓", tunnel.bytesToTarget, toTarget),
      traffic("↑", tunnel.bytesToServer, toServer),
    ].join("").trimEnd();
    const notes = [
      ...reachNote(tunnel),
      ...failures(tunnel),
      ...refusals(tunnel),
    ];
    const connections = [notes.join(", "), taken].filter(Boolean).join("  ");
    const detail = trouble(tunnel, now) ??
      (connections || "no connections yet");
    const state = states[i]!;
    const route = routes[i]!;
    const gap = " ".repeat(stateWidth - textWidth(state.text) + 1);
    return inOneLine
      ? [[
        { text: " " },
        state,
        { text: `${gap}${pad(route, routeWidth)}  ${detail}` },
      ]]
      : [[{ text: route }], [{ text: " " }, state, { text: ` ${detail}` }]];
  });
}

/** ` ↓1.2MB 340kB/s` */
const TRAFFIC_WIDTH = 15;

function traffic(arrow: string, bytes: number, rate: number): string {
  // Less than a byte a second is what remains of the average.
  const speed = rate < 1 ? "" : `${formatBytes(rate)}/s`;
  return ` ${arrow}${formatBytes(bytes).padStart(5)} ${speed.padEnd(7)}`;
}

function stateOf({ state, error }: SupervisorSnapshot): Span {
  switch (state) {
    case "up":
      return { text: state, color: "green" };
    case "stopped":
      return error ? { text: state, color: "red" } : { text: state };
    default:
      return { text: state, color: "yellow" };
  }
}

function tunnelState(
  { state, probe, targetError }: SupervisedTunnelSnapshot,
): Span {
  switch (state) {
    case "up":
      if (targetError || probe?.warning) {
        return { text: "up !", color: "yellow" };
      }
      return {
        text: probe?.verdict === "verified" ? "up ✓" : "up",
        color: "green",
      };
    case "denied":
      return { text: state, color: "red" };
    case "target-down":
      return { text: "target down", color: "yellow" };
    case "waiting":
    case "binding":
    case "checking":
      return { text: state, color: "yellow" };
    case "paused":
    case "stopping":
    case "down":
      return { text: state };
  }
}

function routeOf({ bound, target }: SupervisedTunnelSnapshot): string {
  return oneLine(`${formatBind(bound)} → ${target}`);
}

/** Where it is reachable from, if that is not as asked. */
function reachNote({ state, probe }: SupervisedTunnelSnapshot): string[] {
  if (state !== "up" || !probe?.warning) return [];
  return [
    probe.reach === "network"
      ? "reachable from other hosts"
      : "reachable on the server only",
  ];
}

/** The connections that the target did not accept, and why it accepts none now. */
function failures({ failed, targetError }: SupervisedTunnelSnapshot): string[] {
  if (failed === 0) return [];
  return [
    ...targetError ? [targetTrouble(targetError)] : [],
    `${failed} failed`,
  ];
}

/** The connections that were not admitted. */
function refusals({ admission }: SupervisedTunnelSnapshot): string[] {
  return admission?.refused ? [`${admission.refused} refused`] : [];
}

function targetTrouble({ code }: TargetError): string {
  switch (code) {
    case "target-refused":
      return "target refused";
    case "target-timeout":
      return "target timed out";
    case "target-unreachable":
      return "target unreachable";
    case "permission-denied":
      return "target not allowed (--allow-net)";
    default:
      return "target failed";
  }
}

/** Short reasons for a row; the event has the full one. */
const DENIALS: Partial<Record<DenialReason, string>> = {
  "in-use": "in use on the server",
  prohibited: "not allowed by the server",
};

/** Why a tunnel is not up and when it may be. */
function trouble(
  { state, error, reason, until }: SupervisedTunnelSnapshot,
  now: Date,
): string | undefined {
  if (!error || state === "up" || state === "down") return undefined;
  const why = error instanceof TargetError
    ? targetTrouble(error)
    : (reason && DENIALS[reason]) ?? oneLine(error.message);
  return until ? `${nextTry(until, now)}: ${why}` : why;
}

function nextTry(until: Date, now: Date): string {
  const seconds = Math.ceil((until.getTime() - now.getTime()) / 1000);
  return seconds > 0
    ? `next try in ${formatDuration(1000 * seconds)}`
    : "trying";
}

function reconnects({ reconnects }: SupervisorSnapshot): string {
  return reconnects > 0 ? `, ${count(reconnects, "reconnect")}` : "";
}

/** The local time, with the date unless it is today. */
function timeOf(date: Date, now: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map(two).join(":");
  if (date.toDateString() === now.toDateString()) return time;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${
    two(date.getDate())
  } ${time}`;
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(textWidth));
}

function fitAll(
  lines: readonly Span[][],
  { columns, rows }: Pick<StatusOptions, "columns" | "rows">,
): Span[][] {
  const shown = lines.length <= rows
    ? lines
    : [...lines.slice(0, Math.max(0, rows - 1)), [{ text: " …" }]];
  return shown.map((line) => fit(line, columns));
}

/** Truncates a line to the width of the terminal. */
function fit(line: readonly Span[], columns: number): Span[] {
  let left = columns;
  return line.flatMap((span) => {
    if (left <= 0) return [];
    const text = truncate(span.text, left);
    left -= textWidth(text);
    // Nothing may follow the ellipsis.
    if (text !== span.text) left = 0;
    return [{ ...span, text }];
  });
}
