/**
 * Answers a port on the server in this process: no port is open here, and no
 * permission but for the server itself is needed.
 *
 *     deno run --no-prompt --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/handler.ts ssh://alice@server.example 8022
 *
 * There: `nc 127.0.0.1 8022`
 *
 * @module
 */

import { connect, listen, RForwardError } from "../mod.ts";

const [url = "", bindPort = ""] = Deno.args;
const server = URL.parse(url);
if (!server?.username || !/^\d+$/.test(bindPort)) {
  console.error("usage: handler.ts ssh://USER@HOST PORT");
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
  await using listener = await listen(connection, { port: Number(bindPort) });
  console.log(`listening on port ${listener.port} of ${host}`);

  for await (const conn of listener) {
    const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
    console.log(`${hostname}:${port} is here`);
    conn.readable
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(
        new TransformStream({
          transform: (text, controller) =>
            controller.enqueue(text.toUpperCase()),
        }),
      )
      .pipeThrough(new TextEncoderStream())
      .pipeTo(conn.writable)
      .catch((error) => console.warn(`${hostname}:${port}: ${error.message}`));
  }
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
