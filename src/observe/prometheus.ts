import { DURATION_BOUNDS, type Instrument } from "./instruments.ts";
import type { Attributes, Distribution, Metric } from "./supervisor_metrics.ts";

/** The content type of {@linkcode prometheusText}. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Metrics in Prometheus' text format (version 0.0.4), with the names that
 * OpenTelemetry's rules give them there.
 */
export function prometheusText(metrics: readonly Metric[]): string {
  return metrics.map(family).join("");
}

/** The name in Prometheus, e.g. `rforward_tunnel_io_bytes_total`. */
export function prometheusName({ name, kind, unit }: Instrument): string {
  const units: Record<string, string> = { By: "_bytes", s: "_seconds" };
  const total = kind === "counter" ? "_total" : "";
  return `${name.replaceAll(".", "_")}${units[unit] ?? ""}${total}`;
}

const types: Record<Instrument["kind"], string> = {
  counter: "counter",
  updowncounter: "gauge",
  gauge: "gauge",
  histogram: "histogram",
};

function family({ instrument, points }: Metric): string {
  const name = prometheusName(instrument);
  const lines = [
    `# HELP ${name} ${instrument.description}.`,
    `# TYPE ${name} ${types[instrument.kind]}`,
    ...points.flatMap(({ attributes, value }) =>
      typeof value === "number"
        ? [`${name}${labels(attributes)} ${value}`]
        : distribution(name, attributes, value)
    ),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function distribution(
  name: string,
  attributes: Attributes,
  { buckets, sum, count }: Distribution,
): string[] {
  let below = 0;
  return [
    ...buckets.map((values, i) => {
      const le = `${DURATION_BOUNDS[i] ?? "+Inf"}`;
      return `${name}_bucket${labels({ ...attributes, le })} ${below +=
        values}`;
    }),
    `${name}_sum${labels(attributes)} ${sum}`,
    `${name}_count${labels(attributes)} ${count}`,
  ];
}

function labels(attributes: Attributes): string {
  const all = Object.entries(attributes).map(([name, value]) =>
    `${name.replaceAll(".", "_")}="${escape(`${value}`)}"`
  );
  return all.length > 0 ? `{${all.join(",")}}` : "";
}

function escape(text: string): string {
  return text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
}
