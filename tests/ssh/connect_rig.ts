/** What the tests of connect() share. */
import type { ConnectOptions } from "../../src/ssh/connect_options.ts";

/** Options for a port where no SSH server is. */
export function optionsOf(
  where: { hostname: string; port: number },
  changes: Partial<ConnectOptions> = {},
): ConnectOptions {
  return { ...where, user: "alice", hostKeys: { text: "" }, ...changes };
}

export async function write(conn: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) {
    done += await conn.write(bytes.subarray(done));
  }
}

export async function stayOpen(conn: Deno.TcpConn): Promise<void> {
  while (await conn.read(new Uint8Array(1000)) !== null);
}
