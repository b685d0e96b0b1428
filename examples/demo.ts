/**
 * Shows reverse tunnels at work, with nothing but Deno: an SSH server in this
 * process stands in for yours. Run it with
 *
 *     deno task demo
 *
 * @module
 */

import { connect, forward, type ReverseTunnel } from "../mod.ts";
import { startTestServer } from "../src/testing/mod.ts";

function step(text: string): void {
  console.log(`\n%c${text}`, "font-weight: bold");
}

function say(text: string): void {
  console.log(`  ${text}`);
}

/** A web server on this side that nobody can reach from outside. */
function startService(name: string): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) =>
      new Response(`${name} says hello to ${new URL(request.url).pathname}`),
  );
}

/** What a program on the SSH server gets at a port there. */
async function visit(port: number, path: string): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { connection: "close" },
    });
    return await response.text();
  } catch {
    return "connection refused";
  }
}

function describe(tunnel: ReverseTunnel): string {
  return `server:${tunnel.port} → ${tunnel.target}`;
}

step("1. Start an SSH server and two web services on this side");
await using server = await startTestServer();
await using blue = startService("Blue");
await using green = startService("Green");
say(`SSH server on ${server.hostname}:${server.port}`);
say(`its host key is ${server.hostKeyFingerprint}`);

step("2. Connect, and verify the host key");
await using connection = await connect({
  hostname: server.hostname,
  port: server.port,
  user: server.user,
  password: server.password,
  hostKeys: { text: server.knownHosts },
});
say(`logged in as ${connection.server.user}`);
say(`cipher ${connection.server.cipher.toServer}`);

step("3. Open a tunnel, and fetch through the port on the server");
await using tunnel = await forward(connection, {
  bind: { port: 0 },
  target: { port: blue.addr.port },
});
say(describe(tunnel));
say(`a program there gets: ${await visit(tunnel.port, "/one")}`);

step("4. A second tunnel on the same connection");
await using second = await forward(connection, {
  bind: { port: 0 },
  target: { port: green.addr.port },
});
say(describe(second));
const answers = await Promise.all([
  visit(tunnel.port, "/left"),
  visit(second.port, "/right"),
]);
for (const answer of answers) say(`a program there gets: ${answer}`);

step("5. Live connections and what they carry");
const target = Promise.withResolvers<void>();
await using open = await forward(connection, {
  bind: { port: 0 },
  target: async (conn) => {
    await conn.read(new Uint8Array(16));
    await conn.write(new Uint8Array(100_000));
    await target.promise;
  },
});
const clients = await Promise.all([1, 2, 3].map(async () => {
  const client = await Deno.connect({ hostname: "127.0.0.1", port: open.port });
  await client.write(new TextEncoder().encode("send me some"));
  for (let read = 0; read < 100_000;) {
    read += await client.read(new Uint8Array(65536)) ?? 0;
  }
  return client;
}));
for (const live of open.connections) {
  say(
    `from ${live.originator.address}:${live.originator.port}: ${live.bytesToTarget} bytes to the target, ${live.bytesToServer} to the server`,
  );
}
target.resolve();
for (const client of clients) client.close();

step("6. Pause: the port is released");
await tunnel.pause();
say(`a program there gets: ${await visit(tunnel.port, "/paused")}`);
say(`the other tunnel goes on: ${await visit(second.port, "/right")}`);

step("7. Resume: the same port again");
await tunnel.resume();
say(describe(tunnel));
say(`a program there gets: ${await visit(tunnel.port, "/again")}`);

step("8. Stop");
await tunnel.stop();
say(`a program there gets: ${await visit(tunnel.port, "/stopped")}`);
say(`the tunnel ended: ${(await tunnel.closed).reason}`);
