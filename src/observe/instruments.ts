/**
 * Every metric, named as OpenTelemetry's conventions have it. The Prometheus
 * names follow from it, and docs/services.md lists them.
 *
 * @module
 */

/** What a metric is. */
export interface Instrument {
  /** Its name. */
  readonly name: string;
  /** A sum that only grows, a sum that does not, a value, or a distribution. */
  readonly kind: "counter" | "updowncounter" | "gauge" | "histogram";
  /** Its unit (UCUM). */
  readonly unit: string;
  /** What it says. */
  readonly description: string;
}

/** How long connections last, in seconds: the upper bounds of the buckets. */
export const DURATION_BOUNDS: readonly number[] = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  ...[60, 300, 1800, 3600, 14_400],
];

/** All of them, by what they are called here. */
export const instruments = {
  state: {
    name: "rforward.state",
    kind: "gauge",
    unit: "1",
    description: "1 for the state that the tunnels are in together",
  },
  connects: {
    name: "rforward.ssh.connects",
    kind: "counter",
    unit: "{connection}",
    description: "SSH connections that were established",
  },
  connectFailures: {
    name: "rforward.ssh.connect.failures",
    kind: "counter",
    unit: "{attempt}",
    description: "Attempts to connect that failed",
  },
  losses: {
    name: "rforward.ssh.losses",
    kind: "counter",
    unit: "{connection}",
    description: "SSH connections that were lost",
  },
  tunnelState: {
    name: "rforward.tunnel.state",
    kind: "gauge",
    unit: "1",
    description: "1 for the state that the tunnel is in",
  },
  active: {
    name: "rforward.tunnel.active_connections",
    kind: "updowncounter",
    unit: "{connection}",
    description: "Connections that are live",
  },
  connections: {
    name: "rforward.tunnel.connections",
    kind: "counter",
    unit: "{connection}",
    description: "Connections that the target took",
  },
  failures: {
    name: "rforward.tunnel.target.failures",
    kind: "counter",
    unit: "{connection}",
    description: "Connections that the target did not take",
  },
  refusals: {
    name: "rforward.tunnel.refusals",
    kind: "counter",
    unit: "{connection}",
    description: "Connections that a rule of admission refused",
  },
  io: {
    name: "rforward.tunnel.io",
    kind: "counter",
    unit: "By",
    description: "Bytes through the tunnel",
  },
  duration: {
    name: "rforward.tunnel.connection_duration",
    kind: "histogram",
    unit: "s",
    description: "How long connections through the tunnels lasted",
  },
} as const satisfies Record<string, Instrument>;
