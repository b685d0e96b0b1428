import { Systemd } from "../../../src/cli/process/systemd.ts";
import { type Logger, silentLogger } from "../../../src/logger.ts";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { runDeno } from "../../run_deno.ts";
import { serverTest } from "../../servers/availability.ts";
import { startNotifySocket } from "../../servers/notify_socket.ts";

function systemdTest(name: string, fn: () => Promise<void>): void {
  serverTest("systemd-notify", name, fn);
}

/** Keeps warnings. */
function recordingLogger(warnings: string[]): Logger {
  return { ...silentLogger, warn: (message) => warnings.push(message) };
}

for (const kind of ["path", "abstract"] as const) {
  systemdTest(`systemd.notify() reaches a socket (${kind})`, async () => {
    await using socket = await startNotifySocket(kind);
    await using systemd = new Systemd({
      socket: socket.address,
      logger: silentLogger,
    });
    systemd.notify({ state: "ready", status: "1 tunnel, verified" });
    assertEquals(await socket.message(), "READY=1|STATUS=1 tunnel, verified");
    systemd.notify({ state: "reloading" });
    assertEquals(await socket.message(), "RELOADING=1");
    systemd.notify({ state: "ready" });
    assertEquals(await socket.message(), "READY=1");
    systemd.notify({ state: "stopping" });
    assertEquals(await socket.message(), "STOPPING=1");
  });
}

systemdTest(
  "systemd.notify() sends the latest status, at most once a second",
  async () => {
    await using socket = await startNotifySocket();
    await using systemd = new Systemd({
      socket: socket.address,
      logger: silentLogger,
    });
    const start = performance.now();
    systemd.notify({ status: "first" });
    assertEquals(await socket.message(), "STATUS=first");
    for (let i = 0; i <= 1000; i++) systemd.notify({ status: `number ${i}` });
    assertEquals(await socket.message(), "STATUS=number 1000");
    assert(performance.now() - start >= 990);
    systemd.notify({ status: "number 1000" });
    systemd.notify({ status: "last", state: "stopping" });
    assertEquals(await socket.message(), "STOPPING=1|STATUS=last");
  },
);

systemdTest("systemd.notify() sends one line of a status", async () => {
  await using socket = await startNotifySocket();
  await using systemd = new Systemd({
    socket: socket.address,
    logger: silentLogger,
  });
  systemd.notify({ status: "lost: \x1b[2J\nREADY=1" });
  assertEquals(await socket.message(), "STATUS=lost:  READY=1");
});

systemdTest(
  "systemd sends what is left when disposed of, and nothing after it",
  async () => {
    await using socket = await startNotifySocket();
    const options = { socket: socket.address, logger: silentLogger };
    const systemd = new Systemd(options);
    systemd.notify({ status: "first" });
    assertEquals(await socket.message(), "STATUS=first");
    systemd.notify({ status: "second" });
    await systemd[Symbol.asyncDispose]();
    systemd.notify({ state: "ready" });
    await systemd[Symbol.asyncDispose]();
    await using another = new Systemd(options);
    another.notify({ state: "stopping" });
    assertEquals(await socket.message(), "STATUS=second");
    assertEquals(await socket.message(), "STOPPING=1");
  },
);

systemdTest("systemd gives signs of life by itself", async () => {
  await using socket = await startNotifySocket();
  const start = performance.now();
  await using _systemd = new Systemd({
    socket: socket.address,
    watchdogMs: 200,
    logger: silentLogger,
  });
  for (let i = 0; i < 3; i++) {
    assertEquals(await socket.message(), "WATCHDOG=1");
  }
  assert(performance.now() - start >= 290);
});

systemdTest(
  "systemd.notify() logs a failure once and has no other effect",
  async () => {
    const warnings: string[] = [];
    {
      await using systemd = new Systemd({
        socket: "/nonexistent/socket",
        logger: recordingLogger(warnings),
      });
      systemd.notify({ state: "ready" });
      systemd.notify({ state: "stopping" });
    }
    assertEquals(warnings.length, 1);
    assertMatch(
      warnings[0]!,
      /^could not notify systemd of READY=1: .*No such/,
    );
  },
);

Deno.test("Systemd.open() reads systemd's variables", async () => {
  const open = (variables: Record<string, string>) =>
    Systemd.open(silentLogger, (name) => variables[name]);
  assertEquals(open({}), undefined);
  assertEquals(open({ NOTIFY_SOCKET: "" }), undefined);
  assertEquals(open({ WATCHDOG_USEC: "1000" }), undefined);
  await using systemd = open({ NOTIFY_SOCKET: "/nonexistent/socket" });
  assert(systemd);
});

systemdTest(
  "Systemd.open() gives signs of life only if they are this process's to give",
  async () => {
    await using socket = await startNotifySocket();
    const open = (variables: Record<string, string>) =>
      Systemd.open(
        silentLogger,
        (name) => ({ NOTIFY_SOCKET: socket.address, ...variables })[name],
      )!;
    for (
      const silent of [
        {},
        { WATCHDOG_USEC: "0" },
        { WATCHDOG_USEC: "soon" },
        { WATCHDOG_USEC: "2000", WATCHDOG_PID: "1" },
      ]
    ) {
      await using systemd = open(silent);
      await new Promise((resolve) => setTimeout(resolve, 20));
      systemd.notify({ state: "ready" });
      assertEquals(await socket.message(), "READY=1");
    }
    await using _systemd = open({
      WATCHDOG_USEC: "2000",
      WATCHDOG_PID: `${Deno.pid}`,
    });
    assertEquals(await socket.message(), "WATCHDOG=1");
  },
);

const script = `
import { Systemd } from ${
  JSON.stringify(
    new URL("../../../src/cli/process/systemd.ts", import.meta.url).href,
  )
};
await using systemd = Systemd.open(console);
console.log(systemd !== undefined);
systemd?.notify({ state: "ready" });
`;

systemdTest("Systemd.open() works with the permissions it names", async () => {
  await using socket = await startNotifySocket();
  const { stdout, stderr } = await runDeno({
    script,
    permissions: [
      "--allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID",
      "--allow-run=systemd-notify",
    ],
    env: { NOTIFY_SOCKET: socket.address },
  });
  assertEquals({ stdout, stderr }, { stdout: "true\n", stderr: "" });
  assertEquals(await socket.message(), "READY=1");
});

Deno.test("Systemd.open() names the missing permission", async () => {
  const env = { NOTIFY_SOCKET: "/nonexistent/socket" };
  const without = await runDeno({ script, env });
  assertEquals(without, { code: 0, stdout: "false\n", stderr: "" });
  const permissions = [
    "--allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID",
  ];
  const { code, stderr } = await runDeno({ script, env, permissions });
  assertEquals(code, 0);
  assertMatch(stderr, /READY=1: run deno with --allow-run=systemd-notify\n$/);
});

serverTest(
  "systemd-analyze",
  "the example unit is one that systemd understands",
  async () => {
    const dir = await Deno.makeTempDir();
    try {
      const unit = await Deno.readTextFile(
        new URL("../../../examples/systemd/rforward.service", import.meta.url),
      );
      const file = `${dir}/rforward.service`;
      await Deno.writeTextFile(
        file,
        unit.replaceAll("/usr/local/bin/deno", Deno.execPath()),
      );
      const { code, stderr } = await new Deno.Command("systemd-analyze", {
        args: ["verify", "--man=no", file],
      }).output();
      assertEquals(new TextDecoder().decode(stderr), "");
      assertEquals(code, 0);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
