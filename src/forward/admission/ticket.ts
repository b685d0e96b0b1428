import { RForwardError } from "../../errors.ts";
import type { SshChannel } from "../../ssh/connection.ts";
import type { AdmissionRules, TimeLimitRule } from "./admission_rules.ts";
import { PacedChannel } from "./paced_channel.ts";
import type { Pacer } from "./pacer.ts";

/** What a ticket gets from its admission. */
export interface TicketContext {
  /** Shared by all connections, for each direction. */
  readonly toTarget: Pacer;
  readonly toServer: Pacer;
  /** A time limit ended the connection. */
  readonly onEnd: (rule: TimeLimitRule) => void;
  /** The connection is over, or did not come about. */
  readonly onRelease: () => void;
}

/** What a tunnel's connection is to a ticket. */
interface Ending {
  readonly closed: Promise<unknown>;
  end(reason: RForwardError): void;
}

/** An admitted connection: counted and limited until it ends. */
export class Ticket {
  readonly #context: TicketContext;
  #rules: AdmissionRules;
  #channel: PacedChannel | undefined;
  #connection: Ending | undefined;
  #openedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #released = false;

  constructor(rules: AdmissionRules, context: TicketContext) {
    this.#rules = rules;
    this.#context = context;
  }

  /** Limits what a channel moves. */
  limit(channel: SshChannel): SshChannel {
    const { toTarget, toServer } = this.#context;
    this.#openedAt = performance.now();
    return this.#channel = new PacedChannel(
      channel,
      { toTarget, toServer },
      this.#rules.maxBandwidthPerConnection,
    );
  }

  /** Limits how long a connection lasts, and counts it until it is over. */
  watch(connection: Ending): void {
    this.#connection = connection;
    connection.closed.then(() => this.release());
    this.#checkTime();
  }

  /** Applies changed rules. */
  apply(rules: AdmissionRules): void {
    this.#rules = rules;
    if (!this.#channel) return;
    this.#channel.rate = rules.maxBandwidthPerConnection;
    this.#checkTime();
  }

  /** Stops counting it. Idempotent. */
  release(): void {
    clearTimeout(this.#timer);
    if (this.#released) return;
    this.#released = true;
    this.#context.onRelease();
  }

  /** Closes the connection if a limit is exceeded; otherwise sets a timer for the next limit. */
  #checkTime(): void {
    clearTimeout(this.#timer);
    if (this.#released || !this.#connection) return;
    const now = performance.now();
    const [next] = this.#limits(now).toSorted((a, b) => a.at - b.at);
    if (!next) return;
    if (next.at > now) {
      this.#timer = setTimeout(
        () => this.#checkTime(),
        Math.ceil(next.at - now),
      );
      return;
    }
    this.#context.onEnd(next.rule);
    this.#connection.end(
      new RForwardError(
        "time-limit",
        `the connection ${next.what} (${next.rule})`,
      ),
    );
  }

  #limits(
    now: number,
  ): { rule: TimeLimitRule; at: number; what: string }[] {
    const { firstByteTimeoutMs, idleTimeoutMs, maxDurationMs } = this.#rules;
    const { bytesReceived, movedAt, isHolding } = this.#channel!;
    const limit = (
      rule: TimeLimitRule,
      from: number,
      ms: number | undefined,
      what: string,
    ) => ms ? [{ rule, at: from + ms, what }] : []; // 0 is no limit
    return [
      ...bytesReceived > 0 ? [] : limit(
        "firstByteTimeoutMs",
        this.#openedAt,
        firstByteTimeoutMs,
        `sent nothing for ${firstByteTimeoutMs} ms`,
      ),
      ...limit(
        "idleTimeoutMs",
        // It has bytes, and waits for its share of the bandwidth.
        isHolding ? now : movedAt,
        idleTimeoutMs,
        `was idle for ${idleTimeoutMs} ms`,
      ),
      ...limit(
        "maxDurationMs",
        this.#openedAt,
        maxDurationMs,
        `had lasted ${maxDurationMs} ms`,
      ),
    ];
  }
}
