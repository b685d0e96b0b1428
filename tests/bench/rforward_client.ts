/** rforward as a client under test: opens a tunnel, prints `READY` and the bound port, and runs until it is killed. */
import { connect, forward } from "../../mod.ts";
import { WindowLimits } from "../../src/ssh/channels/receive_windows.ts";
import type { TunnelRequest } from "./clients.ts";

const request: TunnelRequest = JSON.parse(Deno.args[0] ?? "");
if (request.window !== undefined) {
  const { window } = request;
  Object.assign(WindowLimits, {
    ...{ channelMax: window, shortPath: window },
    ...{ alone: window, longPath: window },
    connection: 16 * window + WindowLimits.reserved,
  });
}
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
