/** An address and port with a listener. */
export interface TcpListener {
  address: string;
  port: number;
}

/**
 * The addresses at which a TCP port has listeners, once for each listener,
 * as the kernel knows it.
 *
 * @param pid A process of the network namespace to look into; this one by default.
 */
export function listeningAt(
  port: number,
  pid: number | "self" = "self",
): string[] {
  return tcpListeners(pid).filter((listener) => listener.port === port)
    .map(({ address }) => address);
}

/**
 * All TCP listeners of a network namespace (proc(5), `/proc/net/tcp`). It takes
 * the kernel some milliseconds to list them.
 */
export function tcpListeners(pid: number | "self" = "self"): TcpListener[] {
  return tcpSockets(pid).filter(({ state }) => state === LISTEN)
    .map(({ address, port }) => ({ address: parseAddress(address), port }));
}

/**
 * The local ports of all TCP sockets, listening, connected or closed a while
 * ago: some of these, too, keep others from listening there.
 */
export function tcpPorts(): Set<number> {
  return new Set(tcpSockets("self").map(({ port }) => port));
}

function tcpSockets(pid: number | "self") {
  return ["tcp", "tcp6"]
    .flatMap((file) =>
      // The first line is a heading.
      Deno.readTextFileSync(`/proc/${pid}/net/${file}`).trim().split("\n")
        .slice(1)
    )
    .map((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      return { address, port: parseInt(port, 16), state };
    });
}

const LISTEN = "0A";

/** The kernel prints words of 32 bits, their bytes in the order of little-endian machines. */
function parseAddress(hex: string): string {
  const bytes =
    hex.match(/.{8}/g)?.flatMap((word) => word.match(/../g)?.reverse() ?? []) ??
      [];
  if (bytes.length === 4) {
    return bytes.map((byte) => parseInt(byte, 16)).join(".");
  }
  const groups = bytes.join("").match(/.{4}/g) ?? [];
  // The URL's parser knows how to shorten it.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
