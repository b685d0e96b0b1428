import { delay, orAborted } from "../../abort.ts";
import { Backoff } from "../../forward/supervise/backoff.ts";
import type { Supervisor } from "../../forward/supervise/supervisor.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import type { X2GoSession } from "./x2go_session.ts";

/** Options of {@linkcode superviseSession}. */
export interface SuperviseSessionOptions {
  /** Stops moving the session. */
  signal?: AbortSignal;
  /** Logger; silent by default. */
  logger?: Logger;
}

/**
 * Moves a session to each new connection of a supervisor: what is shared with it
 * comes back automatically after a lost connection.
 *
 * What does not come back at once is tried again until it does; the rest continues
 * in the meantime.
 *
 * @param session The session, on a connection of the supervisor's.
 * @param supervisor Keeps the connection; it need not have tunnels.
 * @returns a promise that settles when the supervisor has stopped, or when a
 * new connection finds the session finished; the server does not report it before.
 * @throws the signal's reason, if it aborts first.
 *
 * @example
 * ```ts ignore
 * import { supervise } from "@x2go/rforward";
 * import { superviseSession, X2GoSession } from "@x2go/rforward/x2go";
 *
 * await using supervisor = supervise({
 *   connect: { hostname: "x2go.example", user: "alice", agent: true },
 *   tunnels: [],
 * });
 * await supervisor.ready;
 * await using session = await X2GoSession.start(supervisor.connection!, {
 *   command: "xterm",
 * });
 * await session.shareSound();
 * await superviseSession(session, supervisor);
 * ```
 */
export async function superviseSession(
  session: X2GoSession,
  supervisor: Supervisor,
  { signal = new AbortController().signal, logger = silentLogger }:
    SuperviseSessionOptions = {},
): Promise<void> {
  let last = session.connection;
  const snapshots = supervisor[Symbol.asyncIterator]();
  while (!(await orAborted(snapshots.next(), signal)).done) {
    const { connection } = supervisor;
    if (!connection || connection === last) continue;
    last = connection;
    await move(session, connection, logger, signal);
    if (session.info.state === "finished") return;
  }
}

/** Tries until all is back, or the connection is lost too. */
async function move(
  session: X2GoSession,
  connection: SshConnection,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff({ maxMs: 10_000 });
  const end = AbortSignal.any([connection.signal, signal]);
  while (!end.aborted) {
    try {
      await session.moveTo(connection, { signal });
      return;
    } catch (error) {
      if (end.aborted) return;
      logger.warn(
        `the session ${session.info.name} did not come back completely: ${
          (error as Error).message
        }`,
      );
    }
    await delay(backoff.next(), end).catch(() => {});
  }
}
