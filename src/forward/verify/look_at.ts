import { Deadline } from "../../abort.ts";
import { ChannelError } from "../../errors.ts";
import { isTcp } from "../../ssh/bind.ts";
import type {
  Bind,
  ForwardedOpen,
  SshChannel,
  SshConnection,
} from "../../ssh/connection.ts";
import type { Registration } from "../tunnel/registration.ts";
import { PeekedOpen } from "./peeked_open.ts";

/**
 * Who answers at one address of the server: we do; another program; nothing
 * does; or the server refuses to try (sshd: `PermitOpen`, `AllowTcpForwarding`).
 */
export type ProbeAnswer = "ours" | "foreign" | "closed" | "forbidden";

/** What was found at one address of the server. */
export interface Look {
  /** Who answers. */
  readonly answer: ProbeAnswer;
  /** Whether the machine that has this address said that nothing listens there. */
  readonly isRefused: boolean;
}

/**
 * Checks who answers at one address of the server, at a port that is bound there.
 *
 * @param ms How long that may take, in milliseconds.
 * @param end Aborts it.
 */
export function lookAt(
  connection: SshConnection,
  registration: Registration,
  address: string,
  ms: number,
  end: AbortSignal,
): Promise<Look> {
  const watch = new Watch();
  const found = (answer: ProbeAnswer) => ({ answer, isRefused: false });
  return registration.inspectDuring(
    (open) => watch.inspect(open),
    async () => {
      using deadline = new Deadline(ms, end);
      deadline.start(() => new TimeOver());
      let channel: SshChannel | undefined;
      try {
        channel = await openOnServer(
          connection,
          registration.bound,
          address,
          deadline.signal,
        );
        const foreign = rejectsIfForeign(channel);
        // Nothing is sent to another program: we cannot know what it would do.
        await deadline.race(Promise.race([watch.seen, foreign]));
        const writer = channel.writable.getWriter();
        writer.write(watch.nonce).catch(() => {}); // then it does not arrive either
        const own = await deadline.race(Promise.race([watch.found, foreign]));
        // The result comes after both ends have closed.
        channel.close();
        const closed = Promise.all([own.closed, channel.closed]);
        await deadline.race(closed).catch(() => {});
        return found("ours");
      } catch (error) {
        if (error instanceof ForeignError) return found("foreign");
        if (error instanceof TimeOver) {
          return found(channel ? "foreign" : "closed");
        }
        if (!(error instanceof ChannelError) || deadline.signal.aborted) {
          throw error;
        }
        if (error.reason !== "connect-failed") return found("forbidden");
        const isRefused = REFUSED.test(error.serverSays ?? "");
        return { answer: "closed", isRefused };
      } finally {
        watch.end();
        channel?.close();
      }
    },
  );
}

/** How servers quote ECONNREFUSED; asyncssh gives the number that Linux has for it. */
const REFUSED = /connection refused|ECONNREFUSED|\berrno 111\b/i;

class ForeignError extends Error {}

/** Rejects when the other end sends anything, even EOF: we have sent nothing there. */
function rejectsIfForeign(channel: SshChannel): Promise<never> {
  const heard = channel.readable.getReader().read().then(
    () => {
      throw new ForeignError();
    },
    (error) => {
      throw error instanceof ChannelError ? new ForeignError() : error;
    },
  );
  heard.catch(() => {}); // it may lose the race
  return heard;
}

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

  /** @returns the connection, to be served, unless it is the probe's own. */
  async inspect(open: ForwardedOpen): Promise<ForwardedOpen | undefined> {
    const peeked = new PeekedOpen(open);
    this.#seen.resolve();
    if (!await peeked.beginsWith(this.nonce, this.#over.promise)) return peeked;
    peeked.refuse();
    this.#found.resolve(peeked);
    this.end();
    return undefined;
  }

  /** Passes on what is held. */
  end(): void {
    this.#over.resolve();
  }
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

class TimeOver extends Error {}

/** Random bytes that no other program can know. */
const NONCE_BYTES = 32;
