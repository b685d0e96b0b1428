import { checkKinds } from "../../check_kinds.ts";
import { Supervisor } from "./supervisor.ts";
import {
  supervisorKinds,
  type SupervisorOptions,
} from "./supervisor_options.ts";

/**
 * Keeps tunnels up, whatever happens to the connection.
 *
 * @param options How to connect and what to keep up.
 * @returns the supervisor, which has started.
 * @throws {ArgumentError} if they cannot be used.
 *
 * @example
 * ```ts
 * import { supervise } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using supervisor = supervise({
 *   connect: {
 *     hostname: server.hostname,
 *     port: server.port,
 *     user: server.user,
 *     password: server.password,
 *     hostKeys: { text: server.knownHosts },
 *   },
 *   tunnels: [{ bind: { port: 0 }, target: { port: 8080 } }],
 * });
 * for await (const { state, tunnels } of supervisor) {
 *   console.log(state, tunnels[0]?.bound);
 *   if (state === "up") break;
 * }
 * ```
 */
export function supervise(options: SupervisorOptions): Supervisor {
  checkKinds(options, supervisorKinds);
  return new Supervisor(options);
}
