import { readGrantedVariable } from "../../environment.ts";
import type {
  SupervisorEvent,
  SupervisorSnapshot,
} from "../../forward/supervise/supervisor_options.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { Arguments } from "../command_line/arguments.ts";

/** Receives the events of the supervisor. */
export type Observer = (event: SupervisorEvent) => void;

/** What observers look at. */
export interface Observed {
  /** The state at the moment that it is called. */
  snapshot(): SupervisorSnapshot;
  /** Tells the user something. */
  info(text: string): void;
}

/**
 * Opens what the command line and the environment ask for: metrics for
 * Prometheus, OpenTelemetry. Loads nothing else.
 *
 * @param resources Takes ownership of what has to be closed.
 * @throws {ArgumentError} if it cannot listen where it is to.
 */
export async function openObservers(
  { metrics: address }: Arguments,
  observed: Observed,
  resources: AsyncDisposableStack,
): Promise<Observer[]> {
  const isTraced = ["true", "1"].includes(
    readGrantedVariable("OTEL_DENO") ?? "",
  );
  if (!address && !isTraced) return [];
  const { SupervisorMetrics } = await import(
    "../../observe/supervisor_metrics.ts"
  );
  const metrics = new SupervisorMetrics(() => observed.snapshot());
  const observers: Observer[] = [(event) => metrics.record(event)];
  if (address) {
    const { serveMetrics } = await import("./serve_metrics.ts");
    const { addr } = resources.use(serveMetrics(address, metrics));
    observed.info(
      `metrics are at http://${
        formatAddress(addr.hostname, addr.port)
      }/metrics`,
    );
  }
  if (isTraced) {
    const { openTelemetry } = await import("../../observe/open_telemetry.ts");
    const reporter = resources.use(await openTelemetry(metrics));
    observers.push((event) => reporter.record(event));
  }
  return observers;
}
