import { fileURLToPath } from "node:url";
import { sshArguments, type SshServer } from "../servers/ssh_server.ts";
import type { NoDelay } from "../../mod.ts";
import { type BenchProcess, startProcess } from "./bench_process.ts";

/** A client under test. */
export interface Client {
  /** Its name on the command line and in the output. */
  readonly name: string;
  /** Opens a tunnel to 127.0.0.1:`targetPort`; the port is the bound one. */
  start(server: SshServer, targetPort: number): Promise<BenchProcess>;
}

/** The arguments of rforward_client.ts. */
export interface TunnelRequest {
  /** The SSH server's address. */
  hostname: string;
  /** The SSH server's port. */
  port: number;
  /** Who logs in. */
  user: string;
  /** With this private key. */
  keyFile: string;
  /** Where the server's key is. */
  knownHostsFile: string;
  /** The only cipher to offer. */
  cipher: string;
  /** What is done about Nagle's algorithm on the server. */
  noDelay: NoDelay;
  /** The size of all receive windows, in bytes; where it is not set they follow the path. */
  window?: number;
  /** The target's port on 127.0.0.1. */
  targetPort: number;
}

const chacha20 = "chacha20-poly1305@openssh.com";
const aes128 = "aes128-gcm@openssh.com";

/** What stands before and after the destination. */
const session = { options: [], command: ["sleep 600"] };
const noSession = { options: ["-N"], command: [] };

/**
 * The clients compared: rforward, as it is by default and with Nagle's algorithm
 * turned off on the server; `ssh -R` with the same cipher and with its
 * fastest, each with a session as well as with `-N`; and no tunnel at all,
 * which shows what the load itself can do.
 *
 * Without a session, OpenSSH leaves Nagle's algorithm on, on both sides: small
 * writes then wait for an acknowledgement. With a session it turns it off, and
 * that is the form to compare with.
 */
export const clients: readonly Client[] = [
  { name: "rforward", start: rforward() },
  { name: "rforward-nodelay", start: rforward({ noDelay: "always" }) },
  { name: "ssh-chacha20", start: ssh(chacha20, session) },
  { name: "ssh-chacha20-N", start: ssh(chacha20, noSession) },
  { name: "ssh-aes128-gcm", start: ssh(aes128, session) },
  { name: "ssh-aes128-gcm-N", start: ssh(aes128, noSession) },
  {
    name: "no-tunnel",
    start: (_, targetPort) =>
      Promise.resolve({
        pid: undefined,
        port: targetPort,
        async [Symbol.asyncDispose]() {},
      }),
  },
];

/** Starts rforward_client.ts. */
export function rforward(
  { noDelay = "auto", ...rest }: Partial<
    Pick<TunnelRequest, "noDelay" | "window">
  > = {},
): Client["start"] {
  const script = fileURLToPath(import.meta.resolve("./rforward_client.ts"));
  return ({ hostname, port, user, keyFile, knownHostsFile }, targetPort) => {
    const request: TunnelRequest = {
      ...{
        hostname,
        port,
        user,
        keyFile,
        knownHostsFile,
        targetPort,
      },
      ...{ cipher: chacha20, noDelay, ...rest },
    };
    return startProcess(
      Deno.execPath(),
      ["run", "--no-prompt", "-A", script, JSON.stringify(request)],
      /^READY (\d+)$/m,
    );
  };
}

/** Starts the command as a user does. */
export function command(...options: string[]): Client["start"] {
  const main = fileURLToPath(import.meta.resolve("../../src/cli/main.ts"));
  return (server, targetPort) =>
    startProcess(Deno.execPath(), [
      ...["run", "--no-prompt", "--quiet", "-A", main, ...options],
      ...["-R", `127.0.0.1:0:127.0.0.1:${targetPort}`],
      ...["-N", ...sshArguments(server)],
    ], /Allocated port (\d+) for remote forward/);
}

function ssh(
  cipher: string,
  { options, command }: { options: string[]; command: string[] },
): Client["start"] {
  return (server, targetPort) =>
    startProcess(
      "ssh",
      [
        ...options,
        ...["-c", cipher, "-o", "ExitOnForwardFailure=yes"],
        ...["-R", `127.0.0.1:0:127.0.0.1:${targetPort}`],
        ...sshArguments(server),
        ...command,
      ],
      /^Allocated port (\d+) for remote forward/m,
    );
}
