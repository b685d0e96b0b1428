import type { X2GoSession } from "../../src/x2go/session/x2go_session.ts";
import type { X2GoServer } from "../servers/x2go.ts";
import { ready } from "./client.ts";

/**
 * Keeps a session that no display connects to: its agent would end it after
 * 60 s, which is too soon for a test on a slow machine. The agent does nothing
 * but count them, and is stopped until this is disposed.
 */
export async function keepSession(
  x2go: X2GoServer,
  session: X2GoSession,
): Promise<AsyncDisposable> {
  const { agentPid } = ready(session);
  await x2go.run(`kill -STOP ${agentPid}`);
  return {
    [Symbol.asyncDispose]: async () =>
      void await x2go.run(`kill -CONT ${agentPid} || true`),
  };
}
