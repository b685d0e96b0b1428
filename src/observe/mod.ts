/**
 * What a supervisor's tunnels do, as metrics: for Prometheus, OpenTelemetry, or
 * anything else.
 *
 * @module
 */

export {
  DURATION_BOUNDS,
  type Instrument,
  instruments,
} from "./instruments.ts";
export { openTelemetry, type OpenTelemetryReporter } from "./open_telemetry.ts";
export {
  PROMETHEUS_TYPE,
  prometheusName,
  prometheusText,
} from "./prometheus.ts";
export {
  type Attributes,
  type Distribution,
  type Metric,
  SupervisorMetrics,
} from "./supervisor_metrics.ts";
