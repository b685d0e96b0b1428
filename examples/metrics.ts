/**
 * A tunnel that stays up, with metrics for Prometheus taken from the
 * supervisor's snapshot:
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

import { RForwardError, supervise, type SupervisorSnapshot } from "../mod.ts";

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

/** The snapshot in Prometheus' text format. */
function metrics({ state, reconnects, tunnels }: SupervisorSnapshot): string {
  const lines = [
    `rforward_up ${state === "up" ? 1 : 0}`,
    `rforward_reconnects_total ${reconnects}`,
  ];
  for (const [i, tunnel] of tunnels.entries()) {
    const labels = `{tunnel="${i}",target="${tunnel.target}"}`;
    lines.push(
      `rforward_tunnel_up${labels} ${tunnel.state === "up" ? 1 : 0}`,
      `rforward_tunnel_connections${labels} ${tunnel.live}`,
      `rforward_tunnel_connections_total${labels} ${tunnel.total}`,
      `rforward_tunnel_failed_total${labels} ${tunnel.failed}`,
      `rforward_tunnel_bytes_to_target_total${labels} ${tunnel.bytesToTarget}`,
      `rforward_tunnel_bytes_to_server_total${labels} ${tunnel.bytesToServer}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

try {
  await using supervisor = supervise({
    connect: {
      hostname: host,
      port: Number(port || 22),
      user,
      privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
    },
    tunnels: [{ bind: { port: bindPort }, target: { port: targetPort } }],
  });
  await supervisor.ready;
  await using web = Deno.serve(
    { hostname: "127.0.0.1", port: metricsPort, onListen() {} },
    (request) =>
      new URL(request.url).pathname === "/metrics"
        ? new Response(metrics(supervisor.snapshot))
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
