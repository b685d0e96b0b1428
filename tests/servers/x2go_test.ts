import { assert, assertMatch, assertRejects } from "../assert.ts";
import { serverTest } from "./availability.ts";
import { run } from "./run.ts";
import { sshArguments } from "./ssh_server.ts";
import { START_SESSION, startX2GoServer } from "./x2go.ts";
import { startDisplay } from "./x2go_display.ts";
import { startPrinter } from "./x2go_printing.ts";

serverTest(
  ["x2gostartagent", "ssh"],
  "startX2GoServer() starts a server on which sessions run, and leaves nothing behind",
  async () => {
    await using stack = new AsyncDisposableStack();
    const x2go = stack.use(await startX2GoServer());
    const { user, home, pid } = x2go;

    const started = await run("ssh", [
      ...sshArguments(x2go),
      START_SESSION,
    ]);
    const listed = await x2go.run("x2golistsessions");

    const agent = Number(started.split("\n")[3]);
    assert(agent > 1, started);
    assertMatch(listed, new RegExp(`^${agent}\\|${user}-`));
    assertMatch(await x2go.run("ls -l /dev/fuse"), /^crw-rw-rw-/);

    await stack.disposeAsync();
    for (const process of [agent, pid]) {
      // A process has no program once it has ended, whether or not init has looked.
      await assertRejects(
        () => Deno.readLink(`/proc/${process}/exe`),
        Deno.errors.NotFound,
      );
    }
    await assertRejects(() => Deno.stat(home), Deno.errors.NotFound);
    await assertRejects(() => run("id", [user]), Error);
    await assertRejects(
      () => Deno.stat(`/tmp/.x2go-${user}`),
      Deno.errors.NotFound,
    );
    const all = await run("x2golistsessions_root", ["--all-servers"]);
    assert(!all.includes(user), all);
  },
);

serverTest(
  ["x2gostartagent", "nxproxy"],
  "startDisplay() shows a session, which runs as long as it is shown",
  async () => {
    await using x2go = await startX2GoServer();
    await using display = await startDisplay();
    const started = await x2go.run(
      START_SESSION,
    );
    const [number, cookie = "", , name = "", graphicsPort] = started.split(
      "\n",
    );

    const shown = display.show({
      name,
      display: Number(number),
      cookie,
      graphicsPort: Number(graphicsPort),
    });
    await x2go.untilState(name, "RUNNING");
    await shown[Symbol.asyncDispose]();
    await x2go.untilState(name, "SUSPENDED");

    await x2go.run(`x2goterminate-session ${name}`);
    await x2go.untilState(name, "TERMINATED");
  },
);

serverTest(
  "x2goprint",
  "startPrinter() starts a queue that hands jobs to X2Go",
  async () => {
    await using x2go = await startX2GoServer();
    await using printer = await startPrinter(x2go);

    await printer.print("it's a title");

    let log = "";
    while (!log.includes("[Job 1] Job completed.")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      log = await printer.log();
    }
    assertMatch(log, /\[Job 1\] Started backend .*cups-x2go/);
  },
);
