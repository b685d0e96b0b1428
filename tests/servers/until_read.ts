/**
 * Waits until the program at the other end of a loopback connection has read
 * all that was sent; a reset would discard the rest.
 */
export async function untilRead(conn: Deno.Conn): Promise<void> {
  const here = endpoint(conn.localAddr as Deno.NetAddr);
  const there = endpoint(conn.remoteAddr as Deno.NetAddr);
  for (;;) {
    // proc(5): bytes not acknowledged in the first queue, not read in the second.
    const table = Deno.readTextFileSync("/proc/net/tcp").trim().split("\n");
    const queues = new Map(table.map((line) => {
      const [, local, remote, , queued = ""] = line.trim().split(/\s+/);
      return [`${local} ${remote}`, queued.split(":")];
    }));
    const [sent] = queues.get(`${here} ${there}`) ?? [];
    const [, unread] = queues.get(`${there} ${here}`) ?? [];
    if (sent === "00000000" && unread === "00000000") return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** An IPv4 address and a port as the kernel prints them on little-endian machines. */
function endpoint({ hostname, port }: Deno.NetAddr): string {
  const bytes = hostname.split(".").map(Number).reverse();
  const hex = (value: number, digits: number) =>
    value.toString(16).toUpperCase().padStart(digits, "0");
  return `${bytes.map((byte) => hex(byte, 2)).join("")}:${hex(port, 4)}`;
}
