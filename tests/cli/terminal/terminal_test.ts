import { assert, assertEquals } from "../../assert.ts";
import {
  type TerminalOptions,
  TerminalProcess,
} from "../../servers/terminal.ts";

const script = new URL("ask.ts", import.meta.url).pathname;

function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: Deno.build.os !== "linux" });
}

/** Asks in a terminal of its own, by default without permissions. */
function ask(
  questions: string[],
  permissions: string[] = [],
  options: Partial<TerminalOptions> = {},
): Promise<TerminalProcess> {
  return TerminalProcess.start({
    program: Deno.execPath(),
    args: [
      ...["run", "--quiet", "--no-prompt", "--no-check"],
      ...permissions,
      script,
      ...questions,
    ],
    env: { NO_COLOR: "1" },
    ...options,
  });
}

terminalTest("terminal.askHidden() does not show what is typed", async () => {
  await using terminal = await ask(["hidden"]);
  await terminal.see("Secret: ");
  assertEquals(await terminal.echoes(), false);
  await terminal.type("größe 7\r");
  await terminal.see('got "größe 7"\n');
  await terminal.see("done");
  assertEquals(await terminal.exitCode(), 0);
  assert(await terminal.echoes());
  assertEquals(terminal.text, 'Secret: \ngot "größe 7"\ndone\n');
});

terminalTest("terminal.askHidden() lets keys be corrected", async () => {
  await using terminal = await ask(["hidden"]);
  await terminal.see("Secret: ");
  await terminal.type("wrong\x15sex\x1b[D\x7fcräé\x7f\x7fet\r");
  await terminal.see('got "secret"');
  assertEquals(await terminal.exitCode(), 0);
});

for (const how of ["hidden", "line"]) {
  for (
    const [keys, why] of [["\x03", "SIGINT"], ["\x04", "the input ended"]]
  ) {
    terminalTest(
      `terminal: ${
        JSON.stringify(keys)
      } ends the question (${how}) and leaves the terminal as it was`,
      async () => {
        await using terminal = await ask([how]);
        await terminal.see(": ");
        assertEquals(await terminal.echoes(), how === "line");
        await terminal.type(keys!);
        await terminal.see(`interrupted a question was not answered: ${why}\n`);
        await terminal.see("done");
        assertEquals(await terminal.exitCode(), 0);
        assert(await terminal.echoes());
      },
    );
  }
}

for (const signal of ["SIGTERM", "SIGHUP", "SIGQUIT"] as const) {
  terminalTest(
    `terminal.askHidden() restores the terminal at ${signal}`,
    async () => {
      await using terminal = await ask(["hidden"]);
      await terminal.see("Secret: ");
      terminal.kill(signal);
      await terminal.see(`interrupted a question was not answered: ${signal}`);
      assertEquals(await terminal.exitCode(), 0);
      assert(await terminal.echoes());
    },
  );
}

terminalTest("terminal.askLine() shows what is typed", async () => {
  await using terminal = await ask(["line", "line"]);
  await terminal.see("Name: ");
  assert(await terminal.echoes());
  await terminal.type("Ann\x7fa Lisa\r");
  await terminal.see('got "Ana Lisa"\n');
  await terminal.see("Name: ");
  await terminal.type("\r");
  await terminal.see('got ""\n');
  assertEquals(await terminal.exitCode(), 0);
});

terminalTest(
  "terminal.askHidden() does not take what was typed before it asked",
  async () => {
    await using terminal = await ask(["line", "hidden"]);
    await terminal.see("Name: ");
    await terminal.type("Ana\rtyped too early\rand more");
    await terminal.see('got "Ana"');
    await terminal.see("Secret: ");
    await terminal.type("secret\r");
    await terminal.see('got "secret"');
    assertEquals(await terminal.exitCode(), 0);
  },
);

for (const redirect of ["", "</dev/null"]) {
  for (const how of ["hidden", "line"]) {
    terminalTest(
      `terminal: a question (${how} ${redirect}) that is given up takes nothing from the next, and lets the process end`,
      async () => {
        await using terminal = await ask(
          [`${how}-100`, "line", `${how}-100`],
          ["--allow-read=/dev/tty"],
          { redirect },
        );
        await terminal.see("TimeoutError");
        await terminal.see("Name: ");
        await terminal.type("Ana\r");
        await terminal.see('got "Ana"');
        await terminal.see("TimeoutError");
        assertEquals(await terminal.exitCode(), 0);
        assert(await terminal.echoes());
      },
    );
  }
}

terminalTest(
  "terminal.askHidden() hides what is typed, also after the process was stopped",
  async () => {
    await using terminal = await ask(["hidden"]);
    await terminal.see("Secret: ");
    await terminal.type("sec");
    terminal.kill("SIGSTOP");
    await terminal.setEcho();
    terminal.kill("SIGCONT");
    await terminal.see("Secret: ");
    assertEquals(await terminal.echoes(), false);
    await terminal.type("ret\r");
    await terminal.see('got "secret"');
    assertEquals(await terminal.exitCode(), 0);
    assert(await terminal.echoes());
  },
);

terminalTest("the question about a host key can be answered", async () => {
  await using terminal = await ask(["key", "key", "key"]);
  await terminal.see("(yes/no/[fingerprint])? ");
  await terminal.type("of course\r");
  await terminal.see("Please type 'yes', 'no' or the fingerprint: ");
  await terminal.type("yes\r");
  await terminal.see("got true\n");
  const [, fingerprint] = await terminal.see(/fingerprint is (\S+)\.\n/);
  await terminal.see("(yes/no/[fingerprint])? ");
  await terminal.type(`${fingerprint}\r`);
  await terminal.see("got true\n");
  await terminal.see("(yes/no/[fingerprint])? ");
  await terminal.type("no\r");
  await terminal.see("got false\n");
  assertEquals(await terminal.exitCode(), 0);
});

terminalTest(
  "Terminal.open() finds the terminal behind redirections",
  async () => {
    await using terminal = await ask(["hidden"], ["--allow-read=/dev/tty"], {
      redirect: "</dev/null 2>/dev/null",
    });
    await terminal.see("Secret: ");
    await terminal.type("secret\r");
    await terminal.see('got "secret"');
    assertEquals(await terminal.exitCode(), 0);
  },
);

terminalTest(
  "Terminal.open() finds the terminal behind redirections of everything if all is allowed",
  async () => {
    await using terminal = await ask(["hidden"], ["--allow-all"], {
      redirect: "</dev/null >/dev/null 2>&1",
    });
    await terminal.see("Secret: ");
    assertEquals(await terminal.echoes(), false);
    await terminal.type("secret\r");
    assertEquals(await terminal.exitCode(), 0);
    assert(await terminal.echoes());
  },
);

terminalTest("Terminal.open() finds none without permission", async () => {
  await using terminal = await ask(["hidden"], [], { redirect: "</dev/null" });
  await terminal.see("no terminal");
  assertEquals(await terminal.exitCode(), 3);
});

terminalTest("Terminal.open() is undefined without a terminal", async () => {
  const { code, stdout } = await new Deno.Command("setsid", {
    args: [
      ...["--wait", Deno.execPath(), "run", "--quiet", "--no-check"],
      ...["--allow-all", script, "hidden"],
    ],
    stdin: "null",
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "no terminal\n");
  assertEquals(code, 3);
});
