import { connect, type NoDelay } from "../../mod.ts";
import { ArgumentError } from "../../src/errors.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { connectTo } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { startSshd } from "../servers/openssh.ts";
import { within } from "../within.ts";

const modes: readonly NoDelay[] = ["auto", "always", "never"];

serverTest(
  "sshd",
  "connect() with noDelay runs a command only where it is to: always",
  async () => {
    const dir = await Deno.makeTempDir();
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const log = `${dir}/log`;
    await Deno.writeTextFile(log, "");
    await using sshd = await startSshd({
      config: [`ForceCommand echo "$SSH_ORIGINAL_COMMAND" >> ${log}`],
    });
    for (const noDelay of modes) {
      await using connection = await connectTo(sshd, { noDelay });
      // Requests are answered in order, so what the login started is under way.
      await connection.ping();
      while (connection.openChannels > 0) {
        await within(10_000, "ping()", connection.ping());
      }
      await (await connection.exec(noDelay)).output();
    }
    assertEquals(
      (await Deno.readTextFile(log)).trim().split("\n"),
      ["auto", ":", "always", "never"],
    );
  },
);

Deno.test("connect() refuses any other noDelay", async () => {
  const error = await assertRejects(
    () =>
      connect({
        ...{ hostname: "127.0.0.1", user: "u" },
        noDelay: "sometimes" as NoDelay,
      }),
    ArgumentError,
  );
  assertEquals(error.argument, "noDelay");
});
