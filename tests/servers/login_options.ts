import type { ConnectOptions } from "../../src/ssh/connect_options.ts";
import type { TestServer } from "../../src/testing/mod.ts";
import type { SshServer } from "./ssh_server.ts";

/** The address of a server and its host key; the test adds how it logs in. */
export function serverOptions(
  { hostname, port, user, knownHosts }: SshServer | TestServer,
  changes: Partial<ConnectOptions> = {},
): ConnectOptions {
  return { hostname, port, user, hostKeys: { text: knownHosts }, ...changes };
}

/** Options that log in to a real server with its user's key, to a test server with the password. */
export function loginOptions(
  server: SshServer | TestServer,
  changes: Partial<ConnectOptions> = {},
): ConnectOptions {
  const credentials = "keyFile" in server
    ? { privateKeys: [{ file: server.keyFile }] }
    : { password: server.password };
  return serverOptions(server, { ...credentials, ...changes });
}
