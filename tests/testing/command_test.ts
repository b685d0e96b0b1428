import type { CommandHandler } from "../../src/testing/mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { setUp } from "./open_ssh.ts";
import { assertSameBytes, noise } from "./sockets.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Runs one command with `ssh`; what is written to its input is `stdin`. */
async function runCommand(
  exec: CommandHandler | undefined,
  stdin: Uint8Array<ArrayBuffer> = new Uint8Array(),
): Promise<Deno.CommandOutput> {
  await using setting = await setUp(exec && { exec });
  const child = new Deno.Command("ssh", {
    args: [...setting.args, "the command"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(stdin).catch(() => {}); // A command that does not read may be gone by now.
  await writer.close().catch(() => {});
  return await output;
}

serverTest(
  "ssh",
  "exec is given the command and its input, and its output and status go to the client",
  async () => {
    const input = noise(5 * 1024 * 1024);
    let asked: string | undefined;

    const { code, stdout, stderr } = await runCommand(
      async (command, { stdin, stdout, stderr }) => {
        asked = command;
        await stdin.pipeTo(stdout);
        const writer = stderr.getWriter();
        await writer.write(encoder.encode("a warning"));
        return 42;
      },
      input,
    );

    assertEquals(asked, "the command");
    assertEquals(code, 42);
    assertSameBytes(stdout, input);
    assertEquals(decoder.decode(stderr), "a warning");
  },
);

serverTest(
  "ssh",
  "exec may write more than the window to stdout and stderr at once",
  async () => {
    const output = noise(5 * 1024 * 1024);
    const write = async (stream: WritableStream<Uint8Array>) => {
      const writer = stream.getWriter();
      for (let at = 0; at < output.length; at += 100_000) {
        await writer.write(output.subarray(at, at + 100_000));
      }
      await writer.close();
    };

    const { stdout, stderr } = await runCommand(async (_, streams) => {
      await Promise.all([write(streams.stdout), write(streams.stderr)]);
      return 0;
    });

    assertSameBytes(stdout, output);
    assertSameBytes(stderr, output);
  },
);

serverTest(
  "ssh",
  "exec may write the window full on one stream after the other",
  async () => {
    const output = noise(5 * 1024 * 1024);

    const { stdout, stderr } = await runCommand(async (_, streams) => {
      for (const name of ["stdout", "stderr", "stdout"] as const) {
        const writer = streams[name].getWriter();
        await writer.write(output);
        writer.releaseLock();
      }
      return 0;
    });

    assertSameBytes(stdout, new Uint8Array([...output, ...output]));
    assertSameBytes(stderr, output);
  },
);

serverTest(
  "ssh",
  "exec that throws prints its error on stderr and exits with 1",
  async () => {
    const { code, stderr } = await runCommand(() => {
      throw new Error("it broke");
    });

    assertEquals(code, 1);
    assertMatch(decoder.decode(stderr), /Error: it broke/);
  },
);

serverTest("ssh", "without exec, commands are refused", async () => {
  const { code, stderr } = await runCommand(undefined);

  assertEquals(code, 255);
  assertMatch(decoder.decode(stderr), /administratively prohibited/);
});

serverTest(
  "ssh",
  "exec's signal aborts when the client is gone, and its writes fail",
  async () => {
    const ended = Promise.withResolvers<unknown[]>();
    const started = Promise.withResolvers<void>();
    await using setting = await setUp({
      exec: async (_, { stdin, stdout, signal }) => {
        started.resolve();
        const aborted = new Promise((resolve) =>
          signal.addEventListener("abort", () => resolve(signal.reason))
        );
        const flood = (async () => {
          const writer = stdout.getWriter();
          while (true) await writer.write(new Uint8Array(1024 * 1024));
        })();
        const reading = stdin.getReader().read();
        const outcomes = await Promise.allSettled([aborted, flood, reading]);
        ended.resolve(outcomes.map(({ status }) => status));
        return 0;
      },
    });
    await using child = new Deno.Command("ssh", {
      args: [...setting.args, "flood"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await started.promise;

    child.kill("SIGKILL");

    assertEquals(await ended.promise, ["fulfilled", "rejected", "rejected"]);
    await Promise.all([child.stdin.abort(), child.stdout.cancel()]);
    assert(!(await child.status).success);
  },
);
