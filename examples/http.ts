/**
 * Serves a Hono app on a port of the server: no port is open here.
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/http.ts ssh://alice@server.example 8022
 *
 * There: `curl http://127.0.0.1:8022/`. To be reachable from other hosts, bind
 * `{ hostname: "", port }`, which sshd has to allow: `GatewayPorts
 * clientspecified`. Ctrl-C lets requests finish.
 *
 * @module
 */

import { Hono } from "hono";
import { connect, type FetchInfo, RForwardError, serve } from "../mod.ts";

const [url = "", bindPort = ""] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !/^\d+$/.test(bindPort)) {
  console.error("usage: http.ts ssh://USER@HOST PORT");
  Deno.exit(2);
}
const { hostname, port, username: user } = server;

const app = new Hono<{ Bindings: { info: FetchInfo } }>();
app.get("/who", (c) => c.json(c.env.info.remoteAddr));
app.get("/time", () => {
  const times = new ReadableStream<string>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      controller.enqueue(`data: ${new Date().toISOString()}\n\n`);
    },
  });
  return new Response(times.pipeThrough(new TextEncoderStream()), {
    headers: { "content-type": "text/event-stream" },
  });
});
app.get("/echo", (c) => {
  const { socket, response } = c.env.info.upgradeWebSocket();
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
});
app.get("*", (c) => c.text(`You asked for ${c.req.path}\n`));

try {
  await using connection = await connect({
    hostname,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
  });
  await using web = await serve(
    connection,
    { port: Number(bindPort) },
    (request, info) => app.fetch(request, { info }),
  );
  console.log(`http://127.0.0.1:${web.port}/ on ${hostname} is answered here`);
  const interrupt = () => void web.shutdown({ drainMs: 5000 });
  Deno.addSignalListener("SIGINT", interrupt);
  await web.finished;
  Deno.removeSignalListener("SIGINT", interrupt);
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
