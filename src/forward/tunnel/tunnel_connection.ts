import { Ending } from "../../ending.ts";
import { RForwardError, TargetError } from "../../errors.ts";
import type {
  Bind,
  CloseReason,
  ForwardedOpen,
  Originator,
  SshChannel,
} from "../../ssh/connection.ts";
import type { Endpoint } from "../targets/dialer.ts";

/** How many there have been in this process. */
let count = 0;

/** One live connection through a tunnel. */
export class TunnelConnection {
  /** Its number among all those of this process, from 1. */
  readonly id: number = ++count;
  /** Where on the server it came in. */
  readonly bind: Bind;
  /** Who connected, as the server reports it: untrusted. */
  readonly originator: Originator;
  /** The target it goes to, as text. */
  readonly target: string;
  /** When it was opened. */
  readonly openedAt: Date = new Date();
  /** Settles when it has ended: `closed` after an orderly end, also by us; otherwise `lost`, with the error. */
  readonly closed: Promise<CloseReason>;

  readonly #openedMs = performance.now();
  readonly #channel: SshChannel;
  readonly #ending = new Ending();

  /**
   * Starts serving a connection.
   *
   * @param open The connection as the server opened it.
   * @param channel Its channel, confirmed.
   * @param target The target that has answered.
   *
   * @ignore
   */
  constructor(
    open: ForwardedOpen,
    channel: SshChannel,
    target: { name: string; endpoint: Endpoint },
  ) {
    this.bind = open.bind;
    this.originator = open.originator;
    this.target = target.name;
    this.#channel = channel;
    this.closed = this.#run(target.endpoint);
  }

  /** Bytes from the server to the target. */
  get bytesToTarget(): number {
    return this.#channel.bytesReceived;
  }

  /** Bytes from the target to the server. */
  get bytesToServer(): number {
    return this.#channel.bytesSent;
  }

  /** How long ago it was opened, in milliseconds, whatever the clock is set to meanwhile. */
  get ageMs(): number {
    return performance.now() - this.#openedMs;
  }

  /** Closes both directions now. Idempotent. */
  close(): void {
    this.end(
      new RForwardError("channel-closed", "the connection was closed here"),
    );
  }

  /** @ignore Closes both directions for a reason. */
  end(reason: unknown): void {
    this.#ending.end(reason);
  }

  async #run(endpoint: Endpoint): Promise<CloseReason> {
    const ending = this.#ending;
    try {
      await endpoint.serve(this.#channel, ending);
      // sshd drops what it has not passed on when the SSH connection ends, so
      // it is over only when the server says so.
      return await ending.race(this.#channel.closed);
    } catch (error) {
      // Whatever served it may have been waiting for the client.
      this.#channel.close();
      if (ending.isEnded && !isLoss(ending.reason)) return { reason: "closed" };
      return { reason: "lost", error: this.#explain(error) };
    }
  }

  #explain(cause: unknown): RForwardError {
    if (cause instanceof RForwardError) return cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `the connection to ${this.target} broke: ${why}`;
    return new TargetError("target-failed", this.target, message, { cause });
  }
}

function isLoss(reason: unknown): boolean {
  return reason instanceof RForwardError &&
    ["connection-lost", "time-limit"].includes(reason.code);
}
