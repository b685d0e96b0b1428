import { defined } from "../../../defined.ts";
import { RForwardError } from "../../../errors.ts";
import { type Logger, silentLogger } from "../../../logger.ts";
import { formatBind } from "../../../ssh/bind.ts";
import type { Bind, SshConnection } from "../../../ssh/connection.ts";
import { Admission, type AdmissionCounts } from "../../admission/admission.ts";
import type { AdmissionRules } from "../../admission/admission_rules.ts";
import { createDialer } from "../../targets/create_dialer.ts";
import type { Dialer } from "../../targets/dialer.ts";
import type { Target } from "../../targets/target.ts";
import { ReverseTunnel } from "../../tunnel/tunnel.ts";
import type { TunnelConnection } from "../../tunnel/tunnel_connection.ts";
import type { TunnelOptions } from "../../tunnel/tunnel_options.ts";
import { RefusalReports } from "./refusal_reports.ts";
import type { SupervisedTunnel } from "../supervisor_options.ts";
import { checkTargetCheck } from "./target_health.ts";
import type { TunnelEvent } from "./tunnel_event.ts";
import { type Generation, TunnelGenerations } from "./tunnel_generations.ts";
import { TunnelTotals } from "./tunnel_totals.ts";

/**
 * Creates the tunnels of one supervised tunnel, one per SSH connection, with the
 * same target, rules, counters and events.
 */
export class TunnelFactory {
  /** Those that it made. */
  readonly tunnels = new TunnelGenerations();
  /** What goes through all of them. */
  readonly totals = new TunnelTotals();

  readonly #asked: Bind;
  readonly #logger: Logger;
  readonly #emit: (event: TunnelEvent) => void;
  #options: SupervisedTunnel;
  #dialer: Dialer;
  #admission: Admission | undefined;
  readonly #refusals = new RefusalReports((refusal, count) => {
    const refused = this.#admission?.counts.refused ?? count;
    this.#emit({ type: "refused", refusal, count, refused });
  });

  /** @throws {ArgumentError} if target or admission cannot be used. */
  constructor(
    options: SupervisedTunnel,
    asked: Bind,
    logger: Logger,
    emit: (event: TunnelEvent) => void,
  ) {
    this.#options = options;
    this.#asked = asked;
    this.#logger = logger;
    this.#emit = emit;
    this.#dialer = createDialer(options.target, options);
    checkTargetCheck(options.checkTarget, this.#dialer);
    if (options.admission !== undefined) {
      this.#admission = Admission.of(options.admission, asked);
    }
  }

  /** What they are made with now. */
  get options(): SupervisedTunnel {
    return this.#options;
  }

  /** Dials the target of now. */
  get dialer(): Dialer {
    return this.#dialer;
  }

  /** How many connections were admitted and refused. */
  get admission(): AdmissionCounts | undefined {
    return this.#admission?.counts;
  }

  /**
   * Takes over what can change while a tunnel is up: target and admission.
   *
   * @returns does it; nothing has changed before.
   * @throws {ArgumentError} if something cannot be used.
   */
  adopt(options: SupervisedTunnel, isOtherTarget: boolean): () => void {
    const { admission = {}, target } = options;
    Admission.of(admission, this.#asked);
    const dialer = isOtherTarget ? createDialer(target, options) : undefined;
    if (dialer) checkTargetCheck(this.#options.checkTarget, dialer);
    return () => {
      if (dialer) this.#replaceTarget(target, dialer);
      if (options.admission !== this.#options.admission) this.#admit(admission);
    };
  }

  /** Creates a tunnel on a connection. */
  create(
    connection: SshConnection,
    more: Pick<TunnelOptions, "bind" | "unlinkStale">,
  ): Generation {
    const cancelled = new AbortController();
    const {
      checkTarget: _,
      onConnection,
      onTargetError,
      onRefused,
      ...options
    } = this.#options;
    const tunnel = new ReverseTunnel(connection, {
      ...options,
      ...this.#admission && { admission: this.#admission },
      ...more,
      // Retrying is the supervisor's task.
      bindRetry: { forMs: 0 },
      onCancelled: () => cancelled.abort(cancelledError(tunnel.bound)),
      // The supervisor's events carry what is dropped here.
      logger: {
        ...silentLogger,
        warn: (...args) => this.#logger.warn(...args),
        error: (...args) => this.#logger.error(...args),
      },
      onRequestDenied: () => {},
      onConnection: (connection) => {
        this.totals.add(connection);
        this.#emit({ type: "opened", connection });
        connection.closed.then(({ error }) => this.#closed(connection, error));
        return onConnection?.(connection);
      },
      onTargetError: (error, originator) => {
        const failed = this.totals.fail(error);
        this.#emit({ type: "target-error", error, originator, failed });
        return onTargetError?.(error, originator);
      },
      onRefused: (refusal) => {
        this.#refusals.add(refusal);
        return onRefused?.(refusal);
      },
    });
    const generation = { connection, tunnel, cancelled: cancelled.signal };
    this.tunnels.add(generation);
    return generation;
  }

  /** Reports the refusals that were held back. */
  flush(): void {
    this.#refusals.flush();
  }

  #replaceTarget(target: Target, dialer: Dialer): void {
    this.#dialer = dialer;
    this.#options = { ...this.#options, target };
    for (const tunnel of this.tunnels) tunnel.replaceTarget(target);
    this.#emit({ type: "target-replaced", target: dialer.name });
  }

  #admit(admission: AdmissionRules | Admission): void {
    const isShared = this.#options.admission instanceof Admission;
    const before = isShared ? undefined : this.#admission;
    this.#admission = Admission.of(admission, this.#asked, before);
    this.#options = { ...this.#options, admission };
    for (const tunnel of this.tunnels) tunnel.setAdmission(this.#admission);
  }

  #closed(connection: TunnelConnection, error?: RForwardError): void {
    const ms = Math.round(connection.ageMs);
    this.#emit(defined({ type: "closed" as const, connection, ms, error }));
  }
}

function cancelledError(bind: Bind): RForwardError {
  return new RForwardError(
    "tunnel-stopped",
    `${formatBind(bind)} was cancelled on this connection`,
  );
}
