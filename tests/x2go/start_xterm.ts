import type { SshConnection } from "../../src/ssh/connection.ts";
import { X2GoSession } from "../../src/x2go/session/x2go_session.ts";
import { startX2GoServer, type X2GoServer } from "../servers/x2go.ts";
import { connectTo } from "./client.ts";
import { keepSession } from "./keep_session.ts";

/** A session of xterm, on an X2Go server and a connection of its own. */
export interface RunningXterm extends AsyncDisposable {
  readonly x2go: X2GoServer;
  readonly connection: SshConnection;
  readonly session: X2GoSession;
}

/**
 * Starts a server, connects to it and starts xterm there; disposing ends all three.
 *
 * @param options `isShown`: whether a display connects to it; otherwise it is kept without one.
 */
export async function startXterm(
  { isShown = false } = {},
): Promise<RunningXterm> {
  await using stack = new AsyncDisposableStack();
  const x2go = stack.use(await startX2GoServer());
  const connection = stack.use(await connectTo(x2go));
  const session = stack.use(
    await X2GoSession.start(connection, { command: "xterm" }),
  );
  if (!isShown) stack.use(await keepSession(x2go, session));
  const resources = stack.move();
  return {
    x2go,
    connection,
    session,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
