import { readGrantedVariable } from "../../environment.ts";
import type {
  SupervisorEvent,
  SupervisorSnapshot,
} from "../../forward/supervise/supervisor_options.ts";
import type { Supervisor } from "../../forward/supervise/supervisor.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { Arguments } from "../command_line/arguments.ts";

/** Receives what happens. */
export interface Observer {
  /** Records an event of the supervisor. */
  record(event: SupervisorEvent): void;
  /** Records what a server said before the login. */
  recordBanner?(text: string): void;
}

/** What observers look at. */
export interface Observed {
  /** The supervisor, once there is one. */
  supervisor(): Supervisor | undefined;
  /** Shows the user a message. */
  info(text: string): void;
  /** Whether only the user sees that, and no log. */
  readonly isPrivate: boolean;
}

/**
 * Opens what the command line and the environment ask for: metrics for
 * Prometheus, OpenTelemetry, the status page. Loads nothing else.
 *
 * @param resources Takes ownership of what has to be closed.
 * @throws {ArgumentError} if it cannot listen where it is to.
 */
export async function openObservers(
  args: Arguments,
  observed: Observed,
  resources: AsyncDisposableStack,
): Promise<Observer[]> {
  return [
    ...await openMetrics(args, observed, resources),
    ...await openStatus(args, observed, resources),
  ];
}

async function openMetrics(
  { metrics: address }: Arguments,
  { supervisor, info }: Observed,
  resources: AsyncDisposableStack,
): Promise<Observer[]> {
  const isTraced = ["true", "1"].includes(
    readGrantedVariable("OTEL_DENO") ?? "",
  );
  if (!address && !isTraced) return [];
  const { SupervisorMetrics } = await import(
    "../../observe/supervisor_metrics.ts"
  );
  const metrics = new SupervisorMetrics(() =>
    supervisor()?.snapshot ?? beforeStart
  );
  const observers: Observer[] = [metrics];
  if (address) {
    const { serveMetrics } = await import("./serve_metrics.ts");
    const { addr } = resources.use(serveMetrics(address, metrics));
    info(`metrics are at ${urlOf(addr)}/metrics`);
  }
  if (isTraced) {
    const { openTelemetry } = await import("../../observe/open_telemetry.ts");
    const reporter = resources.use(await openTelemetry(metrics));
    observers.push(reporter);
  }
  return observers;
}

async function openStatus(
  { status: address, host }: Arguments,
  { supervisor, info, isPrivate }: Observed,
  resources: AsyncDisposableStack,
): Promise<Observer[]> {
  if (!address) return [];
  const { StatusModel } = await import("../status/status_model.ts");
  const { serveStatus } = await import("../status/serve_status.ts");
  const model = resources.use(
    new StatusModel(host, () => supervisor()?.snapshot),
  );
  const own = readGrantedVariable(TOKEN) || undefined;
  const token = own ?? crypto.getRandomValues(new Uint8Array(16)).toHex();
  const actions = {
    pause: (tunnel: number) => supervisor()?.pause(tunnel),
    resume: (tunnel: number) => supervisor()?.resume(tunnel),
  };
  const { addr } = resources.use(
    await serveStatus({ address, model, actions, token }),
  );
  const url = `${urlOf(addr)}/`;
  // What follows # stays in the browser.
  if (own) info(`the status page is at ${url}`);
  else if (isPrivate) info(`the status page is at ${url}#token=${token}`);
  else {
    info(
      `the status page is at ${url}; to pause and resume there, set ${TOKEN} (a token is not written to a log)`,
    );
  }
  return [model];
}

/** The variable that sets the token of the status page. */
const TOKEN = "RFORWARD_STATUS_TOKEN";

/** What there is to see before the command has begun. */
const beforeStart: SupervisorSnapshot = {
  state: "connecting",
  since: new Date(0),
  reconnects: 0,
  tunnels: [],
};

function urlOf({ hostname, port }: Deno.NetAddr): string {
  return `http://${formatAddress(hostname, port)}`;
}
