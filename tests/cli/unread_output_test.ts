/** The command where nothing reads what it prints, as with a pager or a paused program. */
import { assert, assertEquals } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { freePort } from "../servers/free_port.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { within } from "../within.ts";
import { withPermissions } from "./command_process.ts";

for (const [option, stream] of [["--json", "stdout"], ["-v", "stderr"]]) {
  serverTest(
    "sshd",
    `rforward ${option} forwards, and ends, though nothing reads its ${stream}`,
    async () => {
      await using sshd = await startSshd();
      await using echo = startEcho("echo");
      const port = freePort();
      const [program = "", ...flags] = withPermissions("--allow-all");
      const child = new Deno.Command(program, {
        args: [
          ...flags,
          ...[option!, "-R", `127.0.0.1:${port}:127.0.0.1:${echo.port}`],
          ...sshArguments(sshd),
        ],
        env: { NO_COLOR: "1", SSH_AUTH_SOCK: "" },
        stdin: "null",
        stdout: stream === "stdout" ? "piped" : "null",
        stderr: stream === "stderr" ? "piped" : "null",
      }).spawn();
      try {
        const deadline = Date.now() + 20_000;
        while (await ask(port, "hi").catch(() => "") !== "echo: hi") {
          assert(Date.now() < deadline, "it is not up");
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        // Two lines each: more than 64 KiB, which the pipe holds.
        for (let i = 0; i < 400; i++) {
          await within(10_000, `connection ${i}`, ask(port, "hi"));
        }
        child.kill("SIGTERM");
        const { code } = await within(10_000, "the end", child.status);
        assertEquals(code, 0);
      } finally {
        try {
          child.kill("SIGKILL");
        } catch {
          // It has ended.
        }
        await (stream === "stdout" ? child.stdout : child.stderr).cancel();
        await child.status;
      }
    },
  );
}
