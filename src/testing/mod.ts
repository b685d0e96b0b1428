/**
 * An SSH server in this process, to test reverse tunnels and programs that
 * use them without a real one.
 *
 * @example A tunnel that leads to a handler
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
 *   target: async ({ readable, writable }) => await readable.pipeTo(writable),
 * });
 * console.log(server.forwards, tunnel.state);
 * ```
 *
 * @example A public tunnel service
 * ```ts
 * import { supervise } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer({ profile: "sish" });
 * const said = Promise.withResolvers<string>();
 * await using _ = supervise({
 *   connect: {
 *     hostname: server.hostname,
 *     port: server.port,
 *     user: server.user,
 *     password: server.password,
 *     hostKeys: { text: server.knownHosts },
 *   },
 *   tunnels: [{ bind: { hostname: "", port: 80 }, target: { port: 3000 } }],
 *   session: "auto",
 *   onEvent(event) {
 *     if (event.type !== "session-output") return;
 *     const [url] = /https?:\S+/.exec(event.text) ?? [];
 *     if (url) said.resolve(url);
 *   },
 * });
 * console.log(await said.promise);
 * ```
 *
 * @module
 */

export {
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from "./test_server.ts";
export type {
  CommandHandler,
  CommandStreams,
  ShellHandler,
} from "./command.ts";
export type { Profile } from "./profile.ts";
export type { Bind, TcpBind, UnixBind } from "../ssh/connection.ts";
export type { Logger } from "../logger.ts";
