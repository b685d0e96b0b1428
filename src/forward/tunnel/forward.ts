import type { SshConnection } from "../../ssh/connection.ts";
import { ReverseTunnel } from "./tunnel.ts";
import type { TunnelOptions } from "./tunnel_options.ts";

/**
 * Binds a port on the server and relays its connections to a target here:
 * makes a {@linkcode ReverseTunnel} and starts it.
 *
 * @param connection The SSH connection; many tunnels can share one.
 * @param options What to bind and where it leads to.
 * @returns the tunnel; the server listens.
 * @throws {ArgumentError} if the options cannot be used.
 * @throws {ForwardDeniedError} if the server keeps denying it.
 * @throws the reason of the options' `signal`, if that aborts first.
 *
 * @example
 * ```ts
 * import { connect, forward } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * await using tunnel = await forward(connection, {
 *   bind: { port: 0 },
 *   target: { port: 8080 },
 * });
 * console.log(`the server listens on port ${tunnel.port}`);
 * ```
 */
export async function forward(
  connection: SshConnection,
  options: TunnelOptions,
): Promise<ReverseTunnel> {
  const tunnel = new ReverseTunnel(connection, options);
  try {
    await tunnel.start();
    return tunnel;
  } catch (error) {
    await tunnel.stop();
    options.signal?.throwIfAborted();
    throw error;
  }
}
