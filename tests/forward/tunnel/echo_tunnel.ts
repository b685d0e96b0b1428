import {
  forward,
  type ReverseTunnel,
  type SshConnection,
  type TunnelConnection,
} from "../../../mod.ts";
import { startEcho, startRig } from "../rig.ts";

/** A tunnel through a real server to a service here that answers `echo: ` and what it received. */
export interface EchoTunnel extends AsyncDisposable {
  readonly connection: SshConnection;
  readonly tunnel: ReverseTunnel;
  /** The port of the service. */
  readonly target: number;
  /** The tunnel's first connection. */
  readonly connected: Promise<TunnelConnection>;
}

/** Starts a server, a connection to it, the service and the tunnel; disposing ends all of them. */
export async function startEchoTunnel(
  server: "sshd" | "dropbear" = "sshd",
): Promise<EchoTunnel> {
  await using stack = new AsyncDisposableStack();
  const { connection } = stack.use(await startRig(server));
  const { port } = stack.use(startEcho("echo"));
  const connected = Promise.withResolvers<TunnelConnection>();
  const tunnel = stack.use(
    await forward(connection, {
      bind: { port: 0 },
      target: { port },
      onConnection: connected.resolve,
    }),
  );
  const resources = stack.move();
  return {
    connection,
    tunnel,
    target: port,
    connected: connected.promise,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
