/** The command with public tunnel services, rebuilt as profiles of the test server. */
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import {
  type Profile,
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from "../../src/testing/mod.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { CommandProcess, runCommand } from "./command_process.ts";
import { RforwardProcess } from "./rforward_process.ts";

/** A service, and the arguments that connect to it. */
interface Setting extends AsyncDisposable {
  readonly server: TestServer;
  readonly args: string[];
}

async function setUp(options: TestServerOptions): Promise<Setting> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-service-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const { privateKey, publicKey } = await generateKeyPair();
  const key = `${dir}/key`;
  await Deno.writeTextFile(key, privateKey, { mode: 0o600 });
  // serveo accepts every login, also without a key.
  const authorizedKeys = options.profile === "serveo" ? "" : publicKey;
  const server = stack.use(
    await startTestServer({ ...options, authorizedKeys }),
  );
  const knownHosts = `${dir}/known_hosts`;
  await Deno.writeTextFile(knownHosts, server.knownHosts);
  const resources = stack.move();
  return {
    server,
    args: [
      ...["-F", "none", "-i", key, "-p", `${server.port}`],
      ...["-o", `UserKnownHostsFile=${knownHosts}`],
      ...["--max-wait", "0.1", `${server.user}@${server.hostname}`],
    ],
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Waits until it is up, and for the port where visitors come in, as the session of this connection says. */
async function visitors(rforward: RforwardProcess): Promise<number> {
  await rforward.up();
  for (let count = 1;; count++) {
    await rforward.some("session-output", count);
    const { events } = rforward;
    const since = events.findLastIndex(({ type }) => type === "connected");
    for (const event of events.slice(since)) {
      if (event.type !== "session-output") continue;
      const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(event.text)?.[1];
      if (port !== undefined) return Number(port);
    }
  }
}

for (const profile of ["sish", "srvus", "serveo"] as const) {
  Deno.test(`rforward shows the public address of ${profile}, and serves visitors`, async () => {
    await using setting = await setUp({ profile });
    await using echo = startEcho("echo");
    await using rforward = new RforwardProcess({
      args: ["-R", `*:80:localhost:${echo.port}`, ...setting.args],
    });
    assertEquals(await ask(await visitors(rforward), "hi"), "echo: hi");

    const { server } = rforward.all("connected")[0]!;
    assertEquals(server.software, "Go");
    // sish ends the connection on which the port is looked at.
    assertEquals(rforward.all("lost").length, profile === "sish" ? 1 : 0);
    assertEquals(rforward.all("verified").map(({ verdict }) => verdict), [
      "unverifiable",
    ]);
    for (const { text } of rforward.all("session-output")) {
      assert(!/\p{Cc}|\[\d*m/u.test(text), JSON.stringify(text));
    }
    assertEquals(rforward.all("session-ended"), []);
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
  });

  Deno.test(`rforward prints the lines that ${profile} writes, and names no option of sshd`, async () => {
    await using setting = await setUp({ profile });
    await using rforward = new CommandProcess({
      args: ["-v", "-R", "80:localhost:9", ...setting.args],
    });
    await rforward.see(/^server: .*http:\/\/127\.0\.0\.1:\d+\/?$/m);
    await rforward.see(/localhost:80 .*not verified: .*server/);
    for (
      const word of ["sshd", "PermitOpen", "AllowTcpForwarding", "dropbear"]
    ) {
      assert(!rforward.stderr.includes(word), rforward.stderr);
    }
  });
}

Deno.test("rforward looks at the port on sish once, and never again", async () => {
  await using setting = await setUp({ profile: "sish" });
  await using rforward = new RforwardProcess({
    args: ["--verify-every", "0.05", "-R", "80:localhost:9", ...setting.args],
  });
  await rforward.some("verified", 5);
  const [lost, ...others] = rforward.all("lost");
  assertMatch(
    lost?.error.message ?? "",
    /when it was asked to connect to its own/,
  );
  assertEquals(others, []);
  // Nor after the connection is lost for another reason.
  await setting.server.disconnectAll();
  const [, again] = await rforward.some("lost", 2);
  assert(!/asked/.test(again?.error.message ?? ""), again?.error.message);
  await rforward.some("verified", 10);
  assertEquals(rforward.all("lost").length, 2);
  const verdicts = rforward.all("verified").map(({ verdict }) => verdict);
  assertEquals(new Set(verdicts), new Set(["unverifiable"]));
  assertEquals(rforward.all("denied"), []);
});

Deno.test("rforward does not look on sish why it would not bind, over and over", async () => {
  await using setting = await setUp({
    profile: "sish",
    allowForward: (bind) => "port" in bind && bind.port !== 81,
  });
  await using rforward = new RforwardProcess({
    args: [
      ...["-R", "80:localhost:9", "-R", "81:localhost:9"],
      ...setting.args,
    ],
  });
  const denials = await rforward.some("denied", 3);
  assertEquals(rforward.all("lost").length, 1);
  for (const { error } of denials) {
    assert(!/sshd|AllowTcp|PermitListen/.test(error.message), error.message);
  }
});

Deno.test("rforward shows what sish writes once after each reconnect", async () => {
  await using setting = await setUp({ profile: "sish" });
  await using echo = startEcho("echo");
  await using rforward = new RforwardProcess({
    args: ["--no-verify", "-R", `80:localhost:${echo.port}`, ...setting.args],
  });
  const first = await visitors(rforward);
  assertEquals(await ask(first, "hi"), "echo: hi");
  await setting.server.disconnectAll();
  await rforward.next("lost");
  const second = await visitors(rforward);
  assertEquals(await ask(second, "hi"), "echo: hi");
  assertEquals(
    rforward.all("session-output").filter(({ text }) => /Ctrl-C/.test(text))
      .length,
    2,
  );
});

for (const profile of ["sish", "serveo"] as const) {
  Deno.test(`rforward sends a command that follows the destination to ${profile}`, async () => {
    await using setting = await setUp({ profile });
    await using echo = startEcho("echo");
    await using rforward = new RforwardProcess({
      args: [
        ...["--no-verify", "-R", `0:localhost:${echo.port}`],
        ...[...setting.args, "type=tcp", "host-header=demo"],
      ],
    });
    const port = await visitors(rforward);
    assertEquals(await ask(port, "hi"), "echo: hi");
    const said = rforward.all("session-output").map(({ text }) => text);
    assert(said.includes("type set to: tcp"), said.join("\n"));
    assert(said.includes("host-header set to: demo"), said.join("\n"));
  });
}

Deno.test("rforward reports that srvus refuses commands, and that nothing listens then", async () => {
  await using setting = await setUp({ profile: "srvus" });
  await using rforward = new RforwardProcess({
    args: ["-R", "1:localhost:9", ...setting.args, "http"],
  });
  const [ended] = await rforward.some("session-ended");
  assertMatch(ended?.error?.message ?? "", /would not run "http"/);
  assertEquals(rforward.all("bound"), []);
});

Deno.test("rforward opens a session soon enough for a service that ends connections without one", async () => {
  const profile: Profile = "srvus";
  await using setting = await setUp({ profile, sessionWithinMs: 1000 });
  await using echo = startEcho("echo");
  await using rforward = new RforwardProcess({
    args: ["-R", `1:localhost:${echo.port}`, ...setting.args],
  });
  assertEquals(await ask(await visitors(rforward), "hi"), "echo: hi");
  assertEquals(rforward.all("lost"), []);
});

Deno.test("rforward -N opens no session, which such a service ends", async () => {
  await using setting = await setUp({ profile: "srvus", sessionWithinMs: 50 });
  await using rforward = new RforwardProcess({
    args: ["-N", "-R", "1:localhost:9", ...setting.args],
  });
  await rforward.some("lost");
  assertEquals(rforward.all("bound"), []);
  assertEquals(rforward.all("session-output"), []);
});

Deno.test("rforward does not answer keyboard-interactive under BatchMode, also where nothing is asked", async () => {
  await using setting = await setUp({ profile: "serveo" });
  const { code, stderr } = await runCommand({
    args: ["-o", "BatchMode=yes", "-R", "80:localhost:9", ...setting.args],
  });
  assertEquals(code, 255);
  assertMatch(stderr, /it accepts: keyboard-interactive/);
});

Deno.test("rforward ends where a server asks and there is no terminal, and says what it asked", async () => {
  await using setting = await setUp({ keyboardInteractive: true });
  const { code, stderr } = await runCommand({
    args: [
      ...["-o", "PubkeyAuthentication=no"],
      ...["-R", "80:localhost:9", ...setting.args],
    ],
  });
  assertEquals(code, 255);
  assertMatch(stderr, /the server asks "Password:", and there is no terminal/);
  assertMatch(stderr, /tried: keyboard-interactive/);
});
