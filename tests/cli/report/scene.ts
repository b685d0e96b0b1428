/** Input for reporters, made by hand. */
import type {
  ProbeResult,
  SupervisedTunnelSnapshot,
  SupervisorSnapshot,
} from "../../../mod.ts";
import type { Output } from "../../../src/cli/report/output.ts";
import { TunnelConnection } from "../../../src/forward/tunnel/tunnel_connection.ts";
import { FakeOpen } from "../../forward/fake_connection.ts";

/** Lets promises that are settled be seen. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Keeps what is written. */
export class Paper implements Output {
  readonly #bytes: number[] = [];

  /** Takes some bytes at a time, as a pipe that is nearly full. */
  writeSync(bytes: Uint8Array): number {
    const some = bytes.subarray(0, 7);
    this.#bytes.push(...some);
    return some.length;
  }

  get lines(): string[] {
    const text = new TextDecoder().decode(Uint8Array.from(this.#bytes));
    return text.split("\n").slice(0, -1);
  }
}

/** The verdict of a probe of a loopback port that is bound as requested. */
export function probeOf(changes: Partial<ProbeResult> = {}): ProbeResult {
  return {
    verdict: "verified",
    addresses: [],
    reach: "server-only",
    askedReach: "server-only",
    ms: 12.4,
    ...changes,
  };
}

/** A tunnel that is up. */
export function tunnelOf(
  changes: Partial<SupervisedTunnelSnapshot> = {},
): SupervisedTunnelSnapshot {
  return {
    state: "up",
    asked: { hostname: "localhost", port: 8080 },
    bound: { hostname: "localhost", port: 8080 },
    target: "127.0.0.1:3000",
    probe: probeOf(),
    live: 0,
    total: 0,
    failed: 0,
    bytesToTarget: 0,
    bytesToServer: 0,
    ...changes,
  };
}

/** All is up since 14:00. */
export function snapshotOf(
  changes: Partial<SupervisorSnapshot> = {},
): SupervisorSnapshot {
  return {
    state: "up",
    since: new Date(2026, 6, 28, 14, 0, 0),
    reconnects: 0,
    tunnels: [tunnelOf()],
    ...changes,
  };
}

/** A connection that stays open. */
export function connectionOf(
  { address = "192.0.2.1", bytesToTarget = 0, bytesToServer = 0 } = {},
): { connection: TunnelConnection } {
  const open = new FakeOpen({ hostname: "localhost", port: 8080 });
  open.originator.address = address;
  const channel = {
    ...open.confirm(),
    bytesReceived: bytesToTarget,
    bytesSent: bytesToServer,
  };
  const endpoint = {
    serve: () => channel.closed.then(() => {}),
    abandon() {},
  };
  const target = { name: "127.0.0.1:3000", endpoint };
  return {
    connection: new TunnelConnection(open, channel, target),
  };
}
