import { parseArguments } from "../../src/cli/command_line/parse_arguments.ts";
import { type Plan, readPlan, tunnelsOf } from "../../src/cli/plan.ts";
import { ArgumentError, ForwardDeniedError } from "../../src/errors.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

async function plan(...argv: string[]): Promise<Plan> {
  const command = parseArguments(["-F", "none", ...argv, "server"]);
  assert(command.name === "run");
  return await readPlan(command.arguments);
}

Deno.test("readPlan() skips a forward whose port another one has, with a warning", async () => {
  const { forwards, settings } = await plan(
    ...["-R", "80:a:1", "-R", "80:b:2", "-R", "127.0.0.1:80:c:3"],
    ...["-R", "0:d:4", "-R", "0:e:5", "-R", "/s:f:6", "-R", "/s:/g"],
  );
  assertEquals(forwards.map(({ text }) => text), [
    "80:a:1",
    "127.0.0.1:80:c:3",
    "0:d:4",
    "0:e:5",
    "/s:f:6",
  ]);
  assertEquals(settings.warnings, [
    "Warning: remote port forwarding failed for 80:b:2: 80:a:1 has the same port",
    "Warning: remote port forwarding failed for /s:/g: /s:f:6 has the same path",
  ]);
});

Deno.test("readPlan() expands tokens in the paths of -R, and nowhere else", async () => {
  const { forwards } = await plan(
    ...["-l", "me", "-p", "23", "-R", "/%n-%r:/%p%%", "-R", "80:%h:1"],
  );
  assertEquals(forwards.map(({ bind, target }) => [bind, target]), [
    [{ path: "/server-me" }, { path: "/23%" }],
    [{ hostname: "localhost", port: 80 }, { hostname: "%h", port: 1 }],
  ]);
  const error = await assertRejects(
    () => plan("-R", "/%q:/b"),
    ArgumentError,
  );
  assertEquals(error.argument, "-R");
});

Deno.test("tunnelsOf() leads to the host and the port of -R", async () => {
  const tunnels = tunnelsOf(
    await plan("-R", "80:db.internal:5432", "-R", "81:/s"),
  );
  assertEquals(tunnels.map(({ target }) => target), [
    { hostname: "db.internal", port: 5432 },
    { path: "/s" },
  ]);
});

Deno.test("readPlan() refuses options for a target after -R port, which is SOCKS; before it they are for other forwards", async () => {
  for (const option of ["--check-target=10", "--proxy-protocol=2"]) {
    const error = await assertRejects(
      () => plan("-R", "1080", option),
      ArgumentError,
    );
    assertEquals(error.argument, option.split("=")[0]);
    const { forwards } = await plan(option, "-R", "1080", "-R", "80:a:1");
    assertEquals(forwards.length, 2);
  }
});

Deno.test("readPlan() refuses that where all forwards have to be", async () => {
  const error = await assertRejects(
    () => plan("-oExitOnForwardFailure=yes", "-R", "80:a:1", "-R", "80:b:2"),
    ForwardDeniedError,
  );
  assertEquals(
    error.message,
    "remote port forwarding failed for 80:b:2: 80:a:1 has the same port",
  );
});

Deno.test("readPlan() skips a missing file of -i, with a warning", async () => {
  const { settings } = await plan(
    ...["-R", "80:a:1", "-i", "/missing/key", "-i", "/etc/passwd"],
    ...["-o", "IdentityFile=/missing/other"],
  );
  assertEquals(settings.identityFiles.map(({ path }) => path), [
    "/etc/passwd",
    "/missing/other",
  ]);
  assertEquals(settings.warnings, [
    "-i: Identity file /missing/key not accessible",
  ]);
});

Deno.test("readPlan() opens a session as the options and ssh_config say", async () => {
  const config = (...lines: string[]) => lines.flatMap((line) => ["-o", line]);
  const none = config("SessionType none");
  const remote = config("RemoteCommand type=%n");
  for (
    const [argv, session] of [
      [[], "auto"],
      [["-N"], "never"],
      [none, "never"],
      [["-N", ...config("SessionType default")], "never"],
      [config("SessionType default"), "auto"],
      [remote, { command: "type=server" }],
      [config("RemoteCommand none"), "auto"],
      [[...remote, "-N"], "never"],
      [["--session", "always"], "always"],
      [["--session", "always", ...none, ...remote], "always"],
      [["--session", "never", ...remote], "never"],
      [["--session", "auto", "-N"], "auto"],
    ] as const
  ) {
    const found = await plan("-R", "80:a:1", ...argv);
    assertEquals(found.session, session, argv.join(" "));
    assertEquals(found.settings.warnings, []);
  }
});

Deno.test("readPlan() runs no subsystem, with a warning", async () => {
  const { session, settings } = await plan(
    ...["-R", "80:a:1", "-o", "SessionType=subsystem"],
    ...["-o", "RemoteCommand=sftp"],
  );
  assertEquals(session, "auto");
  assertEquals(settings.warnings, [
    "SessionType subsystem: subsystems are not supported",
  ]);
});

Deno.test("readPlan() says that the ssh2 engine does not compress", async () => {
  const warnings = async (...argv: string[]) =>
    (await plan("-R", "80:a:1", ...argv)).settings.warnings;
  assertEquals(await warnings("-C", "--engine", "ssh2"), [
    "Compression yes: the ssh2 engine does not compress",
  ]);
  assertEquals(await warnings("-C"), []);
  assertEquals(await warnings("--engine", "ssh2"), []);
});

Deno.test("readPlan() takes a command to run, and says if it is not run", async () => {
  const withCommand = async (...argv: string[]) => {
    const command = parseArguments(
      [...["-F", "none", "-R", "80:a:1"], ...argv, "server", "http", "-x"],
    );
    assert(command.name === "run");
    return await readPlan(command.arguments);
  };
  assertEquals((await withCommand()).session, { command: "http -x" });
  const forced = await withCommand("-N", "--session=always");
  assertEquals(forced.session, { command: "http -x" });
  for (const never of ["-N", "--session=never"]) {
    const { session, settings } = await withCommand(never);
    assertEquals(session, "never");
    assertEquals(settings.warnings, [
      "http -x: not run, as -N, SessionType or --session says",
    ]);
  }
  const error = await assertRejects(
    () => withCommand("-o", "RemoteCommand=other"),
    ArgumentError,
  );
  assertEquals(error.argument, "http -x");
});
