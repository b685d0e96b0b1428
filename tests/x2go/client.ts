import { connect } from "../../src/ssh/connect.ts";
import type { SshConnection } from "../../src/ssh/connection.ts";
import {
  isReady,
  type ReadySession,
} from "../../src/x2go/server/session_info.ts";
import type { X2GoSession } from "../../src/x2go/session/x2go_session.ts";
import type { SshServer } from "../servers/ssh_server.ts";
import { loginOptions } from "../servers/login_options.ts";

/** Logs in to a server as its user. */
export function connectTo(server: SshServer): Promise<SshConnection> {
  return connect(loginOptions(server));
}

/** What is known of a session, which has to be all. */
export function ready(session: X2GoSession): ReadySession {
  if (isReady(session.info)) return session.info;
  throw new Error(`not ready: ${Deno.inspect(session.info)}`);
}

/** A session's environment for a shell on the server, without its display, which would hold libpulse up. */
export function exports(session: X2GoSession): string {
  return Object.entries(session.environment)
    .filter(([name]) => name !== "DISPLAY")
    .map(([name, value]) => `export ${name}='${value}'; `)
    .join("");
}
