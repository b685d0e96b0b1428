/**
 * Answers HTTP requests at a port on the server in this process:
 *
 *     deno run --no-prompt --allow-net=server.example:22,127.0.0.1 \
 *       --allow-env=HOME --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/http.ts ssh://alice@server.example 8022
 *
 * There: `curl http://127.0.0.1:8022/`. To be reachable from other hosts, bind
 * `{ hostname: "", port }`, which sshd has to allow: `GatewayPorts
 * clientspecified`.
 *
 * @module
 */

import { connect, forward, RForwardError } from "../mod.ts";

const [url = "", bindPort = ""] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !/^\d+$/.test(bindPort)) {
  console.error("usage: http.ts ssh://USER@HOST PORT");
  Deno.exit(2);
}
const { hostname: host, port, username: user } = server;

try {
  await using connection = await connect({
    hostname: host,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
  });
  await using web = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      new Response(`You asked for ${new URL(request.url).pathname}\n`),
  );
  await using tunnel = await forward(connection, {
    bind: { port: Number(bindPort) },
    target: { port: web.addr.port },
  });
  console.log(`http://127.0.0.1:${tunnel.port}/ on ${host} is answered here`);
  const { error } = await tunnel.closed;
  if (error) throw error;
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
