import { type TcpListener, tcpListeners } from "../../servers/listening.ts";

/** A listening socket. */
export interface ListeningSocket {
  /** `127.0.0.1:8080`, `:::8080`, or the path of a Unix socket. */
  readonly name: string;
  /** Where a program on this machine reaches it. */
  readonly at: Deno.ConnectOptions | Deno.UnixConnectOptions;
}

/**
 * What is listened on, as the kernel knows it: by TCP, and on Unix sockets in a
 * directory.
 *
 * @param isMeant Which TCP listeners to give.
 */
export function listeningSockets(
  isMeant: (listener: TcpListener) => boolean,
  directory: string,
): ListeningSocket[] {
  const tcp = tcpListeners().filter(isMeant).map(({ address, port }) => ({
    name: `${address}:${port}`,
    at: { hostname: addressable(address), port },
  }));
  const unix = unixListeners().filter((path) =>
    path.startsWith(`${directory}/`)
  ).map((path) => ({ name: path, at: { transport: "unix", path } as const }));
  return [...tcp, ...unix];
}

function addressable(address: string): string {
  return { "0.0.0.0": "127.0.0.1", "::": "::1" }[address] ?? address;
}

/** The paths of Unix sockets that are listened on (proc(5), `/proc/net/unix`: the flag is `__SO_ACCEPTCON`). */
function unixListeners(): string[] {
  return Deno.readTextFileSync("/proc/net/unix").split("\n").flatMap((line) => {
    const [, , , flags = "", , , , path] = line.trim().split(/\s+/);
    return path && parseInt(flags, 16) & 0x10000 ? [path] : [];
  });
}
