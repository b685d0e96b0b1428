import { ArgumentError } from "../../../errors.ts";
import type { Logger } from "../../../logger.ts";
import { connect } from "../../../ssh/connect.ts";
import type { SshConnection } from "../../../ssh/connection.ts";
import { checkKinds } from "../../../check_kinds.ts";
import { checkConnectKinds } from "../../../ssh/check_options.ts";
import { checkMs } from "../../../validate.ts";
import {
  type ConnectWith,
  fallbackKinds,
  type FallbackOptions,
  type SupervisorOptions,
} from "../supervisor_options.ts";

/** The longest time between attempts to return to a first server that does not stay, in milliseconds. */
const MAX_RETURN_MS = 3_600_000;

/** The servers of a supervisor, and which one it is with. */
export class Servers {
  readonly #all: readonly ConnectWith[];
  readonly #logger: Logger | undefined;
  readonly #returnWhen: NonNullable<FallbackOptions["returnWhen"]>;
  /** How long connecting to one may fail before it is the next one's turn, in milliseconds. */
  readonly afterMs: number;
  readonly #returnEveryMs: number;
  /** Why those are out that cannot be used for good. */
  readonly #out = new Map<number, unknown>();
  #current = 0;
  /** How many have failed in a row. */
  #failed = 0;
  /** Since when the current one cannot be reached, or does not stay. */
  #failingSince: number | undefined;
  /** Whether it is with the first one again. */
  #hasReturned = false;
  /** How often in a row the first one was lost soon after the return to it. */
  #relapses = 0;

  /** @throws {ArgumentError} if the list is empty, or a server or an option cannot be used. */
  constructor({ connect, fallback = {}, logger }: SupervisorOptions) {
    this.#all = isList(connect) ? connect : [connect];
    if (this.#all.length === 0) {
      throw new ArgumentError("connect", "use a list of at least one server");
    }
    for (const way of this.#all) {
      if (typeof way !== "function") checkConnectKinds(way, "connect");
    }
    checkKinds(fallback, fallbackKinds, "fallback");
    const { afterMs = 30_000, returnEveryMs = 60_000, returnWhen = "idle" } =
      fallback;
    checkMs("fallback.afterMs", afterMs);
    checkMs("fallback.returnEveryMs", returnEveryMs, 1);
    if (!["idle", "at-once", "never"].includes(returnWhen)) {
      throw new ArgumentError(
        "fallback.returnWhen",
        'use "idle", "at-once" or "never"',
      );
    }
    this.afterMs = afterMs;
    this.#returnEveryMs = returnEveryMs;
    this.#returnWhen = returnWhen;
    this.#logger = logger;
  }

  /** The place of the one that it is with. */
  get current(): number {
    return this.#current;
  }

  /** Whether connections through the tunnels hold up the return to the first. */
  get waitsForIdle(): boolean {
    return this.#returnWhen === "idle";
  }

  /** Whether the first one is to be tried while this one is in use. */
  get returns(): boolean {
    return this.#current > 0 && this.#returnWhen !== "never" &&
      !this.#out.has(0);
  }

  /**
   * How often the first one is tried while another one is in use, in
   * milliseconds. The time doubles, up to an hour, each time that it was lost
   * soon after the return to it.
   */
  get returnEveryMs(): number {
    const ms = this.#returnEveryMs * 2 ** Math.min(this.#relapses, 31);
    return Math.min(ms, Math.max(this.#returnEveryMs, MAX_RETURN_MS));
  }

  /** How long the current one may go on to fail, in milliseconds; no limit if it is the only one. */
  get patienceMs(): number {
    if (this.#all.length - this.#out.size < 2) return Infinity;
    const since = this.#failingSince ?? performance.now();
    return Math.max(0, this.afterMs - (performance.now() - since));
  }

  /** Whether all of them have failed since one could be used. */
  get allFailed(): boolean {
    return this.#failed >= this.#all.length - this.#out.size;
  }

  /**
   * Connects to one.
   *
   * @param index Which one; the current one by default.
   * @throws what `connect` throws, or the signal's reason.
   */
  async dial(
    signal: AbortSignal,
    index: number = this.#current,
  ): Promise<SshConnection> {
    const how = this.#all[index]!;
    const logger = this.#logger;
    const connection = typeof how === "function"
      ? await how(signal)
      : await connect({ ...logger && { logger }, ...how, signal });
    if (!signal.aborted) return connection;
    await connection.close();
    throw signal.reason;
  }

  /** The current one could be used. */
  use(): void {
    this.#failed = 0;
  }

  /** It is with the first one again. */
  return(): void {
    this.#current = 0;
    this.#failed = 0;
    this.#failingSince = undefined;
    this.#hasReturned = true;
  }

  /**
   * The connection to the current one was lost.
   *
   * @param ms How long it lasted.
   * @param isGood Whether that counts as a server that stays.
   * @returns whether it is the next one's turn.
   */
  lost(ms: number, isGood: boolean): boolean {
    const isRelapse = this.#hasReturned && ms < this.#returnEveryMs;
    this.#hasReturned = false;
    if (isRelapse) this.#relapses++;
    else if (this.#current === 0 && isGood) this.#relapses = 0;
    const wasFailing = !isGood && this.#failingSince !== undefined;
    if (isGood) this.#failingSince = undefined;
    else this.#failingSince ??= performance.now();
    return isRelapse && this.patienceMs < Infinity ||
      wasFailing && this.patienceMs === 0;
  }

  /** The current one could not be reached. */
  fail(): void {
    this.#failingSince ??= performance.now();
  }

  /**
   * One is of no use for good.
   *
   * @throws the first one's error if all were left out.
   */
  ruleOut(error: unknown, index: number = this.#current): void {
    this.#out.set(index, error);
    if (this.#out.size === this.#all.length) throw this.#out.get(0);
  }

  /** Moves on to the next one that is not out. */
  next(): void {
    if (!this.#out.has(this.#current)) this.#failed++;
    this.#failingSince = undefined;
    this.#hasReturned = false;
    do {
      this.#current = (this.#current + 1) % this.#all.length;
    } while (this.#out.has(this.#current));
  }
}

function isList(
  connect: SupervisorOptions["connect"],
): connect is readonly ConnectWith[] {
  return Array.isArray(connect);
}
