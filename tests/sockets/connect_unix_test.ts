import { connectUnix } from "../../src/sockets/connect_unix.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { within } from "../within.ts";

const enough = new Error("enough");

/** A socket whose server is so busy that its queue is full. */
async function startBusyServer() {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const queued: Deno.Conn[] = [];
  for (;;) {
    try {
      queued.push(await Deno.connect({ transport: "unix", path }));
    } catch (error) {
      if (error instanceof Deno.errors.WouldBlock) break;
      throw error;
    }
  }
  return {
    path,
    /** Takes one connection out of the queue. */
    accept: () => listener.accept(),
    queued: queued.length,
    async [Symbol.asyncDispose]() {
      for (const conn of queued) conn.close();
      listener.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

Deno.test("connectUnix() waits for a place in a busy server's queue", async () => {
  await using server = await startBusyServer();
  const stop = new AbortController();
  const connecting = connectUnix(server.path, stop.signal);
  (await server.accept()).close();
  using conn = await within(10_000, "a connection", connecting);
  for (let i = 1; i < server.queued; i++) (await server.accept()).close();
  using accepted = await server.accept();
  await conn.write(new Uint8Array(1));
  assertEquals(await accepted.read(new Uint8Array(2)), 1);
});

Deno.test("connectUnix() stops when the signal aborts", async () => {
  await using server = await startBusyServer();
  const stop = new AbortController();
  const connecting = connectUnix(server.path, stop.signal);
  stop.abort(enough);
  assertEquals(await assertRejects(() => connecting, Error), enough);
});

Deno.test("connectUnix() passes on why not", async () => {
  await assertRejects(
    () => connectUnix("/nobody/listens/here", new AbortController().signal),
    Deno.errors.NotFound,
  );
});
