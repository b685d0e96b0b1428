import { ForwardDeniedError, TargetError } from "../../../../mod.ts";
import type {
  SupervisedTunnelSnapshot,
  SupervisorSnapshot,
} from "../../../../mod.ts";
import {
  type Rates,
  type Span,
  statusLines,
  summaryLines,
} from "../../../../src/cli/report/live/status_lines.ts";
import { textWidth } from "../../../../src/cli/report/text/text_width.ts";
import { assert, assertEquals } from "../../../assert.ts";
import { probeOf, snapshotOf, tunnelOf } from "../scene.ts";

const now = new Date(2026, 6, 28, 14, 2, 11);
const size = {
  destination: "alice@server.example",
  columns: 79,
  rows: 23,
  now,
};
const denied = new ForwardDeniedError(
  { hostname: "localhost", port: 8080 },
  "another program answers at 127.0.0.1 port 8080 on the server",
);

function shown(
  snapshot: Partial<SupervisorSnapshot>,
  options: { columns?: number; rows?: number; rates?: Rates[] } = {},
): string[] {
  return statusLines(snapshotOf(snapshot), { ...size, rates: [], ...options })
    .map(textOf);
}

function textOf(line: Span[]): string {
  return line.map(({ text }) => text).join("");
}

/** What the numbers are; where there is room. */
const LEGEND = " (live/all connections, ↓ to the target, ↑ to the server)";

const busy: Partial<SupervisedTunnelSnapshot> = {
  live: 2,
  total: 17,
  bytesToTarget: 1_234_567,
  bytesToServer: 300_000,
};

Deno.test("statusLines() shows a busy tunnel in one line of 80 columns", () => {
  assertEquals(
    shown({ tunnels: [tunnelOf(busy)], reconnects: 2 }, {
      rates: [{ toTarget: 340_000, toServer: 2000 }],
    }),
    [
      "alice@server.example: up since 14:00:00, 2 reconnects",
      " up ✓ localhost:8080 → 127.0.0.1:3000  2/17 ↓1.2MB 340kB/s ↑300kB 2.0kB/s",
      LEGEND,
    ],
  );
});

Deno.test("statusLines() takes two lines for each tunnel where one is too narrow", () => {
  const lines = shown({
    tunnels: [tunnelOf(busy), tunnelOf({ probe: undefined } as object)],
    reconnects: 12,
  }, { columns: 40, rates: [{ toTarget: 340_000, toServer: 2000 }] });
  assertEquals(lines, [
    "alice@server.example: up",
    " since 14:00:00, 12 reconnects",
    "localhost:8080 → 127.0.0.1:3000",
    " up ✓ 2/17 ↓1.2MB 340kB/s ↑300kB 2.0kB/s",
    "localhost:8080 → 127.0.0.1:3000",
    " up no connections yet",
  ]);
});

Deno.test("statusLines() keeps columns in line, also without rates", () => {
  assertEquals(
    shown({
      tunnels: [
        tunnelOf(busy),
        tunnelOf({
          state: "down",
          bound: { path: "/run/x" },
          live: 0,
          total: 5,
        }),
      ],
    }),
    [
      "alice@server.example: up since 14:00:00",
      " up ✓ localhost:8080 → 127.0.0.1:3000  2/17 ↓1.2MB         ↑300kB",
      " down /run/x → 127.0.0.1:3000           0/5 ↓   0B         ↑   0B",
      LEGEND,
    ],
  );
});

Deno.test("statusLines() says when the next try is and why", () => {
  assertEquals(
    shown({
      state: "waiting",
      since: new Date(2026, 6, 27, 9, 0, 0),
      until: new Date(now.getTime() + 11_200),
      error: denied,
      tunnels: [],
    }),
    [
      "alice@server.example: waiting since 2026-07-27 09:00:00, next try in 12 s",
      " another program answers at 127.0.0.1 port 8080 on the server",
    ],
  );
});

Deno.test("statusLines() says why a tunnel is not up", () => {
  const until = new Date(now.getTime() + 1000);
  const lines = shown({
    state: "degraded",
    error: denied,
    tunnels: [
      tunnelOf({ state: "waiting", error: denied, until }),
      tunnelOf({ state: "binding", error: denied }),
      tunnelOf({ state: "denied", error: denied }),
      tunnelOf({ state: "denied", error: denied, reason: "in-use" }),
      tunnelOf({ state: "stopping" }),
    ],
  }, { columns: 200 });
  assertEquals(lines.map((line) => line.trim().replace(/\s+/g, " ")), [
    "alice@server.example: degraded since 14:00:00",
    `waiting localhost:8080 → 127.0.0.1:3000 next try in 1 s: ${denied.message}`,
    `binding localhost:8080 → 127.0.0.1:3000 ${denied.message}`,
    `denied localhost:8080 → 127.0.0.1:3000 ${denied.message}`,
    "denied localhost:8080 → 127.0.0.1:3000 in use on the server",
    "stopping localhost:8080 → 127.0.0.1:3000 no connections yet",
  ]);
});

Deno.test("statusLines() says what the target refuses, and counts it", () => {
  const targetError = new TargetError("target-refused", "t", "refused");
  const late = new TargetError("target-timeout", "t", "silent");
  const lines = shown({
    tunnels: [
      tunnelOf({ failed: 3, targetError }),
      tunnelOf({ ...busy, failed: 1, targetError: late }),
      tunnelOf({ ...busy, failed: 1 }),
      tunnelOf({
        admission: {
          admitted: 0,
          live: 0,
          refused: 12,
          refusedBy: { deny: 12 },
          endedBy: {},
        },
      }),
    ],
  }, { columns: 200 });
  const row = "localhost:8080 → 127.0.0.1:3000 ";
  assertEquals(lines.slice(1).map((line) => line.trim().replace(/\s+/g, " ")), [
    `up ! ${row}target refused, 3 failed`,
    `up ! ${row}target timed out, 1 failed 2/17 ↓1.2MB ↑300kB`,
    `up ✓ ${row}1 failed 2/17 ↓1.2MB ↑300kB`,
    `up ✓ ${row}12 refused`,
    LEGEND.trim(),
  ]);
});

Deno.test("statusLines() says from where a port can be reached if that is not as asked", () => {
  const warning = "not as asked";
  const lines = shown({
    tunnels: [
      tunnelOf({ probe: probeOf({ reach: "server-only", warning }) }),
      tunnelOf({ probe: probeOf({ reach: "network", warning }) }),
      tunnelOf({ probe: probeOf({ reach: "network" }) }),
    ],
  }, { columns: 200 });
  const row = "localhost:8080 → 127.0.0.1:3000 ";
  assertEquals(lines.slice(1).map((line) => line.trim()), [
    `up ! ${row} reachable on the server only`,
    `up ! ${row} reachable from other hosts`,
    `up ✓ ${row} no connections yet`,
  ]);
});

Deno.test("statusLines() colours the words for states and nothing else", () => {
  const lines = statusLines(
    snapshotOf({ state: "degraded", tunnels: [tunnelOf()] }),
    { ...size, rates: [] },
  );
  assertEquals(lines.flat().filter(({ color }) => color), [
    { text: "degraded", color: "yellow" },
    { text: "up ✓", color: "green" },
  ]);
});

Deno.test("statusLines() fits any terminal", () => {
  const wide = tunnelOf({ ...busy, bound: { path: "/日本語/ソケット" } });
  for (let columns = 1; columns < 90; columns++) {
    for (const rows of [1, 2, 5]) {
      const lines = shown({ tunnels: [wide, wide, wide] }, { columns, rows });
      assert(lines.length <= rows);
      for (const line of lines) {
        assert(textWidth(line) <= columns, `${columns}: ${line}`);
      }
    }
  }
});

Deno.test("statusLines() shows nothing that does something to the terminal", () => {
  const bound = { path: "/tmp/\x1b[2J\n" };
  const [, line] = shown({ tunnels: [tunnelOf({ bound })] });
  assertEquals(line, " up ✓ /tmp/ [2J  → 127.0.0.1:3000  no connections yet");
});

Deno.test("summaryLines() sums up", () => {
  const snapshot = snapshotOf({
    state: "stopped",
    reconnects: 1,
    tunnels: [
      tunnelOf({ ...busy, state: "down" }),
      tunnelOf({ bound: { path: "/run/x" } }),
      tunnelOf({
        failed: 2,
        targetError: new TargetError("target-refused", "t", "refused"),
      }),
      tunnelOf({ ...busy, failed: 1 }),
    ],
  });
  const began = new Date(now.getTime() - 3_700_000);
  assertEquals(summaryLines(snapshot, began, size).map(textOf), [
    "alice@server.example: stopped after 1 h 1 min, 1 reconnect",
    " localhost:8080 → 127.0.0.1:3000  17 connections ↓1.2MB ↑300kB",
    " /run/x → 127.0.0.1:3000          no connections",
    " localhost:8080 → 127.0.0.1:3000  no connections, 2 failed: target refused",
    " localhost:8080 → 127.0.0.1:3000  17 connections ↓1.2MB ↑300kB, 1 failed",
  ]);
});
