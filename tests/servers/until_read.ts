/**
 * Waits until the program at the other end of a loopback connection has read
 * all that was sent; a reset would discard the rest.
 */
export async function untilRead(conn: Deno.Conn): Promise<void> {
  const here = endpoint(conn.localAddr as Deno.NetAddr);
  const there = endpoint(conn.remoteAddr as Deno.NetAddr);
  // One after the other: the kernel takes milliseconds to print the table, so
  // bytes may arrive between the two lines of one connection.
  while (queuesOf(here, there)?.sent !== 0) await moment();
  while (queuesOf(there, here)?.unread !== 0) await moment();
}

function moment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

/** What the kernel holds for one side of a connection, in bytes: not acknowledged, not read (proc(5)). */
function queuesOf(
  local: string,
  remote: string,
): { sent: number; unread: number } | undefined {
  const table = Deno.readTextFileSync("/proc/net/tcp").split("\n");
  const line = table.find((it) => it.includes(` ${local} ${remote} `));
  const queues = line?.trim().split(/\s+/)[4]?.split(":");
  const [sent = NaN, unread = NaN] = queues?.map((hex) => parseInt(hex, 16)) ??
    [];
  return queues && { sent, unread };
}

/** An IPv4 address and a port as the kernel prints them on little-endian machines. */
function endpoint({ hostname, port }: Deno.NetAddr): string {
  const bytes = hostname.split(".").map(Number).reverse();
  const hex = (value: number, digits: number) =>
    value.toString(16).toUpperCase().padStart(digits, "0");
  return `${bytes.map((byte) => hex(byte, 2)).join("")}:${hex(port, 4)}`;
}
