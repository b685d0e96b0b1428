import type {
  ForwardedOpenTaker,
  SshConnection,
} from "../../ssh/connection.ts";
import { PortDispatcher } from "../tunnel/dispatcher.ts";

/**
 * Receives the connections that belong to no tunnel and no listener: those of
 * binds that the program requested itself, with
 * {@linkcode SshConnection.requestForward}, and those that the server opens
 * unasked. {@linkcode acceptUnclaimed} accepts them one by one instead.
 *
 * @param connection The SSH connection.
 * @param taker Confirms or refuses each; what it leaves unanswered is refused.
 * @returns what stops taking them when it is disposed of.
 * @throws {RForwardError} if they have a taker already.
 *
 * @example
 * ```ts
 * import { connect, takeUnclaimed } from "@x2go/rforward";
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
 * using _ = takeUnclaimed(connection, async (open) => {
 *   const { readable, writable } = open.confirm();
 *   await readable.pipeTo(writable); // echoes
 * });
 * await connection.requestForward({ hostname: "127.0.0.1", port: 0 });
 * ```
 */
export function takeUnclaimed(
  connection: SshConnection,
  taker: ForwardedOpenTaker,
): Disposable {
  return PortDispatcher.of(connection).takeUnclaimed(taker);
}
