/**
 * Offers services of this side on ports of the server, whatever they speak over
 * TCP: here PostgreSQL and a gRPC service, on one SSH connection.
 *
 *     deno run --no-prompt \
 *       --allow-net=server.example:22,127.0.0.1:5432,127.0.0.1:50051 \
 *       --allow-env=HOME --allow-read=$HOME/.ssh,/etc/ssh/ssh_known_hosts \
 *       examples/raw_tcp.ts ssh://alice@server.example 15432:5432 15051:50051
 *
 * There: `psql -h 127.0.0.1 -p 15432`, and `grpcurl -plaintext
 * 127.0.0.1:15051 list`. Bytes pass as they are, so TLS and HTTP/2 are between
 * the client and the service alone.
 *
 * @module
 */

import { connect, forward, RForwardError } from "../mod.ts";

const [url = "", ...pairs] = Deno.args;
const server = URL.parse(url);
const isPair = (text: string) => /^\d+:[1-9]\d*$/.test(text);
if (!server?.username || pairs.length === 0 || !pairs.every(isPair)) {
  console.error("usage: raw_tcp.ts ssh://USER@HOST PORT-THERE:PORT-HERE …");
  Deno.exit(2);
}
const { hostname, port, username: user } = server;

try {
  await using connection = await connect({
    hostname,
    port: Number(port || 22),
    user,
    privateKeys: [{ file: `${Deno.env.get("HOME")}/.ssh/id_ed25519` }],
  });
  await using tunnels = new AsyncDisposableStack();
  for (const pair of pairs) {
    const [there, here] = pair.split(":").map(Number) as [number, number];
    const tunnel = tunnels.use(
      await forward(connection, {
        bind: { port: there },
        target: { port: here },
        onTargetError: (error) => console.warn(error.message),
      }),
    );
    console.log(`port ${tunnel.port} of ${hostname} leads to ${tunnel.target}`);
  }
  const { error } = await connection.closed;
  if (error) throw error;
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
