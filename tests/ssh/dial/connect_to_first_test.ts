import { connectToFirst } from "../../../src/ssh/dial/connect_to_first.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { freePort } from "../../servers/free_port.ts";
import { startFullPort } from "../../servers/tcp_server.ts";
import { within } from "../../within.ts";

/** A listener on one loopback address of a port, for another to be silent or closed. */
function listenOn(hostname: string, port: number): Deno.TcpListener {
  return Deno.listen({ hostname, port });
}

const none = new AbortController().signal;

Deno.test("connectToFirst() tries the next address at once when one refuses", async () => {
  const addresses = Array.from({ length: 100 }, (_, i) => `127.0.0.${i + 1}`);
  using listener = listenOn(addresses.at(-1)!, 0);
  const { port } = listener.addr;

  // Waiting for each would take 25 s.
  using conn = await within(
    15_000,
    "the last address",
    connectToFirst(addresses, port, none),
  );

  assertEquals(conn.remoteAddr.hostname, addresses.at(-1));
});

Deno.test("connectToFirst() tries the next address after a delay when one is silent", async () => {
  await using silent = await startFullPort();
  using _ = listenOn("127.0.0.2", silent.port);

  using conn = await within(
    10_000,
    "the second address",
    connectToFirst([silent.hostname, "127.0.0.2"], silent.port, none),
  );

  assertEquals(conn.remoteAddr.hostname, "127.0.0.2");
});

Deno.test("connectToFirst() prefers the first address that answers", async () => {
  using first = listenOn("127.0.0.1", 0);
  const { port } = first.addr;
  using _ = listenOn("127.0.0.2", port);
  for (let i = 0; i < 20; i++) {
    using conn = await connectToFirst(["127.0.0.1", "127.0.0.2"], port, none);
    assertEquals(conn.remoteAddr.hostname, "127.0.0.1");
  }
});

Deno.test("connectToFirst() reports why the first address could not be reached", async () => {
  const port = freePort();
  await assertRejects(
    () => connectToFirst(["127.0.0.1", "127.0.0.2"], port, none),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("connectToFirst() stops when the signal aborts", async () => {
  await using silent = await startFullPort();
  const reason = new Error("enough");
  for (const ms of [0, 20, 300]) {
    const stop = new AbortController();
    setTimeout(() => stop.abort(reason), ms);
    const error = await within(
      10_000,
      "the end",
      assertRejects(
        () =>
          connectToFirst(
            [silent.hostname, silent.hostname],
            silent.port,
            stop.signal,
          ),
        Error,
      ),
    );
    assertEquals(error, reason);
  }
});
