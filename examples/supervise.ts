/**
 * A tunnel that stays up: an SSH server drops the connection, and the same
 * port leads here again. Server and service are in this process, so that it
 * can be tried at once:
 *
 *     deno run --no-prompt --allow-net=127.0.0.1 examples/supervise.ts
 *
 * @module
 */

import { supervise, type TcpBind } from "../mod.ts";
import { startTestServer } from "../src/testing/mod.ts";

await using server = await startTestServer();
await using supervisor = supervise({
  connect: {
    hostname: server.hostname,
    port: server.port,
    user: server.user,
    password: server.password,
    hostKeys: { text: server.knownHosts },
  },
  tunnels: [{
    bind: { port: 0 },
    target: async (connection) => {
      await connection.write(new TextEncoder().encode("hello from here\n"));
    },
  }],
  connectRetry: { firstMs: 500 },
});

let said = "";
for await (const { state, error, reconnects, tunnels } of supervisor) {
  const text = `${state}, the tunnel is ${tunnels[0]!.state}`;
  const line = error ? `${text}: ${error.message}` : text;
  if (line !== said) console.log(said = line);
  if (state !== "up") continue;
  const { port } = tunnels[0]!.bound as TcpBind;
  using visitor = await Deno.connect({ hostname: server.hostname, port });
  const { value } = await visitor.readable.getReader().read();
  console.log(`port ${port} says: ${new TextDecoder().decode(value).trim()}`);
  if (reconnects > 0) break;
  await server.disconnectAll();
}
