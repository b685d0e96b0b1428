import { tcpPorts } from "./listening.ts";

/** A test file has this many ports to itself; the first one shows that they are taken. */
const BLOCK = 200;

/** x2goserver chooses ports from 30000. */
const [LOWEST, HIGHEST] = [10_000, 30_000];

/** Listens at the first port of this file's block for as long as the file runs. */
const guard = takeBlock();
const first = guard.addr.port;
let last = first;

/**
 * A port at which nothing listens, another one with each call. The system does
 * not give it away by itself, and no other test file that runs now gets it. It
 * is not tried by listening at it: programs that another test starts would keep
 * the socket open until they are executed.
 */
export function freePort(): number {
  const taken = tcpPorts();
  for (let i = 1; i < BLOCK; i++) {
    last = last + 1 < first + BLOCK ? last + 1 : first + 1;
    if (!taken.has(last)) return last;
  }
  throw new Error(`All ports from ${first + 1} are in use`);
}

function takeBlock(): Deno.TcpListener {
  const all = Array.from(
    { length: (HIGHEST - LOWEST) / BLOCK },
    (_, i) => LOWEST + i * BLOCK,
  );
  const outside = all.filter(isOutsideOfSystemsRange);
  const blocks = outside.length > 0 ? outside : all;
  const start = Math.floor(Math.random() * blocks.length);
  for (const port of [...blocks.slice(start), ...blocks.slice(0, start)]) {
    try {
      return Deno.listen({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`No ${BLOCK} ports from ${LOWEST} to ${HIGHEST} are free`);
}

/** Whether the system gives none of a block's ports to outgoing connections (ip(7)). */
function isOutsideOfSystemsRange(start: number): boolean {
  const [from = 0, to = 0] = Deno.readTextFileSync(
    "/proc/sys/net/ipv4/ip_local_port_range",
  ).trim().split(/\s+/).map(Number);
  return start + BLOCK <= from || start > to;
}

/**
 * Calls `start` with a free port, and again with another one where another
 * program took it in between.
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
