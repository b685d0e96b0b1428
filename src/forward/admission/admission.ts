import { Deadline } from "../../abort.ts";
import { RForwardError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { Bind, ForwardedOpen } from "../../ssh/connection.ts";
import { addressKey, AddressRanges } from "./address_ranges.ts";
import {
  type AdmissionRefusal,
  type AdmissionRule,
  type AdmissionRules,
  checkRules,
  checkRulesFor,
  goByOriginator,
  refusals,
  type TimeLimitRule,
} from "./admission_rules.ts";
import { originatorDoubt } from "./originator_doubt.ts";
import { checkObject } from "../../validate.ts";
import { Pacer } from "./pacer.ts";
import { RateLimit } from "./rate_limit.ts";
import { Ticket } from "./ticket.ts";

/** How long a decision may take by default, in milliseconds. */
const DECIDE_MS = 5000;

/** Counters of an {@linkcode Admission}: each connection was either admitted or refused. */
export interface AdmissionCounts {
  /** Connections that were admitted. */
  readonly admitted: number;
  /** Admitted connections that have not ended. */
  readonly live: number;
  /** Connections that were refused. */
  readonly refused: number;
  /** The same by rule. */
  readonly refusedBy: Readonly<Partial<Record<AdmissionRule, number>>>;
  /** Connections closed by a time limit, by rule. */
  readonly endedBy: Readonly<Partial<Record<TimeLimitRule, number>>>;
}

/**
 * Decides about each connection to a bound port before it is accepted, and
 * limits those that it admits.
 *
 * A tunnel creates one from its `admission` rules. One created by the caller can
 * be given to several tunnels, which then share its limits.
 *
 * @example
 * ```ts
 * import { Admission } from "@x2go/rforward";
 *
 * const admission = new Admission({
 *   allow: ["10.0.0.0/8"],
 *   maxConnections: 100,
 *   maxBandwidth: 1_000_000,
 * });
 * // Later: admit more addresses, and lift the bandwidth limit.
 * admission.rules = { allow: ["10.0.0.0/8", "2001:db8::/32"], maxConnections: 100 };
 * console.log(admission.counts.refused);
 * ```
 */
export class Admission {
  #rules: AdmissionRules = {};
  #allow: AddressRanges | undefined;
  #deny: AddressRanges | undefined;
  #rate: RateLimit | undefined;
  #admitted = 0;
  #refused = 0;
  readonly #refusedBy: Partial<Record<AdmissionRule, number>> = {};
  readonly #endedBy: Partial<Record<TimeLimitRule, number>> = {};
  readonly #live = new Set<Ticket>();
  readonly #liveByAddress = new Map<string, number>();
  readonly #toTarget = new Pacer();
  readonly #toServer = new Pacer();
  #hasDoubted = false;

  /**
   * Begins with some rules; {@linkcode rules} changes them.
   *
   * @param rules The rules at first.
   * @throws {ArgumentError} if they cannot be used.
   */
  constructor(rules: AdmissionRules) {
    this.rules = rules;
  }

  /**
   * @ignore The one that was given; else the one before, or a new one, with the rules.
   *
   * @throws {ArgumentError} if they cannot be used for the bind.
   */
  static of(
    admission: AdmissionRules | Admission,
    bind: Bind,
    before?: Admission,
  ): Admission {
    const rules = admission instanceof Admission ? admission.rules : admission;
    checkObject("admission", rules);
    checkRulesFor(bind, rules);
    if (admission instanceof Admission) return admission;
    if (!before) return new Admission(rules);
    before.rules = rules;
    return before;
  }

  /**
   * The rules. New bandwidth and time limits also apply to live connections;
   * the other rules apply to new connections only.
   *
   * @throws {ArgumentError} if they cannot be used; the old ones stay then.
   */
  get rules(): AdmissionRules {
    return this.#rules;
  }
  set rules(rules: AdmissionRules) {
    checkRules(rules);
    const ranges = (name: "allow" | "deny") =>
      rules[name] === undefined
        ? undefined
        : new AddressRanges(`admission.${name}`, rules[name]);
    [this.#allow, this.#deny] = [ranges("allow"), ranges("deny")];
    if (rules.maxRate !== this.#rules.maxRate) {
      this.#rate = rules.maxRate === undefined
        ? undefined
        : new RateLimit(rules.maxRate);
    }
    this.#rules = { ...rules };
    this.#toTarget.rate = this.#toServer.rate = rules.maxBandwidth;
    for (const ticket of this.#live) ticket.apply(this.#rules);
  }

  /** The counters at this moment. */
  get counts(): AdmissionCounts {
    return {
      admitted: this.#admitted,
      live: this.#live.size,
      refused: this.#refused,
      refusedBy: { ...this.#refusedBy },
      endedBy: { ...this.#endedBy },
    };
  }

  /**
   * @ignore Decides about a connection, which is refused already if the result
   * is no ticket.
   *
   * @throws the signal's reason, if that aborts first.
   */
  admit(
    open: ForwardedOpen,
    signal: AbortSignal,
    logger: Logger,
  ): Ticket | AdmissionRefusal | Promise<Ticket | AdmissionRefusal> {
    this.#doubt(open, logger);
    const broken = this.#judge(open);
    if (broken) return this.#refuse(open, broken);
    // It counts from now on, so that no more come in while this is decided.
    const ticket = this.#issue(open);
    if (!this.#rules.decide) return this.#pass(ticket);
    return this.#decide(open, ticket, signal, logger);
  }

  #judge(
    { originator: { address } }: ForwardedOpen,
  ): AdmissionRule | undefined {
    const { maxConnections, maxConnectionsPerOriginator } = this.#rules;
    if (this.#deny?.includes(address)) return "deny";
    if (this.#allow && !this.#allow.includes(address)) return "allow";
    if (this.#live.size >= (maxConnections ?? Infinity)) {
      return "maxConnections";
    }
    const ofAddress = this.#liveByAddress.get(addressKey(address)) ?? 0;
    if (ofAddress >= (maxConnectionsPerOriginator ?? Infinity)) {
      return "maxConnectionsPerOriginator";
    }
    return this.#rate?.take() === false ? "maxRate" : undefined;
  }

  async #decide(
    open: ForwardedOpen,
    ticket: Ticket,
    signal: AbortSignal,
    logger: Logger,
  ): Promise<Ticket | AdmissionRefusal> {
    const { decide, decideTimeoutMs = DECIDE_MS } = this.#rules;
    const over = new AbortController();
    using deadline = new Deadline(decideTimeoutMs, signal);
    deadline.start(() =>
      new RForwardError("time-limit", `no answer for ${decideTimeoutMs} ms`)
    );
    const end = AbortSignal.any([deadline.signal, over.signal]);
    const { bind, originator } = open;
    try {
      const decided = decide!({ bind, originator, signal: end });
      const admitted = await deadline.race(Promise.resolve(decided));
      if (admitted === true) return this.#pass(ticket);
    } catch (error) {
      ticket.release();
      signal.throwIfAborted();
      logger.error("admission.decide failed; the connection is refused", error);
    } finally {
      over.abort();
    }
    ticket.release();
    return this.#refuse(open, "decide");
  }

  #issue({ originator: { address } }: ForwardedOpen): Ticket {
    const key = addressKey(address);
    const count = (change: number) => {
      const live = (this.#liveByAddress.get(key) ?? 0) + change;
      if (live > 0) this.#liveByAddress.set(key, live);
      else this.#liveByAddress.delete(key);
    };
    const ticket = new Ticket(this.#rules, {
      toTarget: this.#toTarget,
      toServer: this.#toServer,
      onEnd: (rule) => {
        this.#endedBy[rule] = (this.#endedBy[rule] ?? 0) + 1;
      },
      onRelease: () => {
        this.#live.delete(ticket);
        count(-1);
      },
    });
    this.#live.add(ticket);
    count(1);
    return ticket;
  }

  #pass(ticket: Ticket): Ticket {
    this.#admitted++;
    return ticket;
  }

  #refuse(open: ForwardedOpen, rule: AdmissionRule): AdmissionRefusal {
    const { reason, text } = refusals[rule];
    open.refuse(reason, text);
    this.#refused++;
    this.#refusedBy[rule] = (this.#refusedBy[rule] ?? 0) + 1;
    return { rule, reason, bind: open.bind, originator: open.originator };
  }

  /** Warns once if rules depend on an address that the server does not really report. */
  #doubt(open: ForwardedOpen, logger: Logger): void {
    if (this.#hasDoubted || !goByOriginator(this.#rules)) return;
    const doubt = originatorDoubt(open);
    if (doubt === undefined) return;
    this.#hasDoubted = true;
    logger.warn(doubt);
  }
}
