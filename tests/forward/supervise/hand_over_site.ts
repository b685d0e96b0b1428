/** What the tests of hand-overs share. */
import {
  type BindOptions,
  connect,
  RForwardError,
  type SshConnection,
  supervise,
  type SupervisorEvent,
  type SupervisorOptions,
  type Target,
} from "../../../mod.ts";
import { loginOptions } from "../../servers/login_options.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { within } from "../../within.ts";
import { send, type Service, startEcho, visit } from "../rig.ts";

/** A supervised tunnel on a server, which is up. */
export async function startSite(
  server: SshServer & AsyncDisposable,
  bind: BindOptions,
  { target, onConnect, ...options }:
    & Partial<SupervisorOptions>
    & { target?: Target; onConnect?: (connection: SshConnection) => void } = {},
) {
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  const echo = stack.use(startEcho("echo"));
  const events: SupervisorEvent[] = [];
  const connections: SshConnection[] = [];
  let fails = false;
  const supervisor = stack.use(supervise({
    connect: async (signal) => {
      if (fails) throw new RForwardError("connect-failed", "as was asked");
      const connection = await connect(loginOptions(server, { signal }));
      connections.push(connection);
      onConnect?.(connection);
      return connection;
    },
    tunnels: [{ bind, target: target ?? { port: echo.port } }],
    onEvent: (event) => events.push(event),
    ...options,
  }));
  await supervisor.ready;
  const kept = stack.move();
  return {
    supervisor,
    echo,
    events,
    connections,
    fail: () => fails = true,
    get port() {
      return (supervisor.snapshot.tunnels[0]!.bound as { port: number }).port;
    },
    /** Waits until the tunnel is up on another connection than this. */
    async upWithout(old: SshConnection, ms = 15_000) {
      const found = async () => {
        for await (const { tunnels } of supervisor) {
          const isOther = supervisor.connection !== undefined &&
            supervisor.connection !== old;
          if (isOther && tunnels[0]?.state === "up") return;
        }
      };
      await within(ms, "the new connection", found());
    },
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

/** A live connection that the target has taken. */
export async function hold(port: number, echo: Service): Promise<Deno.Conn> {
  const { taken } = echo;
  const conn = await visit(port);
  await send(conn, "a");
  while (echo.taken === taken) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return conn;
}

/** Connects to a socket that sshd unlinks, binds again and only then listens on: for an instant nothing listens. */
export async function connectOnceThere(path: string): Promise<Deno.UnixConn> {
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      const { NotFound, ConnectionRefused } = Deno.errors;
      const isBetween = error instanceof NotFound ||
        error instanceof ConnectionRefused;
      if (!isBetween) throw error;
    }
  }
}
