import { PROMETHEUS_TYPE, prometheusText } from "../../observe/prometheus.ts";
import type { SupervisorMetrics } from "../../observe/supervisor_metrics.ts";
import type { ListenAddress } from "../command_line/values/listen_address.ts";
import { type ServedPages, servePages } from "./serve_pages.ts";

/**
 * Serves metrics for Prometheus at `/metrics`.
 *
 * @throws {ArgumentError} if it cannot listen there.
 */
export function serveMetrics(
  address: ListenAddress,
  metrics: SupervisorMetrics,
): ServedPages {
  return servePages("--metrics", address, ({ method, url }) => {
    if (new URL(url).pathname !== "/metrics") {
      return new Response("see /metrics\n", { status: 404 });
    }
    if (method !== "GET" && method !== "HEAD") {
      const headers = { allow: "GET, HEAD" };
      return new Response("use GET\n", { status: 405, headers });
    }
    const headers = { "content-type": PROMETHEUS_TYPE };
    return new Response(prometheusText(metrics.read()), { headers });
  });
}
