import {
  ChannelError,
  ConnectError,
  ConnectionLostError,
  ForwardDeniedError,
  type ProbeResult,
  type SupervisorEvent,
  TargetError,
} from "../../../../mod.ts";
import { EventFormatter } from "../../../../src/cli/report/lines/event_formatter.ts";
import { assertEquals } from "../../../assert.ts";
import { negotiated } from "../../../negotiated.ts";
import { connectionOf, probeOf } from "../scene.ts";

const bind = { hostname: "localhost", port: 8080 };
const lost = new ConnectionLostError("the server closed the connection");
const refused = new ConnectError(
  "connect-failed",
  { hostname: "server.example", port: 22 },
  "server.example:22 refused the connection",
);
const denied = new ForwardDeniedError(bind, "the server would not listen");
const until = new Date();

/** What is said of events, one after the other: level and text. */
function told(...events: SupervisorEvent[]): string[] {
  const eventFormatter = new EventFormatter();
  return events.flatMap((event) =>
    eventFormatter.format(event).map(({ level, text }) => `${level}: ${text}`)
  );
}

function verified(probe: Partial<ProbeResult>): SupervisorEvent {
  return {
    type: "verified",
    tunnel: 0,
    bound: bind,
    probe: probeOf(probe),
  };
}

function connected(software: string): SupervisorEvent {
  return {
    type: "connected",
    server: {
      hostname: "server.example",
      port: 22,
      user: "alice",
      software,
      hostKeyFingerprint: "SHA256:x",
      cipher: { toServer: "x", toClient: "x" },
      negotiated,
    },
  };
}

function bound(
  asked: { hostname: string; port: number } | { path: string },
  target: string,
  checking = true,
): SupervisorEvent {
  const bound = "port" in asked && asked.port === 0
    ? { ...asked, port: 40123 }
    : asked;
  return { type: "bound", tunnel: 0, asked, bound, target, checking };
}

// What OpenSSH 9.2 prints, seen with `ssh -R 0:…`; but for a socket, of which
// it says "/tmp/x.sock:-2".
for (
  const [target, shown] of [
    ["localhost:80", "localhost:80"],
    ["[::1]:81", "::1:81"],
    ["/tmp/x.sock", "/tmp/x.sock"],
  ] as const
) {
  Deno.test(`eventFormatter.format() says as ssh which port leads to ${target}`, () => {
    assertEquals(told(bound({ hostname: "localhost", port: 0 }, target)), [
      `info: Allocated port 40123 for remote forward to ${shown}`,
    ]);
  });
}

Deno.test("eventFormatter.format() says what is bound and who answers there", () => {
  const foreign = [{ address: "127.0.0.1", answer: "foreign" }] as const;
  assertEquals(
    told(
      bound({ path: "/run/x" }, "127.0.0.1:3000"),
      bound(bind, "127.0.0.1:3000"),
      verified({}),
      verified({ verdict: "half-bound", addresses: foreign }),
      verified({
        verdict: "foreign",
        addresses: [...foreign, { address: "::1", answer: "foreign" }],
      }),
      verified({ verdict: "unreachable" }),
    ),
    [
      "info: /run/x on the server is bound, checking",
      "info: localhost:8080 on the server is bound, checking",
      "info: localhost:8080 on the server leads to 127.0.0.1:3000, verified in 12 ms",
      "warn: half-bound: another program answers at 127.0.0.1 port 8080 on the server",
      "warn: another program answers at 127.0.0.1 and ::1 port 8080 on the server",
      "warn: nothing answers at localhost:8080 on the server, although it said that it listens",
    ],
  );
});

Deno.test("eventFormatter.format() says where an unchecked port leads to", () => {
  assertEquals(told(bound(bind, "127.0.0.1:3000", false)), [
    "info: localhost:8080 on the server leads to 127.0.0.1:3000, not checked",
  ]);
});

Deno.test("eventFormatter.format() says from where a port can be reached, and warns once if that is not as asked", () => {
  const all = { hostname: "0.0.0.0", port: 8080 };
  const found = (probe: Partial<ProbeResult>): SupervisorEvent => ({
    ...verified({ askedReach: "network", ...probe }),
    bound: all,
  } as SupervisorEvent);
  const warning = "0.0.0.0:8080 is reachable from the server itself only";
  const narrow = found({ reach: "server-only", warning });
  const head = "info: 0.0.0.0:8080 on the server leads to 127.0.0.1:3000";
  assertEquals(
    told(
      bound(all, "127.0.0.1:3000"),
      narrow,
      bound(all, "127.0.0.1:3000"),
      narrow,
      bound(all, "127.0.0.1:3000"),
      found({ reach: "network" }),
      bound(all, "127.0.0.1:3000"),
      narrow,
      bound(all, "127.0.0.1:3000"),
      found({ reach: "unknown" }),
    ).filter((line) => !line.endsWith("checking")),
    [
      `${head}, verified in 12 ms`,
      `warn: Warning: ${warning}`,
      `${head}, verified in 12 ms`,
      `${head}, verified in 12 ms, reachable from other hosts`,
      `${head}, verified in 12 ms`,
      `warn: Warning: ${warning}`,
      `${head}, verified in 12 ms, unknown whether it is reachable from other hosts`,
    ],
  );
});

for (
  const [software, why] of [
    [
      "OpenSSH_9.2p1",
      "the server does not connect to it for us (PermitOpen or AllowTcpForwarding in its sshd_config)",
    ],
    [
      "dropbear_2022.83",
      "the server does not connect to it for us (dropbear's -j, or permitopen in authorized_keys)",
    ],
    ["Go", "this kind of server does not permit the check"],
  ] as const
) {
  Deno.test(`eventFormatter.format() says why a port cannot be verified as ${software} calls it`, () => {
    const addresses = [{ address: "127.0.0.1", answer: "forbidden" }] as const;
    const [, line] = told(
      connected(software),
      verified({ verdict: "unverifiable", addresses }),
    );
    assertEquals(
      line,
      `info: localhost:8080 on the server is bound, not verified: ${why}`,
    );
  });
}

Deno.test("eventFormatter.format() says which server is not asked again", () => {
  assertEquals(told(verified({ verdict: "unverifiable" })), [
    "info: localhost:8080 on the server is bound, not verified: this server ends the connection when it is asked to connect to it, so it is not asked again",
  ]);
});

Deno.test("eventFormatter.format() says where a bind is that sshd has moved", () => {
  assertEquals(
    told(
      bound(bind, "127.0.0.1:3000"),
      verified({
        addresses: [
          { address: "192.0.2.1", answer: "closed" },
          { address: "127.0.0.1", answer: "ours" },
          { address: "::1", answer: "ours" },
        ],
      }),
    ),
    [
      "info: localhost:8080 on the server is bound, checking",
      "info: localhost:8080 on the server leads to 127.0.0.1:3000, verified in 12 ms, at 127.0.0.1 and ::1 only",
    ],
  );
});

Deno.test("eventFormatter.format() does not mention an unchanged verdict", () => {
  const levels = told(
    verified({}),
    verified({}),
    verified({ verdict: "unverifiable" }),
    bound(bind, "127.0.0.1:3000"),
    verified({ verdict: "unverifiable" }),
  ).map((line) => line.split(":")[0]);
  assertEquals(levels, ["info", "debug", "info", "info", "info"]);
});

Deno.test("eventFormatter.format() says once why the connection was lost", () => {
  assertEquals(
    told(
      { type: "lost", error: lost },
      { type: "waiting", error: lost, ms: 750, until },
      { type: "waiting", error: refused, ms: 65_000, until },
    ),
    [
      "warn: connection lost: the server closed the connection",
      "warn: next try in 750 ms",
      "warn: server.example:22 refused the connection; next try in 1 min 5 s",
    ],
  );
});

Deno.test("eventFormatter.format() goes on with a sentence of its own after a question", () => {
  const asking = new ConnectError(
    "connect-failed",
    { hostname: "server.example", port: 22 },
    `${refused.message}; does an SSH server listen on that port?`,
  );
  assertEquals(told({ type: "waiting", error: asking, ms: 65_000, until }), [
    "warn: server.example:22 refused the connection; does an SSH server listen on that port? Next try in 1 min 5 s",
  ]);
});

Deno.test("eventFormatter.format() gives the reason of a denial once, but gives it where warnings are not printed", () => {
  const events = [
    {
      type: "denied",
      tunnel: 0,
      asked: bind,
      reason: "prohibited",
      error: denied,
    },
    { type: "stopped", error: denied },
  ] as const;
  assertEquals(told(...events).at(-1), "error: stopped");
  const quiet = new EventFormatter((level) => level === "error");
  const lines = events.flatMap((event) => quiet.format(event));
  assertEquals(lines.at(-1)?.text, "the server would not listen");
});

Deno.test("eventFormatter.format() says once why it has stopped", () => {
  assertEquals(
    told({ type: "lost", error: lost }, { type: "stopped", error: lost }),
    [
      "warn: connection lost: the server closed the connection",
      "error: stopped",
    ],
  );
});

Deno.test("eventFormatter.format() says why a port was refused and what comes next", () => {
  const denial = () => ({
    type: "denied" as const,
    tunnel: 0,
    asked: bind,
    reason: "in-use" as const,
    error: new ForwardDeniedError(bind, denied.message),
  });
  const foreign = denial();
  const head = "warn: Warning: remote port forwarding failed for listen";
  assertEquals(
    told(
      { ...denial(), ms: 2000 },
      { ...denial(), reason: "prohibited" },
      { ...denial(), reason: "unknown", asked: { path: "/run/x" }, ms: 1000 },
      verified({ verdict: "unreachable" }),
      { ...foreign, ms: 2000 },
      { ...foreign, ms: 2000 },
    ),
    [
      `${head} port 8080: the server would not listen; asking again in 2 s`,
      `${head} port 8080: the server would not listen; giving up`,
      `${head} path /run/x: the server would not listen; asking again in 1 s`,
      "warn: nothing answers at localhost:8080 on the server, although it said that it listens",
      `${head} port 8080: asking again in 2 s`,
      `${head} port 8080: asking again in 2 s`,
    ],
  );
});

Deno.test("eventFormatter.format() shows nothing of an originator but what can be printed", () => {
  const error = new TargetError(
    "target-failed",
    "127.0.0.1:3000",
    "the target 127.0.0.1:3000 refused the connection\nforged: line",
  );
  const address = "\x1b[2J10.0.0.1\r\n\u202eforged";
  assertEquals(
    told(
      {
        type: "target-error",
        tunnel: 0,
        error,
        failed: 1,
        originator: { address, port: 1234 },
      },
      {
        type: "target-error",
        tunnel: 0,
        error,
        failed: 2,
        originator: { address: "", port: 0 },
      },
      {
        type: "opened",
        tunnel: 0,
        connection: connectionOf({ address }).connection,
      },
    ),
    [
      "warn: connection from 10.0.0.1 forged port 1234 refused: the target 127.0.0.1:3000 refused the connection forged: line",
      "warn: connection refused: the target 127.0.0.1:3000 refused the connection forged: line",
      "debug: connection from 10.0.0.1 forged port 1234 to localhost:8080 → 127.0.0.1:3000 opened",
    ],
  );
});

Deno.test("eventFormatter.format() says how long a connection lasted and what went through", () => {
  const { connection } = connectionOf({
    bytesToTarget: 1_234_567,
    bytesToServer: 340,
  });
  assertEquals(
    told({ type: "closed", tunnel: 0, connection, ms: 61_000, error: lost }),
    ["debug: connection from 192.0.2.1 port 1234 to localhost:8080 → 127.0.0.1:3000 closed after 1 min 1 s, 1.2MB to the target, 340B to the server: the server closed the connection"],
  );
});

Deno.test("eventFormatter.format() says that it has stopped and why", () => {
  assertEquals(
    told({ type: "stopped" }, { type: "stopped", error: refused }),
    ["info: stopped", "error: server.example:22 refused the connection"],
  );
});

Deno.test("eventFormatter.format() makes what the server calls itself printable", () => {
  const server = {
    hostname: "server.example",
    port: 22,
    user: "alice",
    software: "Open\x1bSSH",
    hostKeyFingerprint: "SHA256:x",
    cipher: { toServer: "c", toClient: "c" },
    negotiated,
  };
  assertEquals(told({ type: "connected", server }), [
    "info: connected to server.example port 22 as alice (Open SSH)",
  ]);
});

Deno.test("eventFormatter.format() says how a session ended, and that the forwards stay", () => {
  const ended = (code?: number, signal?: string): SupervisorEvent => ({
    type: "session-ended",
    status: { code, signal, success: code === 0 },
  });
  const error = new ChannelError("channel-refused", "no shells here");
  const stay = "; the forwards stay";
  assertEquals(
    told(
      ended(0),
      ended(3),
      ended(undefined, "SIGTERM"),
      ended(),
      { type: "session-ended", error },
    ),
    [
      `debug: the session on the server has ended (status 0)${stay}`,
      `info: the session on the server has ended (status 3)${stay}`,
      `info: the session on the server has ended (SIGTERM)${stay}`,
      `info: the session on the server has ended${stay}`,
      "warn: no session: no shells here",
    ],
  );
});
