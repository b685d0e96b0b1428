/** The ways to a server and into it, as a process: other servers, programs, agents, keys. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { ask, startEcho } from "../../forward/rig.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { startSshAgent } from "../../servers/ssh_agent.ts";
import {
  hostBlock,
  sshArguments,
  type SshServer,
} from "../../servers/ssh_server.ts";
import { encryptKey } from "../../servers/encrypt_key.ts";
import { eventually } from "../eventually.ts";
import { RforwardProcess } from "../rforward_process.ts";

async function writeConfig(server: SshServer, text: string): Promise<string> {
  const file = join(server.dir, "ssh_config");
  await Deno.writeTextFile(file, `${text}\nHost *\n  BatchMode yes\n`);
  return file;
}

/** Starts the command, sees that it forwards, and ends it. */
async function assertForwards(args: string[]): Promise<RforwardProcess> {
  await using echo = startEcho("echo");
  await using rforward = new RforwardProcess({
    args: ["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`, ...args],
  });
  assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
  rforward.signal("SIGTERM");
  assertEquals((await rforward.status).code, 0);
  assertEquals((await rforward.next("stopped")).error, undefined);
  return rforward;
}

async function accepted(server: SshServer): Promise<number> {
  return (await server.log()).split("Accepted publickey").length - 1;
}

serverTest(
  ["sshd", "useradd"],
  "rforward goes over servers, each with its own user, port, key and known_hosts",
  async () => {
    await using first = await startSshd();
    await using second = await startSshd({ passwordUser: true });
    await using last = await startSshd();
    const file = await writeConfig(
      last,
      hostBlock("first", first) + hostBlock("second", second) +
        hostBlock("last", last),
    );
    const ways = [["-J", "first,second"], ["-o", "ProxyJump=first,second"]];
    for (const way of ways) {
      await assertForwards(["-F", file, ...way, "last"]);
    }
    // In the configuration, and one behind the other.
    const chained = await writeConfig(
      last,
      hostBlock("first", first) + hostBlock("second", second) +
        "  ProxyJump first\n" + hostBlock("last", last) +
        "  ProxyJump second\n",
    );
    await assertForwards(["-F", chained, "last"]);
    for (const server of [first, second, last]) {
      assertEquals(await accepted(server), 3);
    }
  },
);

serverTest(
  "sshd",
  "rforward refuses a server on the way that shows another key, and names it",
  async () => {
    await using first = await startSshd();
    await using second = await startSshd();
    await using last = await startSshd();
    const file = await writeConfig(
      last,
      hostBlock("first", first) + hostBlock("second", second) +
        hostBlock("last", last),
    );
    await Deno.writeTextFile(
      second.knownHostsFile,
      first.knownHosts.replace(`:${first.port} `, `:${second.port} `),
    );
    await using rforward = new RforwardProcess({
      args: ["-F", file, "-J", "first,second", "-R", "0:127.0.0.1:9", "last"],
    });
    const { error } = await rforward.next("stopped");
    assertEquals(error?.code, "host-key-changed");
    assertMatch(
      error!.message,
      new RegExp(`^hop 2 \\(\\S+@127\\.0\\.0\\.1:${second.port}\\): .*CHANGED`),
    );
    assertEquals((await rforward.status).code, 255);
    assertEquals(await accepted(second), 0);
    assert(!(await last.log()).includes("Connection from"));
  },
);

serverTest(
  "sshd",
  "rforward reconnects after a server on the way was lost, and names it",
  async () => {
    await using first = await startSshd();
    await using last = await startSshd();
    const file = await writeConfig(
      last,
      hostBlock("first", first) + hostBlock("last", last),
    );
    await using rforward = new RforwardProcess({
      args: [
        ...["-F", file, "-J", "first", "--max-wait", "0.2"],
        ...["-R", "127.0.0.1:0:127.0.0.1:9", "last"],
      ],
    });
    const port = await rforward.up();
    first.killSessions("SIGKILL");
    const { error } = await rforward.next("lost");
    assertMatch(error.message, /^hop 1 .* was lost/);
    assertEquals(await rforward.up(), port);
  },
);

serverTest(
  ["sshd", "bash"],
  "rforward reaches a server through ssh, and through a program that only copies",
  async () => {
    await using first = await startSshd();
    await using last = await startSshd();
    const file = await writeConfig(
      last,
      hostBlock("first", first) + hostBlock("last", last),
    );
    const pidFile = join(last.dir, "proxy.pid");
    const commands = [
      `ssh -F ${file} -W %h:%p first`,
      // Stands in for nc, which may not be installed.
      `bash -c 'echo $$ >${pidFile}; exec 3<>/dev/tcp/$0/$1; cat <&3 & exec cat >&3' %h %p`,
    ];
    for (const command of commands) {
      const { stderr } = await assertForwards(
        ["-F", file, "-o", `ProxyCommand=${command}`, "last"],
      );
      assertEquals(stderr, "");
    }
    assertEquals(await accepted(first), 1);
    assertEquals(await accepted(last), 2);
    const pid = Number(await Deno.readTextFile(pidFile));
    await eventually("the program has ended", () => !isThere(`/proc/${pid}`));
  },
);

serverTest(
  "sshd",
  "rforward tries a ProxyCommand that fails again, and shows what it says",
  async () => {
    await using sshd = await startSshd();
    await using rforward = new RforwardProcess({
      args: [
        ...["-o", "ProxyCommand=sh -c 'echo no way >&2; exit 7'"],
        ...["--attempts", "2", "--max-wait", "0.1", "-R", "0:127.0.0.1:9"],
        ...sshArguments(sshd),
      ],
    });
    assertEquals(
      (await rforward.next("stopped")).error?.code,
      "protocol-error",
    );
    assertEquals((await rforward.status).code, 255);
    assertEquals(rforward.all("connecting").length, 2);
    assertEquals(rforward.stderr, "no way\nno way\n");
  },
);

serverTest(
  "sshd",
  "rforward finds the right one of an agent's keys, or takes the one that is named",
  async () => {
    await using sshd = await startSshd({ config: ["MaxAuthTries 3"] });
    const wrong = ["one", "two", "three"].map((name) => join(sshd.dir, name));
    for (const file of wrong) {
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
    }
    const to = [
      ...["-F", "none", "-o", "BatchMode=yes", "-p", `${sshd.port}`],
      ...["-o", `UserKnownHostsFile=${sshd.knownHostsFile}`],
      `${sshd.user}@${sshd.hostname}`,
    ];
    const none = ["-o", "IdentityFile=none"];
    {
      await using agent = await startSshAgent([
        ...wrong.slice(1),
        sshd.keyFile,
      ]);
      await assertForwards([
        "-o",
        `IdentityAgent=${agent.socket}`,
        ...none,
        ...to,
      ]);
    }

    await using agent = await startSshAgent([...wrong, sshd.keyFile]);
    const options = ["-o", `IdentityAgent=${agent.socket}`, ...to];
    // Who tries them all is sent away before the last.
    await using rforward = new RforwardProcess({
      args: ["-R", "0:127.0.0.1:9", ...none, ...options],
    });
    assertEquals(
      (await rforward.next("stopped")).error?.code,
      "authentication-failed",
    );
    // The passphrase is not needed while the agent has the key.
    await encryptKey(sshd.keyFile, "secret");
    for (const file of [sshd.keyFile, `${sshd.keyFile}.pub`]) {
      const { stderr, events } = await assertForwards(
        ["-o", "IdentitiesOnly=yes", "-i", file, ...options],
      );
      assertEquals(stderr, "");
      assertEquals(events.filter(({ type }) => type === "message"), []);
    }

    await Deno.rename(sshd.keyFile, `${sshd.keyFile}.moved`);
    const named = ["-o", `IdentityFile=${sshd.keyFile}`];
    await assertForwards(["-o", "IdentitiesOnly=yes", ...named, ...options]);
    await assertForwards([...named, ...options]);
  },
);

serverTest(
  "sshd",
  "rforward knows hosts by hashed names, and accepts a new one if configured",
  async () => {
    await using sshd = await startSshd();
    await run("ssh-keygen", ["-H", "-f", sshd.knownHostsFile]);
    assertMatch(await Deno.readTextFile(sshd.knownHostsFile), /^\|1\|/);
    await assertForwards(sshArguments(sshd));

    const file = join(sshd.dir, "new");
    const options = [
      ...["-o", `UserKnownHostsFile=${file}`],
      ...["-o", "StrictHostKeyChecking=accept-new"],
    ];
    await assertForwards([...options, ...sshArguments(sshd)]);
    assertEquals(
      await Deno.readTextFile(file),
      sshd.knownHosts.replace(/(\S+ \S+ \S+).*/s, "$1\n"),
    );
  },
);

serverTest(
  "sshd",
  "rforward never writes a new host key to the system's file",
  async () => {
    await using sshd = await startSshd();
    const file = join(sshd.dir, "system");
    await Deno.writeTextFile(file, "");
    await assertForwards([
      ...["-o", "UserKnownHostsFile=none"],
      ...["-o", `GlobalKnownHostsFile=${file}`],
      ...["-o", "StrictHostKeyChecking=accept-new"],
      ...sshArguments(sshd),
    ]);
    assertEquals(await Deno.readTextFile(file), "");
  },
);

serverTest(
  "sshd",
  "rforward compresses with -C, and exchanges keys as RekeyLimit says",
  async () => {
    await using sshd = await startSshd();
    const { events } = await assertForwards([
      ...["-v", "-C", "-o", "RekeyLimit=16"],
      ...sshArguments(sshd),
    ]);
    const messages = JSON.stringify(events);
    assertMatch(messages, /to the server \S+ (\S+ )?zlib@openssh\.com/);
    assertMatch(messages, /exchanged keys again/);
  },
);

serverTest(
  "sshd",
  "rforward --engine ssh2 speaks what the native engine leaves out",
  async () => {
    await using sshd = await startSshd({
      config: ["Ciphers aes256-cbc", "MACs hmac-sha1"],
    });
    const { events } = await assertForwards([
      ...["-v", "--engine", "ssh2", "-o", "Ciphers=+aes256-cbc"],
      ...sshArguments(sshd),
    ]);
    assertMatch(JSON.stringify(events), /to the server aes256-cbc hmac-sha1/);
  },
);

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
