/**
 * At which addresses somebody listens on a TCP port, once for each listener,
 * as the kernel knows it (proc(5), `/proc/net/tcp`).
 *
 * @param pid A process of the network namespace to look into; this one by default.
 */
export function listeningAt(
  port: number,
  pid: number | "self" = "self",
): string[] {
  return ["tcp", "tcp6"]
    .flatMap((file) =>
      Deno.readTextFileSync(`/proc/${pid}/net/${file}`).trim().split("\n")
    )
    .flatMap((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", hexPort = ""] = local.split(":");
      return state === LISTEN && parseInt(hexPort, 16) === port
        ? [parseAddress(address)]
        : [];
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
