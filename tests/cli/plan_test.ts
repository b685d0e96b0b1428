import { parseArguments } from "../../src/cli/command_line/arguments.ts";
import { type Plan, readPlan } from "../../src/cli/plan.ts";
import { ForwardDeniedError } from "../../src/errors.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";

async function plan(...argv: string[]): Promise<Plan> {
  const command = parseArguments(["-F", "none", ...argv, "server"]);
  assert(command.name === "run");
  return await readPlan(command.arguments);
}

Deno.test("readPlan() leaves out a forward whose port another one has, and says so", async () => {
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

Deno.test("readPlan() leaves out a file of -i that is missing, and says so", async () => {
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
