/**
 * Calls `start` with a port of 127.0.0.1 that is free now, and again with
 * another one where another program took it in between.
 */
export async function withFreePort<T>(
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await start(freePort());
    } catch (error) {
      // sshd's words, and dropbear's.
      const taken = /in use|No listening ports/.test(String(error));
      if (!taken || attempt === 5) throw error;
    }
  }
}

/** A port of 127.0.0.1 that is free now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
