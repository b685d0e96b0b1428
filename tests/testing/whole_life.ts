/** Run as a program by a test: after all that is below, it has to end by itself. */
import { setUp, startSsh } from "./open_ssh.ts";

await using setting = await setUp();
using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
await using _ssh = await startSsh(
  setting,
  ...["-R", `127.0.0.1:0:127.0.0.1:${target.addr.port}`],
  ...["-R", `${setting.dir}/socket:127.0.0.1:${target.addr.port}`],
);
for (const bind of setting.server.forwards) {
  const program = "path" in bind
    ? await Deno.connect({ transport: "unix", path: bind.path })
    : await Deno.connect({ port: bind.port });
  const conn = await target.accept();
  // Neither is ended: that is left to the server, and to the end of the program.
  await program.write(new Uint8Array(1));
  await conn.read(new Uint8Array(1));
  program.unref();
  conn.unref();
}
await setting.server[Symbol.asyncDispose]();
console.log("disposed");
