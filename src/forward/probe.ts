import { Deadline } from "../deadline.ts";
import { ArgumentError, ChannelError, RForwardError } from "../errors.ts";
import { formatBind, isTcp } from "../ssh/bind.ts";
import type {
  Bind,
  ForwardedOpen,
  SshChannel,
  SshConnection,
} from "../ssh/connection.ts";
import { checkMs } from "../validate.ts";
import { PortDispatcher, type Registration } from "./dispatcher.ts";
import { PeekedOpen } from "./peeked_open.ts";

/**
 * Who answers at one address of the server: we do; somebody else does; nobody
 * does; or the server will not try (sshd: `PermitOpen`, `AllowTcpForwarding`).
 */
export type ProbeAnswer = "ours" | "foreign" | "closed" | "forbidden";

/**
 * Who answers at a bound port.
 *
 * - `verified`: we do.
 * - `half-bound`: we do at one address, somebody else at another. sshd says
 *   yes to `localhost` when only one of 127.0.0.1 and ::1 could be bound.
 * - `foreign`: somebody else does.
 * - `unreachable`: nobody does, although the server said that it listens.
 * - `unverifiable`: the server does not let us look.
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
  /** The same for each address that was tried (or the path of a Unix socket). */
  addresses: readonly { address: string; answer: ProbeAnswer }[];
  /** How long it took, in milliseconds. */
  ms: number;
}

/** Options of {@linkcode probe}. */
export interface ProbeOptions {
  /** How long the server may take at each address, in milliseconds. 5000 by default. */
  timeoutMs?: number;
  /** Gives up. */
  signal?: AbortSignal;
}

/** Random bytes that nobody else can know. */
const NONCE_BYTES = 32;

/**
 * Finds out who really answers at a port that the server said it bound for us.
 *
 * The server is asked to connect to the port itself (`direct-tcpip`, RFC 4254
 * section 7.2), at each loopback address that belongs to the bind address (or
 * at both, if nobody answers at another address), and a random number sent
 * that way has to come back on our own channel. The
 * target sees nothing of it, and somebody else's service gets no byte.
 * Connections that come in meanwhile are held for that long, at most the
 * timeout.
 *
 * @param connection The connection that the port was bound on.
 * @param bound Where the server listens, e.g. {@linkcode ReverseTunnel.bound}.
 * @throws {ArgumentError} if nobody here listens there.
 * @throws {RForwardError} if the connection ends, or the signal's reason.
 *
 * @example
 * ```ts
 * import { connect, forward, probe } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   host: server.host,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * await using tunnel = await forward(connection, {
 *   bind: { port: 0 },
 *   target: { port: 8080 },
 * });
 * console.log((await probe(connection, tunnel.bound)).verdict);
 * ```
 */
export async function probe(
  connection: SshConnection,
  bound: Bind,
  { timeoutMs = 5000, signal }: ProbeOptions = {},
): Promise<ProbeResult> {
  checkMs("timeoutMs", timeoutMs);
  const registration = PortDispatcher.of(connection).owner(bound);
  if (!registration) {
    throw new ArgumentError("bound", `nobody listens on ${formatBind(bound)}`);
  }
  const began = performance.now();
  const end = AbortSignal.any([connection.signal, ...signal ? [signal] : []]);
  const addresses: { address: string; answer: ProbeAnswer }[] = [];
  const look = async (address: string) => {
    using deadline = new Deadline(timeoutMs, end);
    deadline.start(() => new TimeOver(address, timeoutMs));
    const answer = await ask(connection, registration, address, deadline);
    addresses.push({ address, answer });
  };
  for (const address of addressesOf(bound)) await look(address);
  const isElsewhere = addresses.every(({ address, answer }) =>
    answer === "closed" && !LOOPBACK.includes(address)
  );
  if (isTcp(bound) && isElsewhere) {
    // sshd listens there unless GatewayPorts has it heed the address.
    for (const address of LOOPBACK) await look(address);
  }
  const ms = performance.now() - began;
  return { verdict: judge(addresses.map((a) => a.answer)), addresses, ms };
}

/** Opens a connection from the server to a port or Unix socket there. */
export function openOnServer(
  connection: SshConnection,
  bind: Bind,
  address: string,
  signal: AbortSignal,
): Promise<SshChannel> {
  return isTcp(bind)
    ? connection.openDirect(address, bind.port, { signal })
    : connection.openDirectUnix(bind.path, { signal });
}

const LOOPBACK: readonly string[] = ["127.0.0.1", "::1"];

/** Where on the server a bound port has to answer. */
export function addressesOf(bind: Bind): readonly string[] {
  if (!isTcp(bind)) return [bind.path];
  switch (bind.address.toLowerCase()) {
    case "":
    case "*":
    case "localhost":
      return LOOPBACK;
    case "0.0.0.0":
      return ["127.0.0.1"];
    case "::":
      return ["::1"];
    default:
      return [bind.address];
  }
}

class TimeOver extends RForwardError {
  constructor(address: string, ms: number) {
    super("connect-timeout", `${address} did not answer within ${ms} ms`);
  }
}

function ask(
  connection: SshConnection,
  registration: Registration,
  address: string,
  deadline: Deadline,
): Promise<ProbeAnswer> {
  const watch = new Watch();
  return registration.inspectDuring(
    (open) => watch.inspect(open),
    async () => {
      let channel: SshChannel | undefined;
      try {
        channel = await openOnServer(
          connection,
          registration.bound,
          address,
          deadline.signal,
        );
        const other = somebodyElse(channel);
        // Where somebody else answers, nothing is sent: nobody knows what it would do.
        await deadline.race(Promise.race([watch.seen, other]));
        const writer = channel.writable.getWriter();
        writer.write(watch.nonce).catch(() => {}); // then it does not come back either
        const own = await deadline.race(Promise.race([watch.found, other]));
        // Nothing is left of it when it says so.
        channel.close();
        const closed = Promise.all([own.closed, channel.closed]);
        await deadline.race(closed).catch(() => {});
        return "ours";
      } catch (error) {
        if (error instanceof SomebodyElse) return "foreign";
        if (error instanceof TimeOver) return channel ? "foreign" : "closed";
        if (!(error instanceof ChannelError) || deadline.signal.aborted) {
          throw error;
        }
        return error.reason === CONNECT_FAILED ? "closed" : "forbidden";
      } finally {
        watch.end();
        channel?.close();
      }
    },
  );
}

class SomebodyElse extends Error {}

/** Rejects when something comes from the other end, if only its end: we say nothing there. */
function somebodyElse(channel: SshChannel): Promise<never> {
  const heard = channel.readable.getReader().read().then(
    () => {
      throw new SomebodyElse();
    },
    (error) => {
      throw error instanceof ChannelError ? new SomebodyElse() : error;
    },
  );
  heard.catch(() => {}); // when nobody waits for it any more
  return heard;
}

/** RFC 4254 section 5.1. */
const CONNECT_FAILED = 2;

/** Looks for the nonce in what comes in. */
class Watch {
  readonly nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  readonly #seen = Promise.withResolvers<void>();
  readonly #found = Promise.withResolvers<PeekedOpen>();
  readonly #over = Promise.withResolvers<void>();

  /** Settles when something came in. */
  readonly seen: Promise<void> = this.#seen.promise;
  /** Settles with what the nonce came in on, closed. */
  readonly found: Promise<PeekedOpen> = this.#found.promise;

  /** @returns the connection, to be served as it is, unless it is the probe's own. */
  async inspect(open: ForwardedOpen): Promise<ForwardedOpen | undefined> {
    const peeked = new PeekedOpen(open);
    this.#seen.resolve();
    if (!await peeked.beginsWith(this.nonce, this.#over.promise)) return peeked;
    peeked.refuse();
    this.#found.resolve(peeked);
    this.end();
    return undefined;
  }

  /** Lets go of what is held. */
  end(): void {
    this.#over.resolve();
  }
}

function judge(answers: readonly ProbeAnswer[]): ProbeVerdict {
  const has = (answer: ProbeAnswer) => answers.includes(answer);
  if (has("ours")) return has("foreign") ? "half-bound" : "verified";
  if (has("foreign")) return "foreign";
  return has("forbidden") ? "unverifiable" : "unreachable";
}
