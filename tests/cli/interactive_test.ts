/** The command in a terminal: what it asks, and what it does with the answers. */
import { join } from "node:path";
import { startTestServer } from "../../src/testing/mod.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { listeningAt } from "../servers/listening.ts";
import { startSshd } from "../servers/openssh.ts";
import { run } from "../servers/run.ts";
import type { TerminalProcess } from "../servers/terminal.ts";
import { eventually } from "./eventually.ts";
import { interrupt, lock, see, start, toSshd } from "./terminal_rig.ts";

/** How often something was shown. */
function count(terminal: TerminalProcess, text: string): number {
  return terminal.text.split(text).length - 1;
}

serverTest(
  "sshd",
  "rforward asks for a passphrase until it is right, unseen, and never again",
  async () => {
    await using sshd = await startSshd();
    const passphrase = await lock(sshd);
    await using terminal = await start(toSshd(sshd));
    for (const answer of ["wrong passphrase", passphrase]) {
      await terminal.see(`Enter passphrase for key '${sshd.keyFile}': `);
      assertEquals(await terminal.echoes(), false);
      await terminal.type(`${answer}\r`);
    }
    const port = await see(terminal);
    assert(await terminal.echoes());

    sshd.killSessions("SIGKILL");
    await terminal.see("connection lost");
    assertEquals(await see(terminal), port);
    await interrupt(terminal);
    assertEquals(listeningAt(port), []);
    assertEquals(count(terminal, "Enter passphrase"), 2);
    for (const secret of ["wrong passphrase", passphrase]) {
      assert(!terminal.output.includes(secret));
    }
  },
);

serverTest(
  ["sshd", "useradd"],
  "rforward asks for the password where there is no passphrase, until it is right, and never again",
  async () => {
    await using sshd = await startSshd({ passwordUser: true });
    await lock(sshd);
    await using terminal = await start(["-vvv", ...toSshd(sshd)]);
    await terminal.see("Enter passphrase for key");
    await terminal.type("\r");
    for (const answer of ["wrong password", sshd.password!]) {
      await terminal.see(`${sshd.user}@127.0.0.1's password: `);
      assertEquals(await terminal.echoes(), false);
      await terminal.type(`${answer}\r`);
    }
    const port = await see(terminal);

    sshd.killSessions("SIGKILL");
    await terminal.see("connection lost");
    assertEquals(await see(terminal), port);
    await interrupt(terminal);
    assertEquals(count(terminal, "Enter passphrase"), 1);
    assertEquals(count(terminal, "password: "), 2);
    assertEquals(count(terminal, "Permission denied, please try again."), 1);
    for (const secret of ["wrong password", sshd.password!]) {
      assert(!terminal.output.includes(secret));
    }
  },
);

serverTest(
  ["sshd", "useradd"],
  "rforward ends if no password was right, and says what was tried",
  async () => {
    await using sshd = await startSshd({ passwordUser: true });
    await using terminal = await start(
      toSshd(sshd, { options: ["PubkeyAuthentication=no"] }),
    );
    for (let i = 0; i < 3; i++) {
      await terminal.see("password: ");
      await terminal.type("wrong password\r");
    }
    await terminal.see(/refused the login of \S+/);
    assertEquals(await terminal.exitCode(), 255);
    assert(await terminal.echoes());
    assert(!terminal.output.includes("wrong password"));
  },
);

serverTest(
  "sshd",
  "rforward passes on what a server asks, and answers it by itself the next time",
  async () => {
    await using server = await startTestServer({ keyboardInteractive: true });
    await using files = new AsyncDisposableStack();
    const knownHosts = await Deno.makeTempFile();
    files.defer(() => Deno.remove(knownHosts));
    await Deno.writeTextFile(knownHosts, server.knownHosts);
    await using terminal = await start([
      ...["-F", "none", "-o", `UserKnownHostsFile=${knownHosts}`],
      ...["-o", "IdentityFile=none", "--max-wait", "0.2"],
      ...["-R", "127.0.0.1:0:127.0.0.1:9", "-p", `${server.port}`],
      `${server.user}@${server.hostname}`,
    ]);
    await terminal.see("(tester@127.0.0.1) Password: ");
    assertEquals(await terminal.echoes(), false);
    await terminal.type(`${server.password}\r`);
    await see(terminal);
    await server.disconnectAll();
    await terminal.see("connection lost");
    await see(terminal);
    await interrupt(terminal);
    assertEquals(count(terminal, "Password: "), 1);
    assert(!terminal.output.includes(server.password));
  },
);

for (const how of ["yes", "fingerprint"] as const) {
  serverTest(
    "sshd",
    `rforward asks about an unknown host key once, and writes it down (${how})`,
    async () => {
      await using sshd = await startSshd();
      const file = join(sshd.dir, "new", "known_hosts");
      const options = [
        `UserKnownHostsFile=${file}`,
        "StrictHostKeyChecking=ask",
        `HashKnownHosts=${how === "fingerprint" ? "yes" : "no"}`,
      ];
      const args = toSshd(sshd, { options });
      {
        await using terminal = await start(args);
        const name = `[127.0.0.1]:${sshd.port}`;
        await terminal.see(`The authenticity of host '${name}' can't be`);
        const [, fingerprint] = await terminal.see(
          /ED25519 key fingerprint is (SHA256:\S+)\.\n/,
        );
        await terminal.see("(yes/no/[fingerprint])? ");
        assert(await terminal.echoes());
        await terminal.type("of course\r");
        await terminal.see("Please type 'yes', 'no' or the fingerprint: ");
        await terminal.type(how === "yes" ? "yes\r" : `${fingerprint}\r`);
        await see(terminal);
        await interrupt(terminal);

        const written = await Deno.readTextFile(file);
        assertMatch(
          written,
          how === "yes"
            ? /^\[127\.0\.0\.1\]:\d+ ssh-ed25519 \S+\n$/
            : /^\|1\|\S+\|\S+ ssh-ed25519 \S+\n$/,
        );
        // ssh finds it too.
        await run("ssh-keygen", ["-F", name, "-f", file]);
      }
      await using again = await start(args);
      await see(again);
      await interrupt(again);
      assertEquals(count(again, "authenticity"), 0);
    },
  );
}

serverTest(
  "sshd",
  "rforward remembers the answer about a host key while it runs if it cannot be written down",
  async () => {
    await using sshd = await startSshd();
    const options = [
      "UserKnownHostsFile=/dev/null",
      "StrictHostKeyChecking=ask",
    ];
    await using terminal = await start(toSshd(sshd, { options }));
    await terminal.see("(yes/no/[fingerprint])? ");
    await terminal.type("yes\r");
    const port = await see(terminal);
    sshd.killSessions("SIGKILL");
    await terminal.see("connection lost");
    assertEquals(await see(terminal), port);
    await interrupt(terminal);
    assertEquals(count(terminal, "authenticity"), 1);
  },
);

serverTest(
  "sshd",
  "rforward asks before it updates known_hosts with UpdateHostKeys ask, and stays connected either way",
  async () => {
    await using stack = new AsyncDisposableStack();
    const dir = await Deno.makeTempDir();
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const further = join(dir, "ecdsa");
    await run("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", further]);
    await using sshd = await startSshd({ config: [`HostKey ${further}`] });
    const file = join(sshd.dir, "known_hosts_of_mine");
    const known = (await Deno.readTextFile(sshd.knownHostsFile)).split("\n")
      .filter((line) => line.includes("ssh-ed25519")).join("\n") + "\n";
    await Deno.writeTextFile(file, known);
    const options = [
      `UserKnownHostsFile=${file}`,
      "GlobalKnownHostsFile=none",
      "HostKeyAlgorithms=ssh-ed25519,ecdsa-sha2-nistp256",
      "UpdateHostKeys=ask",
    ];
    for (const answer of ["no", "yes"]) {
      await using terminal = await start(toSshd(sshd, { options }));
      await terminal.see(/new: ECDSA SHA256:\S+\n/);
      await terminal.see("Update known_hosts (yes/no)? ");
      await terminal.type(`${answer}\r`);
      await see(terminal);
      if (answer === "yes") {
        await eventually(
          "known_hosts is updated",
          () => Deno.readTextFileSync(file).includes("ecdsa-sha2"),
        );
      }
      await interrupt(terminal);
      if (answer === "no") assertEquals(await Deno.readTextFile(file), known);
    }
  },
);

serverTest("sshd", "rforward ends if the host key is not taken", async () => {
  await using sshd = await startSshd();
  const file = join(sshd.dir, "new");
  const options = [
    `UserKnownHostsFile=${file}`,
    "StrictHostKeyChecking=ask",
  ];
  await using terminal = await start(toSshd(sshd, { options }));
  await terminal.see("(yes/no/[fingerprint])? ");
  await terminal.type("no\r");
  await terminal.see("Host key verification failed.");
  assertEquals(await terminal.exitCode(), 255);
  assert(!await sshd.log().then((log) => log.includes("Accepted")));
});

serverTest(
  "sshd",
  "rforward refuses a host key that has changed, with a warning and without a question",
  async () => {
    await using sshd = await startSshd();
    const other = `${sshd.keyFile}.pub`;
    await Deno.writeTextFile(
      sshd.knownHostsFile,
      `[127.0.0.1]:${sshd.port} ${await Deno.readTextFile(other)}`,
    );
    const options = ["StrictHostKeyChecking=ask"];
    await using terminal = await start(toSshd(sshd, { options }));
    await terminal.see("WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!");
    await terminal.see(`Offending key in ${sshd.knownHostsFile}:1`);
    await terminal.see("Host key verification failed.");
    assertEquals(await terminal.exitCode(), 255);
    assertEquals(count(terminal, "(yes/no"), 0);
  },
);

serverTest(
  "sshd",
  "rforward aborts a question whose connection was lost, and asks again",
  async () => {
    await using sshd = await startSshd();
    const options = [
      `UserKnownHostsFile=${join(sshd.dir, "new")}`,
      "StrictHostKeyChecking=ask",
    ];
    await using terminal = await start(toSshd(sshd, { options }));
    await terminal.see("(yes/no/[fingerprint])? ");
    assert(sshd.killSessions("SIGKILL") > 0);
    await terminal.see("next try in");
    await terminal.see("(yes/no/[fingerprint])? ");
    await terminal.type("yes\r");
    await see(terminal);
    await interrupt(terminal);
    assertEquals(count(terminal, "authenticity"), 2);
  },
);

serverTest(
  "sshd",
  "rforward asks in a terminal although its streams lead elsewhere, and nothing under BatchMode",
  async () => {
    await using sshd = await startSshd();
    const passphrase = await lock(sshd);
    const log = join(sshd.dir, "rforward.log");
    {
      await using terminal = await start(
        ["--plain", ...toSshd(sshd)],
        `</dev/null >/dev/null 2>${log}`,
      );
      await terminal.see("Enter passphrase");
      await terminal.type(`${passphrase}\r`);
      await eventually(
        "it is up",
        () => Deno.readTextFileSync(log).includes("verified"),
      );
      terminal.kill("SIGTERM");
      assertEquals(await terminal.exitCode(), 0);
      assert(await terminal.echoes());
    }
    const options = ["BatchMode=yes"];
    await using terminal = await start(toSshd(sshd, { options }));
    await terminal.see(/refused the login of \S+/);
    assertEquals(await terminal.exitCode(), 255);
    assertEquals(count(terminal, "Enter passphrase"), 0);
  },
);
