import { ArgumentError, ChannelError } from "../../../src/errors.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import type { SshSignal } from "../../../src/ssh/connection.ts";
import { assertSameBytes, noise } from "../../testing/sockets.ts";
import { within } from "../../within.ts";
import { bytes, section, type Subject } from "./setting.ts";

function text(output: Uint8Array): string {
  return new TextDecoder().decode(output);
}

/** What the contract says of commands and shells. */
export function testExec(subject: Subject): void {
  section(subject, "exec()", [
    [
      "output() has both streams and the exit status",
      async ({ connection }) => {
        await using process = await connection.exec(
          "echo out; echo err >&2; exit 3",
        );
        const output = await process.output();
        assertEquals(text(output.stdout), "out\n");
        assertEquals(text(output.stderr), "err\n");
        assertEquals(output.code, 3);
        assertEquals(output.signal, undefined);
        assertEquals(output.success, false);
        assertEquals(await process.status, {
          code: 3,
          signal: undefined,
          success: false,
        });
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["a command reads stdin until it is closed", async ({ connection }) => {
      await using process = await connection.exec("cat; echo end >&2");
      const writer = process.stdin.getWriter();
      await writer.write(bytes("one "));
      await writer.write(bytes("two"));
      await writer.close();
      const { stdout, stderr, success } = await process.output();
      assertEquals([text(stdout), text(stderr), success], [
        "one two",
        "end\n",
        true,
      ]);
    }],

    [
      "the signal that ended the command is reported",
      async ({ connection }) => {
        await using process = await connection.exec("kill -TERM $$");
        assertEquals(await process.status, {
          code: undefined,
          signal: "SIGTERM",
          success: false,
        });
      },
    ],

    ["a command that there is not ends with 127", async ({ connection }) => {
      await using process = await connection.exec("no-such-command-here");
      const { code, stderr } = await process.output();
      assertEquals(code, 127);
      assert(text(stderr).includes("not found"), text(stderr));
    }],

    ["20 MB of output arrive whole", async ({ connection }) => {
      const size = 20_000_000;
      await using process = await connection.exec(
        `head -c ${size} /dev/zero; head -c ${size / 10} /dev/zero >&2`,
      );
      const { stdout, stderr } = await process.output();
      assertSameBytes(stdout, new Uint8Array(size));
      assertSameBytes(stderr, new Uint8Array(size / 10));
    }],

    ["5 MB of input come back", async ({ connection }) => {
      await using process = await connection.exec("cat");
      const input = noise(5_000_000);
      const [output] = await Promise.all([
        new Response(process.stdout).bytes(),
        new Response(input).body!.pipeTo(process.stdin),
      ]);
      assertSameBytes(output, input);
      assertEquals((await process.status).success, true);
    }],

    [
      "a command that does not read its input lets writers know",
      async ({ connection }) => {
        await using process = await connection.exec("exec <&-; sleep 0.2");
        const writer = process.stdin.getWriter();
        await within(
          10_000,
          "the writer's end",
          assertRejects(async () => {
            while (true) await writer.write(noise(10_000));
          }, ChannelError),
        );
        assertEquals((await process.status).success, true);
      },
    ],

    ["stderr is read though stdout is not wanted", async ({ connection }) => {
      const size = 5_000_000;
      await using process = await connection.exec(
        `head -c ${size} /dev/zero; head -c ${size} /dev/zero >&2; exit 4`,
      );
      await process.stdout.cancel();
      const stderr = await new Response(process.stderr).bytes();
      assertEquals(stderr.length, size);
      assertEquals((await process.status).code, 4);
    }],

    ["the status comes though no output is wanted", async ({ connection }) => {
      await using process = await connection.exec("echo out; echo err >&2");
      assertEquals((await process.status).success, true);
    }],

    ["20 commands run at once", async ({ connection }) => {
      const outputs = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          await using process = await connection.exec(
            `cat; echo ${i} >&2; exit ${i}`,
          );
          return await process.output();
        }),
      );
      assertEquals(outputs.map(({ code }) => code), outputs.map((_, i) => i));
      assertEquals(
        outputs.map(({ stderr }) => text(stderr)),
        outputs.map((_, i) => `${i}\n`),
      );
      assertEquals(connection.openChannels, 0);
    }],

    ["kill() sends a signal", async ({ connection }) => {
      await using process = await connection.exec(
        "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done",
      );
      const reader = process.stdout.getReader();
      assertEquals(text((await reader.read()).value!), "ready\n");
      process.kill();
      const { value } = await within(10_000, "the trap", reader.read());
      assertEquals(text(value!), "caught\n");
      assertEquals((await process.status).code, 5);
    }],

    ["kill() takes signals of RFC 4254 alone", async ({ connection }) => {
      await using process = await connection.exec("echo ready; cat");
      // sshd loses a signal to a command that is only starting.
      await process.stdout.getReader().read();

      for (const signal of ["", "TERM", "SIGNOSUCH", "SIGTERM\0"]) {
        const error = assertThrows(
          () => process.kill(signal as SshSignal),
          ArgumentError,
        );
        assertEquals(error.argument, "signal");
      }
      process.kill("SIGKILL");
      const { signal } = await within(10_000, "its end", process.status);
      assertEquals(signal, "SIGKILL");
    }],

    [
      "kill() after the end does nothing, and the connection stays usable",
      async ({ connection }) => {
        await using process = await connection.exec("exit 0");
        await process.status;
        process.kill();
        process.kill("SIGKILL");
        await using other = await connection.exec("echo on");
        assertEquals(text((await other.output()).stdout), "on\n");
      },
    ],

    [
      "close() ends what is read and awaited, at once",
      async ({ connection }) => {
        await using process = await connection.exec("sleep 60");
        const reading = assertRejects(() => process.output(), ChannelError);
        const status = assertRejects(() => process.status, ChannelError);

        process.close();
        process.close();
        process.kill();

        const { code } = await within(10_000, "the output's end", reading);
        assertEquals(code, "channel-closed");
        await within(10_000, "the status", status);
      },
    ],

    [
      "close() ends the command's input and output",
      async ({ server, connection }) => {
        const file = `/tmp/${crypto.randomUUID()}`;
        await using process = await connection.exec(
          `cat; echo ended > ${file}; mv ${file} ${file}.done`,
        );
        await using watcher = await connection.exec(
          `while ! test -e ${file}.done; do sleep 0.02; done; rm ${file}.done`,
        );
        process.close();
        const { success } = await within(10_000, "cat's end", watcher.status);
        assert(success, await server.log());
      },
    ],

    ["the signal closes the channel", async ({ connection }) => {
      const stop = new AbortController();
      await using process = await connection.exec("sleep 5", {
        signal: stop.signal,
      });
      const reason = new Error("enough");
      const reading = assertRejects(() => process.output(), Error);
      stop.abort(reason);
      assertEquals(await within(10_000, "output()", reading), reason);
      assertEquals(await assertRejects(() => process.status, Error), reason);
    }],

    ["the signal aborts every stage", async ({ connection }) => {
      const reason = new Error("enough");
      const aborted = AbortSignal.abort(reason);
      assertEquals(
        await assertRejects(
          () => connection.exec("echo", { signal: aborted }),
          Error,
        ),
        reason,
      );
      // Aborted after this many turns of the microtask queue, wherever exec() is then.
      for (let turns = 0; turns < 20; turns++) {
        const stop = new AbortController();
        const starting = connection.exec("sleep 2", { signal: stop.signal })
          .then((process) => process.status);
        for (let i = 0; i < turns; i++) await Promise.resolve();
        stop.abort(reason);
        assertEquals(
          await within(
            10_000,
            `${turns}`,
            assertRejects(() => starting, Error),
          ),
          reason,
        );
      }
      // And after this many milliseconds.
      for (let ms = 0; ms < 20; ms++) {
        const stop = new AbortController();
        const starting = connection.exec("sleep 2", { signal: stop.signal })
          .then((process) => process.status);
        setTimeout(() => stop.abort(reason), ms);
        assertEquals(
          await within(
            10_000,
            `${ms} ms`,
            assertRejects(() => starting, Error),
          ),
          reason,
        );
      }
      await using process = await connection.exec("echo on");
      assertEquals((await process.output()).success, true);
    }],

    [
      "a signal that outlives the command is not kept",
      async ({ connection }) => {
        const stop = new AbortController();
        await using process = await connection.exec("true", {
          signal: stop.signal,
        });
        await process.output();
        stop.abort(new Error("unheard"));
        await process.status;
      },
    ],

    ["a command that cannot be one is named", async ({ connection }) => {
      for (const command of ["", "a\0b", undefined]) {
        const error = await assertRejects(
          () => connection.exec(command as string),
          ArgumentError,
        );
        assertEquals(error.argument, "command");
      }
    }],
  ]);

  section(subject, "shell()", [
    [
      "a shell runs what comes on stdin, without a terminal",
      async ({ connection }) => {
        await using shell = await connection.shell();
        const writer = shell.stdin.getWriter();
        await writer.write(
          bytes("test -t 0 || echo no terminal; echo err >&2; exit 3\n"),
        );
        writer.releaseLock();
        const output = await shell.output();
        assertMatch(text(output.stdout), /no terminal\n$/);
        assertMatch(text(output.stderr), /err\n$/);
        assertEquals([output.code, output.success], [3, false]);
        assertEquals(connection.openChannels, 0);
      },
    ],

    ["a signal closes the shell's channel", async ({ connection }) => {
      const stop = new AbortController();
      await using shell = await connection.shell({ signal: stop.signal });
      const reason = new Error("that will do");
      stop.abort(reason);
      assertEquals(await assertRejects(() => shell.status, Error), reason);
      await shell.stdout.cancel().catch(() => {});
      await shell.stderr.cancel().catch(() => {});
    }],
  ]);

  if (!subject.kind.openssh) return;
  section(subject, "exec() where the server allows one session", [
    [
      "a second one is refused, and the connection stays usable",
      async ({ connection }) => {
        await using first = await connection.exec("cat");
        const error = await assertRejects(
          () => connection.exec("true"),
          ChannelError,
        );
        assertEquals(error.code, "channel-refused");
        assertEquals(error.reason, "connect-failed");
        assertEquals((await first.output()).success, true);
        await connection.requestForward({ hostname: "127.0.0.1", port: 0 });
      },
    ],
  ], ["MaxSessions 1"]);
}
