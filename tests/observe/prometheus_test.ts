import type { SupervisorEvent, SupervisorSnapshot } from "../../mod.ts";
import { ConnectError } from "../../src/errors.ts";
import { prometheusText, SupervisorMetrics } from "../../src/observe/mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { connectionOf, snapshotOf, tunnelOf } from "../cli/report/scene.ts";
import { findProgram, optionalTest } from "../servers/availability.ts";

const failure = new ConnectError(
  "connect-timeout",
  { hostname: "h", port: 1 },
  "no answer",
);

const noName = new ConnectError(
  "host-not-found",
  { hostname: "h", port: 1 },
  "no address",
);

/** Metrics after a life with everything in it. */
function scene(snapshot: Partial<SupervisorSnapshot> = {}): SupervisorMetrics {
  const metrics = new SupervisorMetrics(() =>
    snapshotOf({
      tunnels: [
        tunnelOf({ live: 2, total: 5, failed: 1, bytesToTarget: 10 }),
        tunnelOf({
          target: 'odd "name"\\\n',
          admission: {
            admitted: 1,
            live: 0,
            refused: 3,
            refusedBy: { maxRate: 3 },
            endedBy: {},
          },
        }),
      ],
      ...snapshot,
    })
  );
  const { connection } = connectionOf();
  const until = new Date();
  const events: SupervisorEvent[] = [
    { type: "connecting", attempt: 1 },
    { type: "waiting", error: failure, ms: 1, until },
    { type: "connecting", attempt: 2 },
    { type: "switching", from: 0, to: 1, error: failure },
    { type: "waiting", error: failure, ms: 1, until },
    { type: "connecting", attempt: 1 },
    { type: "connected", server: {} as never },
    { type: "connecting", attempt: 1 },
    { type: "hand-over-failed", error: noName },
    { type: "lost", error: failure },
    { type: "waiting", error: failure, ms: 1, until },
    ...[1, 250, 250.1, 1e9].map((ms) => ({
      ...{ type: "closed" as const, tunnel: 0, connection, ms },
    })),
  ];
  for (const event of events) metrics.record(event);
  return metrics;
}

Deno.test("prometheusText() has all that happened", () => {
  const lines = prometheusText(scene().read()).split("\n");
  const bind = 'rforward_bind="localhost:8080"';
  const first = `rforward_tunnel="0",${bind},rforward_target="127.0.0.1:3000"`;
  const second =
    `rforward_tunnel="1",${bind},rforward_target="odd \\"name\\"\\\\\\n"`;
  for (
    const line of [
      'rforward_state{rforward_state="up"} 1',
      'rforward_state{rforward_state="waiting"} 0',
      "rforward_ssh_connects_total 1",
      'rforward_ssh_connect_failures_total{error_type="connect-timeout"} 2',
      'rforward_ssh_connect_failures_total{error_type="host-not-found"} 1',
      'rforward_ssh_losses_total{error_type="connect-timeout"} 1',
      `rforward_tunnel_active_connections{${first}} 2`,
      `rforward_tunnel_connections_total{${first}} 5`,
      `rforward_tunnel_target_failures_total{${first}} 1`,
      `rforward_tunnel_refusals_total{${second},rforward_rule="maxRate"} 3`,
      `rforward_tunnel_io_bytes_total{${first},rforward_direction="to_target"} 10`,
      'rforward_tunnel_connection_duration_seconds_bucket{le="0.005"} 1',
      'rforward_tunnel_connection_duration_seconds_bucket{le="0.25"} 2',
      'rforward_tunnel_connection_duration_seconds_bucket{le="0.5"} 3',
      'rforward_tunnel_connection_duration_seconds_bucket{le="14400"} 3',
      'rforward_tunnel_connection_duration_seconds_bucket{le="+Inf"} 4',
      "rforward_tunnel_connection_duration_seconds_count 4",
    ]
  ) {
    assert(lines.includes(line), line);
  }
});

optionalTest("promtool", "promtool finds nothing in the metrics", async () => {
  for (const snapshot of [{}, { tunnels: [] }]) {
    const child = new Deno.Command(findProgram("promtool")!, {
      args: ["check", "metrics"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const text = prometheusText(scene(snapshot).read());
    await new Blob([text]).stream().pipeTo(child.stdin);
    const { code, stdout, stderr } = await child.output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assertEquals([code, decode(stdout), decode(stderr)], [0, "", ""]);
  }
});
