import { ForwardDeniedError, type RForwardError } from "../../../errors.ts";
import { formatBind, isTcp } from "../../../ssh/bind.ts";
import type { Bind, SshConnection } from "../../../ssh/connection.ts";
import { probe, type ProbeResult } from "../../verify/probe.ts";
import { askedReach } from "../../verify/reach.ts";
import { type DenialReason, isHeld, whyDenied } from "../../verify/denial.ts";
import type { ProbeGuard } from "../probe_guard.ts";

/**
 * Finds out about the port of one tunnel on one connection: why it was denied,
 * and who answers there.
 *
 * The reason for a denial is looked up once: each connection to a port makes
 * sshd 9.2 believe that the client that holds it is alive, which may be our own
 * last session.
 */
export class PortChecks {
  readonly #connection: SshConnection;
  readonly #guard: ProbeGuard;
  #reason: DenialReason | undefined;
  #others: { addresses: readonly string[]; error: RForwardError } | undefined;

  /** @param guard Knows whether the server may be asked to connect to its own ports. */
  constructor(connection: SshConnection, guard: ProbeGuard) {
    this.#connection = connection;
    this.#guard = guard;
  }

  /** Why the server would not bind. */
  async whyDenied(
    bind: Bind,
    denied: ForwardDeniedError,
    signal: AbortSignal,
  ): Promise<DenialReason> {
    if (!this.#guard.allows(this.#connection)) return "unknown";
    return this.#reason ??= await this.#guard.watch(
      this.#connection,
      () => whyDenied(this.#connection, bind, denied, signal),
    );
  }

  /** The error of the last {@linkcode findOthers}, if they hold the port still. */
  async heldByOthers(bind: Bind): Promise<RForwardError | undefined> {
    const others = this.#others;
    if (!others) return undefined;
    const { addresses, error } = others;
    return await isHeld(this.#connection, bind, addresses) ? error : undefined;
  }

  /**
   * Checks who answers at a bound port.
   *
   * @param before What was found before, since it was bound.
   */
  async probe(
    bound: Bind,
    before: ProbeResult | undefined,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const connection = this.#connection;
    if (!this.#guard.allows(connection)) {
      return {
        verdict: "unverifiable",
        addresses: [],
        reach: "unknown",
        askedReach: askedReach(bound),
        ms: 0,
      };
    }
    // What a bind reaches does not change while the server holds it.
    const reach = before?.reach === "unknown" ? undefined : before?.reach;
    return await this.#guard.watch(
      connection,
      () => probe(connection, bound, { signal, reach }),
    );
  }

  /** Whether the port is not ours alone: an error that says whose it is, and is remembered. */
  findOthers(
    bound: Bind,
    { verdict, addresses }: ProbeResult,
  ): RForwardError | undefined {
    if (verdict === "verified" || verdict === "unverifiable") return undefined;
    const foreign = addresses.filter(({ answer }) => answer === "foreign")
      .map(({ address }) => address);
    const error = new ForwardDeniedError(
      bound,
      verdict === "unreachable"
        ? `nothing answers at ${
          formatBind(bound)
        } on the server, although it said that it listens`
        : `another program answers at ${foreign.join(" and ")}${
          isTcp(bound) ? ` port ${bound.port}` : ""
        } on the server`,
    );
    this.#others = { addresses: foreign, error };
    return error;
  }

  /** Forgets what was found, as the port is ours now, or another one is asked for. */
  forget(): void {
    this.#reason = this.#others = undefined;
  }
}
