/**
 * A TCP proxy that delays all bytes alike, however many are on their way:
 *
 *     deno run -A delay_line.ts PORT DELAY_MS
 *
 * Prints `READY` and its port, then serves. It tops out near 55 MB/s.
 */
const [port, delayMs] = Deno.args.map(Number) as [number, number];
/** Bytes on their way in one direction at most; the sender waits then. */
const CAPACITY = 64 * 1024 * 1024;
const PIECE = 128 * 1024;

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`READY ${listener.addr.port}`);
for await (const conn of listener) serve(conn);

async function serve(conn: Deno.TcpConn): Promise<void> {
  using client = conn;
  using server = await Deno.connect({ hostname: "127.0.0.1", port });
  client.setNoDelay(true);
  server.setNoDelay(true);
  // An end that is killed resets its connection, and ends both directions.
  const broken = () => {};
  await Promise.all([
    delay(client, server).catch(broken),
    delay(server, client).catch(broken),
  ]);
}

async function delay(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
  const pieces: { bytes: Uint8Array; due: number }[] = [];
  let onTheWay = 0;
  let ended = false;
  let changed = Promise.withResolvers<void>();
  const change = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const taking = (async () => {
    try {
      while (true) {
        while (onTheWay >= CAPACITY) await changed.promise;
        const room = new Uint8Array(PIECE);
        const size = await from.read(room);
        if (size === null) break;
        const bytes = size < PIECE / 2
          ? room.slice(0, size)
          : room.subarray(0, size);
        pieces.push({ bytes, due: performance.now() + delayMs });
        onTheWay += size;
        change();
      }
    } finally {
      ended = true;
      change();
    }
  })();
  const giving = (async () => {
    while (true) {
      const piece = pieces.shift();
      if (!piece) {
        if (ended) break;
        await changed.promise;
        continue;
      }
      const wait = piece.due - performance.now();
      if (wait > 0) await new Promise((done) => setTimeout(done, wait));
      for (let rest = piece.bytes; rest.length > 0;) {
        rest = rest.subarray(await to.write(rest));
      }
      onTheWay -= piece.bytes.length;
      change();
    }
    await to.closeWrite();
  })();
  await Promise.all([taking, giving]);
}
