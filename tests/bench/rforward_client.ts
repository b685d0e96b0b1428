/** rforward as a client under test: opens a tunnel, prints `READY` and the bound port, and runs until it is killed. */
import { connect, forward } from "../../mod.ts";
import type { TunnelRequest } from "./clients.ts";

const request: TunnelRequest = JSON.parse(Deno.args[0] ?? "");
await using connection = await connect({
  hostname: request.hostname,
  port: request.port,
  user: request.user,
  privateKeys: [{ file: request.keyFile }],
  hostKeys: { files: [request.knownHostsFile] },
  algorithms: { cipher: [request.cipher] },
  noDelay: request.noDelay,
});
const tunnel = await forward(connection, {
  bind: { hostname: "127.0.0.1", port: 0 },
  target: { hostname: "127.0.0.1", port: request.targetPort },
});
console.log(`READY ${tunnel.port}`);
await connection.closed;
