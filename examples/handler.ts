/**
 * Answers a port on the server in this process: no port is open here, and no
 * permission but for the server itself is needed.
 *
 *     deno run --allow-net=server.example:22 --allow-env=HOME \
 *       --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/handler.ts ssh://alice@server.example 8022
 *
 * There: `nc 127.0.0.1 8022`
 *
 * @module
 */

import { connect, listen } from "../mod.ts";

const [url, bindPort] = Deno.args;
if (!url || !bindPort) {
  throw new Error("usage: handler.ts ssh://USER@HOST PORT");
}
const { hostname: host, port, username: user } = new URL(url);

await using connection = await connect({
  host,
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
        transform: (text, controller) => controller.enqueue(text.toUpperCase()),
      }),
    )
    .pipeThrough(new TextEncoderStream())
    .pipeTo(conn.writable)
    .catch((error) => console.warn(`${hostname}:${port}: ${error.message}`));
}
