import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { isRefused } from "../forward/rig.ts";
import { serverTest } from "./availability.ts";
import { startSshd } from "./openssh.ts";
import { run } from "./run.ts";
import { sshArguments, type SshServer } from "./ssh_server.ts";

serverTest(
  ["sshd", "ssh"],
  "startSshd() starts a server that ssh logs in to",
  async () => {
    await using sshd = await startSshd({ config: ["RekeyLimit 64M"] });

    const printed = await run("ssh", [...sshArguments(sshd), "echo hello"]);

    assertEquals(printed, "hello\n");
    assertMatch(await sshd.log(), /Accepted publickey/);
    assertMatch(await sshd.config(), /^RekeyLimit 64M$/m);
  },
);

serverTest(
  ["sshd", "ssh", "bash"],
  "startSshd() keeps the ~/.bashrc of whoever runs the tests out of them",
  async () => {
    await using sshd = await startSshd();
    const home = join(sshd.dir, "home");
    await Deno.mkdir(home);
    await Deno.writeTextFile(join(home, ".bashrc"), "echo from .bashrc\n");

    // As sshd starts a shell.
    const command = `HOME=${home} exec bash -c 'echo from the command'`;
    const printed = await run("ssh", [...sshArguments(sshd), command]);

    assertEquals(printed, "from the command\n");
  },
);

serverTest(
  "sshd",
  "startSshd() leaves neither process, user nor file behind",
  async () => {
    const sshd = await startSshd();
    const { pid, dir } = sshd;
    await sshd[Symbol.asyncDispose]();

    await assertRejects(() => Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
    await assertRejects(() => Deno.stat(dir), Deno.errors.NotFound);
  },
);

serverTest(
  "sshd",
  "startSshd() says what sshd had against its configuration",
  async () => {
    const error = await assertRejects(
      () => startSshd({ config: ["NoSuchKeyword yes"] }),
      Error,
    );
    assertMatch(error.message, /NoSuchKeyword/);
  },
);

serverTest(
  ["sshd", "ssh"],
  "sshd.killSessions() ends connections and leaves the server",
  async () => {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);

    assert(sshd.killSessions("SIGKILL") > 0);

    assertEquals((await session.status).code, 255);
    assertEquals(
      await run("ssh", [...sshArguments(sshd), "echo again"]),
      "again\n",
    );
  },
);

serverTest(
  ["sshd", "ssh"],
  "sshd.kill() ends the server and leaves connections",
  async () => {
    await using sshd = await startSshd();
    await using session = await openSession(sshd);

    sshd.kill("SIGTERM");
    await sshd.status;

    assert(await isRefused(sshd.port, sshd.hostname));
    assertEquals(await session.echo("alive\n"), "alive\n");
    assert(sshd.killSessions("SIGKILL") > 0);
    assertEquals((await session.status).code, 255);
  },
);

serverTest(
  ["sshd", "ssh", "useradd"],
  "startSshd({ passwordUser }) adds a user that logs in with the password",
  async () => {
    await using sshd = await startSshd({ passwordUser: true });
    const askpass = `${sshd.dir}/askpass`;
    await Deno.writeTextFile(askpass, `#!/bin/sh\necho ${sshd.password}\n`, {
      mode: 0o700,
    });

    const byKey = await run("ssh", [...sshArguments(sshd), "id -un"]);
    const byPassword = await run("env", [
      ...[`SSH_ASKPASS=${askpass}`, "SSH_ASKPASS_REQUIRE=force", "ssh"],
      ...["-o", "PubkeyAuthentication=no", "-o", "BatchMode=no"],
      ...sshArguments(sshd),
      "id -un",
    ]);

    assertEquals([byKey, byPassword], [`${sshd.user}\n`, `${sshd.user}\n`]);
  },
);

/** `ssh … cat`, logged in. */
async function openSession(server: SshServer) {
  const child = new Deno.Command("ssh", {
    args: [...sshArguments(server), "cat"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const session = {
    status: child.status,
    async echo(text: string) {
      await writer.write(new TextEncoder().encode(text));
      return (await reader.read()).value;
    },
    async [Symbol.asyncDispose]() {
      await writer.abort().catch(() => {}); // the child may be gone
      await reader.cancel();
      await child[Symbol.asyncDispose]();
    },
  };
  assertEquals(await session.echo("ready\n"), "ready\n");
  return session;
}
