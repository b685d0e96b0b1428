/**
 * npm:ssh2 as the engine of `connect()`, for servers that know nothing but what
 * the native engine leaves out because it is broken or weak: CBC, SHA-1 and
 * DSA. Nothing else of this package loads npm:ssh2, but for the server of
 * `@x2go/rforward/testing`.
 *
 * @example
 * ```ts
 * import { connect } from "@x2go/rforward";
 * import { ssh2 } from "@x2go/rforward/ssh2";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 *   engine: ssh2,
 * });
 * ```
 *
 * @module
 */

import { defineEngine, type Engine } from "../engine.ts";
import { defaultAlgorithms, supportedAlgorithms } from "./ssh2_algorithms.ts";
import { Ssh2Transport } from "./ssh2_transport.ts";

export type { Engine } from "../engine.ts";

/** npm:ssh2's transport layer. */
export const ssh2: Engine = defineEngine(
  { name: "ssh2", defaultAlgorithms, supportedAlgorithms },
  (options) => new Ssh2Transport(options),
);
