import { defined } from "../../defined.ts";
import { ArgumentError } from "../../errors.ts";
import { checkBind, formatBind, isTcp } from "../../ssh/bind.ts";
import type { Bind, SshConnection } from "../../ssh/connection.ts";
import { type ServerKind, serverKind } from "../../ssh/server_kind.ts";
import { checkMs } from "../../validate.ts";
import { PortDispatcher } from "../tunnel/dispatcher.ts";
import { lookAt, type ProbeAnswer } from "./look_at.ts";
import {
  addressesOf,
  askedReach,
  findReach,
  LOOPBACK,
  type Reach,
  reachWarning,
} from "./reach.ts";

/**
 * Who answers at a bound port.
 *
 * - `verified`: we do.
 * - `half-bound`: we do at one address, another program at another. sshd says
 *   yes to `localhost` when only one of 127.0.0.1 and ::1 could be bound.
 * - `foreign`: another program does.
 * - `unreachable`: nothing does, although the server said that it listens.
 * - `unverifiable`: the server does not let us look, or it is a program of its
 *   own (made with Go's SSH package), whose ports may not be ports of its host.
 */
export type ProbeVerdict =
  | "verified"
  | "half-bound"
  | "foreign"
  | "unreachable"
  | "unverifiable";

/** What a {@linkcode probe} found. */
export interface ProbeResult {
  /** Who answers. */
  verdict: ProbeVerdict;
  /** The same for each address that belongs to the bind address (or the path of a Unix socket). */
  addresses: readonly { address: string; answer: ProbeAnswer }[];
  /**
   * From where the port can be reached; `unknown` unless the verdict is
   * `verified`. sshd says yes to `0.0.0.0` and listens on loopback alone,
   * unless `GatewayPorts` allows more.
   */
  reach: Reach;
  /** From where it was to be reached, as the bind address says. */
  askedReach: Exclude<Reach, "unknown">;
  /** For people, where the two differ: what that means and how to change it. */
  warning?: string;
  /** How long it took, in milliseconds. */
  ms: number;
}

/** Options of {@linkcode probe}. */
export interface ProbeOptions {
  /**
   * How long the server may take at each address, in milliseconds.
   *
   * @default {5000}
   */
  timeoutMs?: number;
  /** The reach, if an earlier probe of the same bind has found it: it is not looked for again. */
  reach?: Reach | undefined;
  /** Aborts the probe. */
  signal?: AbortSignal;
}

/**
 * How long an address that is silent may hold up a verdict that is there, in
 * milliseconds: at least this, and on a slow network twice what the first
 * address took.
 */
const REACH_MS = 1000;

/**
 * Finds out which program really answers at a port that the server said it bound for us,
 * and from where it can be reached.
 *
 * The server is asked to connect to the port itself (`direct-tcpip`, RFC 4254
 * section 7.2), at each loopback address that belongs to the bind address (or
 * at both, if nothing answers at another address), and a random number sent
 * that way has to come back on our own channel. Then it is asked for an address
 * at which a port that is bound to loopback does not answer. The target sees
 * nothing of it, and another program's service gets no byte. Connections that
 * come in meanwhile are held for that long, at most the timeout.
 *
 * @param connection The connection that the port was bound on.
 * @param bound Where the server listens, e.g. {@linkcode ReverseTunnel.bound}.
 * @throws {ArgumentError} if no tunnel or listener of this connection is bound there.
 * @throws {RForwardError} if the connection ends, or the signal's reason.
 *
 * @example
 * ```ts
 * import { connect, forward, probe } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * await using tunnel = await forward(connection, {
 *   bind: { port: 0 },
 *   target: { port: 8080 },
 * });
 * const { verdict, reach } = await probe(connection, tunnel.bound);
 * console.log(verdict, reach); // e.g. "verified", "server-only" with an sshd
 * ```
 */
export async function probe(
  connection: SshConnection,
  bound: Bind,
  { timeoutMs = 5000, reach, signal }: ProbeOptions = {},
): Promise<ProbeResult> {
  checkBind(bound, "bound");
  checkMs("timeoutMs", timeoutMs);
  const registration = PortDispatcher.of(connection).owner(bound);
  if (!registration) {
    throw new ArgumentError(
      "bound",
      `no tunnel or listener here is bound to ${formatBind(bound)}`,
    );
  }
  const began = performance.now();
  const end = AbortSignal.any([connection.signal, ...signal ? [signal] : []]);
  const look = (address: string, ms = timeoutMs) =>
    lookAt(connection, registration, address, ms, end);
  const addresses: { address: string; answer: ProbeAnswer }[] = [];
  const lookAtAll = async (all: readonly string[]) => {
    for (const address of all) {
      addresses.push({ address, answer: (await look(address)).answer });
    }
  };
  await lookAtAll(addressesOf(bound));
  const isElsewhere = addresses.every(({ address, answer }) =>
    answer === "closed" && !LOOPBACK.includes(address)
  );
  if (isTcp(bound) && isElsewhere) {
    // sshd listens there unless GatewayPorts has it heed the address.
    await lookAtAll(LOOPBACK);
  }
  const verdict = judge(
    addresses.map(({ answer }) => answer),
    serverKind(connection.server),
  );
  if (verdict === "verified") {
    const ours = addresses.filter(({ answer }) => answer === "ours");
    const most = Math.min(
      timeoutMs,
      Math.max(REACH_MS, 2 * (performance.now() - began)),
    );
    reach ??= await findReach(
      bound,
      ours.map(({ address }) => address),
      connection.server.address,
      (address) => look(address, most),
    );
  } else {
    reach = "unknown";
  }
  const warning = reachWarning(bound, reach, connection.server.software);
  return defined({
    verdict,
    addresses,
    reach,
    askedReach: askedReach(bound),
    warning,
    ms: performance.now() - began,
  });
}

function judge(
  answers: readonly ProbeAnswer[],
  kind: ServerKind,
): ProbeVerdict {
  const has = (answer: ProbeAnswer) => answers.includes(answer);
  if (has("ours")) return has("foreign") ? "half-bound" : "verified";
  // What it gives out may be a name, and the port of its host another one's.
  if (kind === "go") return "unverifiable";
  if (has("foreign")) return "foreign";
  return has("forbidden") ? "unverifiable" : "unreachable";
}
