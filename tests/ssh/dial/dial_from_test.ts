import { dialFrom } from "../../../src/ssh/dial/dial_from.ts";
import type { Dial } from "../../../src/ssh/dial/transport.ts";
import { assertEquals, assertRejects } from "../../assert.ts";
import { runDeno } from "../../run_deno.ts";

const { signal } = new AbortController();

/** Loopback addresses are all this machine's own, on Linux. */
const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "dialFrom() connects from the address, and each direction has its end",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const dialling = dialFrom("127.7.7.7")({
      hostname: "localhost",
      port,
      signal,
    });
    const conn = await listener.accept();
    using _ = conn;
    const { readable, writable, close } = await dialling;
    assertEquals((conn.remoteAddr as Deno.NetAddr).hostname, "127.7.7.7");

    const sending = new Response("to the server").body!.pipeTo(writable);
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for await (const chunk of conn.readable.values({ preventCancel: true })) {
      chunks.push(chunk);
    }
    await sending;
    assertEquals(await new Blob(chunks).text(), "to the server");
    await close?.();
    await readable.cancel().catch(() => {});
  },
});

const refused: [what: string, Dial][] = [
  ["an address of another machine", dialFrom("192.0.2.1")],
  ["an unknown name", dialFrom("nohost.invalid")],
  ["an address of the other family", dialFrom("::1", 4)],
];
for (const [what, dial] of refused) {
  Deno.test(`dialFrom() rejects ${what}`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    await assertRejects(
      () => dial({ hostname: "127.0.0.1", port, signal }),
      Error,
    );
  });
}

Deno.test("dialFrom() names the missing permission", async () => {
  const dialFromUrl = new URL(
    "../../../src/ssh/dial/dial_from.ts",
    import.meta.url,
  );
  const { code, stdout, stderr } = await runDeno({
    script: `
      import { dialFrom } from "${dialFromUrl}";
      const { signal } = new AbortController();
      await dialFrom("127.0.0.1")({ hostname: "127.0.0.1", port: 9, signal })
        .catch((error) => console.log(error.code + " " + error.message));`,
    permissions: ["--allow-net=127.0.0.1:9"],
  });
  assertEquals({ code, stdout, stderr }, {
    code: 0,
    stdout:
      "permission-denied may not connect from 127.0.0.1; run deno with --allow-net=127.0.0.1:0\n",
    stderr: "",
  });
});

Deno.test("dialFrom() stops when the signal aborts", async () => {
  const stop = new AbortController();
  const dialling = dialFrom("127.0.0.1")({
    hostname: "192.0.2.1",
    port: 22,
    signal: stop.signal,
  });
  stop.abort();
  await assertRejects(() => dialling, Error);
});
