/**
 * An SSH server in this process, to test reverse tunnels and programs that
 * use them without a real one.
 *
 * @module
 */

export {
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from "./test_server.ts";
export type { CommandHandler, CommandStreams } from "./command.ts";
export type { Bind, TcpBind, UnixBind } from "../ssh/connection.ts";
export type { Logger } from "../logger.ts";
