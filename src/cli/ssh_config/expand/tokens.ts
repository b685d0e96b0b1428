import type { Tokens } from "./expand.ts";
import type { LocalMachine } from "../local_machine.ts";

/** What tokens say about a destination. */
export interface TokenSubject {
  /** The host to connect to. */
  readonly host: string;
  /** The host as it was typed. */
  readonly originalHost: string;
  /** The port. */
  readonly port: number;
  /** The user there. */
  readonly user: () => string;
  /** The host's name in known_hosts. */
  readonly keyAlias: string;
}

/** The tokens that most options accept (ssh_config(5), "TOKENS"). */
export function destinationTokens(
  machine: LocalMachine,
  { host, originalHost, port, user, keyAlias }: TokenSubject,
): Tokens {
  return {
    C: () => sha1(`${machine.hostName}${host}${port}${user()}`),
    d: () => machine.home,
    h: () => host,
    i: () => `${machine.uid ?? ""}`,
    k: () => keyAlias,
    L: () => machine.hostName.replace(/\..*/, ""),
    l: () => machine.hostName,
    n: () => originalHost,
    p: () => `${port}`,
    r: user,
    u: () => machine.userName,
  };
}

async function sha1(text: string): Promise<string> {
  const data = new TextEncoder().encode(text);
  const hash = await crypto.subtle.digest("SHA-1", data);
  return new Uint8Array(hash).toHex();
}
