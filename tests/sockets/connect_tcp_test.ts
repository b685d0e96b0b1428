import { connectTcp } from "../../src/sockets/connect_tcp.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { freePort } from "../servers/free_port.ts";

const hostname = "127.0.0.1";
const enough = new Error("enough");

Deno.test("connectTcp() connects", async () => {
  using listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr;
  const stop = new AbortController();
  using conn = await connectTcp({ hostname, port }, stop.signal);
  using accepted = await listener.accept();
  stop.abort(enough); // too late to do anything
  await conn.write(new Uint8Array(1));
  assertEquals(await accepted.read(new Uint8Array(2)), 1);
});

Deno.test("connectTcp() does nothing if the signal has aborted before", async () => {
  const error = await assertRejects(
    () => connectTcp({ hostname, port: 1 }, AbortSignal.abort(enough)),
    Error,
  );
  assertEquals(error, enough);
});

Deno.test("connectTcp() passes on why not", async () => {
  const port = freePort();
  await assertRejects(
    () => connectTcp({ hostname, port }, new AbortController().signal),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("connectTcp() leaves no connection behind, whenever the signal aborts", async () => {
  using listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr;
  for (let i = 0; i < 20; i++) {
    const stop = new AbortController();
    const connecting = connectTcp({ hostname, port }, stop.signal);
    const timer = setTimeout(() => stop.abort(enough), 1);
    // Then both happen at once, as far as Deno can tell.
    for (const start = performance.now(); performance.now() - start < 3;);
    try {
      (await connecting).close();
    } catch (error) {
      assertEquals(error, enough);
    } finally {
      clearTimeout(timer);
    }
  }
});
