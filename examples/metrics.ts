/**
 * A tunnel that stays up, with metrics for Prometheus, as `rforward --metrics`
 * serves them:
 *
 *     deno run --no-prompt --allow-net=server.example:22,127.0.0.1 \
 *       --allow-env=HOME --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/metrics.ts ssh://alice@server.example 8022 8080 9464
 *
 * Port 8022 on the server leads to port 8080 here. Here:
 * `curl http://127.0.0.1:9464/metrics`
 *
 * @module
 */

import { RForwardError, supervise } from "../mod.ts";
import {
  PROMETHEUS_TYPE,
  prometheusText,
  SupervisorMetrics,
} from "../src/observe/mod.ts";

const [url = "", ...ports] = Deno.args;
const server = URL.parse(url);
if (
  !server?.username || ports.length !== 3 ||
  !ports.every((port) => /^\d+$/.test(port))
) {
  console.error(
    "usage: metrics.ts ssh://USER@HOST PORT TARGETPORT METRICSPORT",
  );
  Deno.exit(2);
}
const { hostname: host, port, username: user } = server;
const [bindPort = 0, targetPort = 0, metricsPort = 0] = ports.map(Number);

try {
  const metrics = new SupervisorMetrics(() => supervisor.snapshot);
  await using supervisor = supervise({
    connect: {
      hostname: host,
      port: Number(port || 22),
      user,
      privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
    },
    tunnels: [{ bind: { port: bindPort }, target: { port: targetPort } }],
    onEvent: (event) => metrics.record(event),
  });
  await supervisor.ready;
  await using web = Deno.serve(
    { hostname: "127.0.0.1", port: metricsPort, onListen() {} },
    (request) =>
      new URL(request.url).pathname === "/metrics"
        ? new Response(prometheusText(metrics.read()), {
          headers: { "content-type": PROMETHEUS_TYPE },
        })
        : new Response("see /metrics\n", { status: 404 }),
  );
  console.log(`http://127.0.0.1:${web.addr.port}/metrics`);
  const { error } = await supervisor.closed;
  if (error) throw error;
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
