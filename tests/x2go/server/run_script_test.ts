import type { SshConnection } from "../../../src/ssh/connection.ts";
import { X2GoError } from "../../../src/x2go/errors.ts";
import { limited, runScript } from "../../../src/x2go/server/run_script.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { shell, withServer } from "../shell_server.ts";

Deno.test("runScript() returns what the script printed, without the noise", async () => {
  await withServer(shell("echo noise; echo more >&2; "), async (connection) => {
    const output = await runScript(connection, {
      name: "it",
      text: "cat; printf %s oops >&2",
      stdin: new TextEncoder().encode("what it reads"),
    });

    assertEquals(output, { stdout: "what it reads", stderr: "more\noops" });
  });
});

Deno.test("runScript() rejects with what a script that fails has said", async () => {
  await withServer(shell(), async (connection) => {
    const error = await assertRejects(
      () => fail(connection, "echo 'no way\x07' >&2; exit 9"),
      X2GoError,
    );

    assertEquals([error.code, error.session], ["x2go-refused", "s"]);
    assertEquals(error.message, "it failed with exit status 9: no way");
  });
});

Deno.test("runScript() says that a command is missing", async () => {
  await withServer(shell(), async (connection) => {
    const error = await assertRejects(
      () => fail(connection, "x2gonosuchthing"),
      X2GoError,
    );

    assertMatch(error.message, /is x2goserver installed there\? It said: /);
  });
});

Deno.test("runScript() repeats what a login shell says that runs no commands", async () => {
  await withServer(
    shell("echo This account is not available.; exit 1; "),
    async (connection) => {
      const error = await assertRejects(() => fail(connection, ""), X2GoError);

      assertEquals(error.code, "x2go-refused");
      assertMatch(error.message, /This account is not available/);
    },
  );
});

Deno.test("runScript() rejects if the end of the answer is missing", async () => {
  await withServer(() => Promise.resolve(0), async (connection) => {
    const error = await assertRejects(() => fail(connection, ""), X2GoError);

    assertEquals(error.code, "x2go-output");
  });
});

Deno.test("runScript() ends a script that prints without end", async () => {
  await withServer(shell(), async (connection) => {
    const error = await assertRejects(() => fail(connection, "yes"), X2GoError);

    assertEquals(error.code, "x2go-output");
    assertMatch(error.message, /printed more than 1048576 bytes/);
  });
});

Deno.test("runScript() ends a script that takes too long", async () => {
  await withServer(shell(), async (connection) => {
    const error = await assertRejects(
      () =>
        runScript(
          connection,
          { name: "it", text: "echo begun; exec sleep 60", session: "s" },
          { timeoutMs: 100 },
        ),
      X2GoError,
    );

    assertEquals([error.code, error.session], ["x2go-timeout", "s"]);
  });
});

Deno.test("runScript() stops when the signal aborts", async () => {
  await withServer(shell(), async (connection) => {
    const reason = new Error("enough");
    const aborted = new AbortController();
    const running = runScript(connection, {
      name: "it",
      text: "exec sleep 60",
    }, { signal: aborted.signal });
    aborted.abort(reason);

    assertEquals(await running.catch((error) => error), reason);
  });
});

Deno.test("runScript() rejects when the connection goes", async () => {
  await withServer(shell(), async (connection) => {
    const running = runScript(connection, {
      name: "it",
      text: "exec sleep 60",
    });
    await connection.close();

    await assertRejects(() => running, Error);
  });
});

Deno.test("limited() has the server end a command in time", async () => {
  await withServer(shell(), async (connection) => {
    const error = await assertRejects(
      () => fail(connection, limited("sleep 60", 1)),
      X2GoError,
    );

    assertEquals(error.code, "x2go-timeout");
  });
});

Deno.test("limited() keeps a command's grandparent from outliving the script", async () => {
  await withServer(shell(), async (connection) => {
    // As x2gostartagent finds whom x2gormforward is to kill.
    const command = "sh -c 'grep PPid /proc/$PPID/status; exit'";
    const { stdout } = await runScript(connection, {
      name: "it",
      text: limited(command, 1000),
    });

    const pid = Number(stdout.replace("PPid:", ""));
    assert(pid > 1, stdout);
    await assertRejects(
      () => Deno.stat(`/proc/${pid}`),
      Deno.errors.NotFound,
    );
  });
});

function fail(connection: SshConnection, text: string) {
  return runScript(connection, { name: "it", text, session: "s" });
}
