/** The command as a service of systemd. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import {
  type NotifySocket,
  startNotifySocket,
} from "../servers/notify_socket.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { listeningAt } from "../servers/listening.ts";
import { freePort } from "../servers/free_port.ts";
import { startTcpServer } from "../servers/tcp_server.ts";
import { CommandProcess, main } from "./command_process.ts";
import manifest from "../../deno.json" with { type: "json" };
import { eventually } from "./eventually.ts";
import { RforwardProcess } from "./rforward_process.ts";

function serviceTest(name: string, fn: () => Promise<void>): void {
  serverTest(["sshd", "systemd-notify"], name, fn);
}

/** The command as systemd starts it. */
function start(
  socket: NotifySocket,
  args: string[],
  watchdogMs?: number,
): RforwardProcess {
  return new RforwardProcess({
    args,
    through: [
      ...["env", `NOTIFY_SOCKET=${socket.address}`],
      ...watchdogMs === undefined ? [] : [`WATCHDOG_USEC=${watchdogMs * 1000}`],
    ],
  });
}

/** All notifications up to one that matches. */
async function told(socket: NotifySocket, pattern: RegExp): Promise<string[]> {
  const messages: string[] = [];
  do messages.push(await socket.message()); while (
    !pattern.test(messages.at(-1)!)
  );
  return messages;
}

serviceTest(
  "rforward is ready for systemd once it is verified, and stopping when it stops",
  async () => {
    await using socket = await startNotifySocket();
    await using sshd = await startSshd();
    await using stack = new AsyncDisposableStack();
    const other = stack.use(startTcpServer(() => Promise.resolve()));
    const { port } = other;
    await using rforward = start(socket, [
      "-R",
      `${port}:127.0.0.1:9`,
      ...sshArguments(sshd),
    ]);
    const before = await told(
      socket,
      /STATUS=degraded, 0 of 1 forwards are up: .*another program/,
    );
    assertEquals(before.filter((message) => message.includes("READY=1")), []);
    await stack.disposeAsync();
    await told(socket, /^READY=1/);
    await told(socket, /STATUS=up, 1 of 1 forwards are up$/);
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
    await told(socket, /^STOPPING=1/);
  },
);

serviceTest(
  "rforward notifies systemd that it reads its configuration again",
  async () => {
    await using socket = await startNotifySocket();
    await using sshd = await startSshd();
    const config = join(sshd.dir, "ssh_config");
    await Deno.writeTextFile(config, "RemoteForward 127.0.0.1:0 127.0.0.1:9\n");
    await using rforward = start(socket, [
      "-F",
      config,
      ...sshArguments(sshd).slice(2),
    ]);
    await told(socket, /^READY=1/);
    rforward.signal("SIGHUP");
    await told(socket, /^RELOADING=1/);
    await told(socket, /^READY=1/);
    await Deno.writeTextFile(config, "ServerAliveInterval 7\n", {
      append: true,
    });
    rforward.signal("SIGHUP");
    await told(socket, /^RELOADING=1/);
    await told(socket, /^READY=1/);
    assertEquals(rforward.all("connected").length, 2);
  },
);

serviceTest(
  "rforward does not become ready for systemd by reading its configuration again",
  async () => {
    await using socket = await startNotifySocket();
    await using sshd = await startSshd();
    await sshd.stop();
    const args = ["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)];
    await using rforward = start(socket, ["--max-wait", "0.2", ...args]);
    await rforward.next("waiting");
    rforward.signal("SIGHUP");
    await rforward.next("message", {
      fits: ({ text }) => text === "the configuration was read again",
    });
    rforward.signal("SIGTERM");
    const messages = await told(socket, /^STOPPING=1/);
    assertEquals(messages.filter((message) => message.includes("READY=1")), []);
    assertEquals((await rforward.status).code, 0);
  },
);

serviceTest(
  "rforward gives systemd signs of life, also while it waits for its server",
  async () => {
    await using socket = await startNotifySocket();
    await using sshd = await startSshd();
    await sshd.stop();
    const args = ["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)];
    await using rforward = start(socket, args, 400);
    const messages = [
      ...await told(socket, /^WATCHDOG=1/),
      ...await told(socket, /^WATCHDOG=1/),
    ];
    assertEquals(messages.filter((message) => message.includes("READY=1")), []);
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
  },
);

serviceTest("rforward notifies systemd why it has ended", async () => {
  await using socket = await startNotifySocket();
  await using sshd = await startSshd({ config: ["AllowTcpForwarding no"] });
  const args = ["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)];
  await using rforward = start(socket, args);
  const messages = await told(socket, /^STOPPING=1/);
  assertEquals(messages.filter((message) => message.includes("READY=1")), []);
  const rest = messages.at(-1)!.includes("STATUS=stopped")
    ? messages
    : [...messages, await socket.message()];
  assertMatch(rest.at(-1)!, /STATUS=stopped.*: /);
  assertEquals((await rforward.status).code, 255);
});

serviceTest(
  "the example unit's command works with the permissions that it names, and can be reloaded",
  async () => {
    await using socket = await startNotifySocket();
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using more = startEcho("more");
    const unit = await Deno.readTextFile(
      new URL("../../examples/systemd/rforward.service", import.meta.url),
    );
    // What the unit asks the administrator to configure.
    const config = /<<END\n([^]*?)# {3}END\n/.exec(unit)![1]!
      .replaceAll("#   ", "");
    const [port, second] = [freePort(), freePort()];
    const here = (text: string) =>
      text.replaceAll("/etc/rforward", sshd.dir)
        .replaceAll("127.0.0.1:8080", `127.0.0.1:${echo.port}`)
        .replaceAll("127.0.0.1:8022", `127.0.0.1:${port}`)
        .replaceAll("server.example:22", `127.0.0.1:${sshd.port}`);
    const text = `${here(config)}Host server.example\nHostName 127.0.0.1\n`
      .replace("User tunnel", `User ${sshd.user}\nPort ${sshd.port}`);
    const file = join(sshd.dir, "ssh_config");
    await Deno.writeTextFile(file, text);

    const start = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(unit)![1]!;
    const command = here(start)
      .replaceAll("%d/id_ed25519", sshd.keyFile)
      .replace("/usr/local/bin/deno", Deno.execPath())
      .replace(`jsr:@x2go/rforward@${manifest.version}/cli`, main)
      .replace("--allow-net=", `--allow-net=127.0.0.1:${more.port},`)
      .replaceAll("\\\n", " ").trim().split(/ +/);
    await using rforward = new CommandProcess({
      command,
      args: [],
      env: { NOTIFY_SOCKET: socket.address, WATCHDOG_USEC: "60000000" },
    });
    await told(socket, /^READY=1/);
    assertEquals(await ask(port, "hi"), "echo: hi");
    await Deno.writeTextFile(
      file,
      `${text}RemoteForward 127.0.0.1:${second} 127.0.0.1:${more.port}\n`,
    );
    rforward.signal("SIGHUP");
    await told(socket, /^RELOADING=1/);
    await eventually("the other port", () => listeningAt(second).length > 0);
    rforward.signal("SIGTERM");
    const { code, stderr } = await rforward.ended();
    assertEquals(code, 0, stderr);
    assertEquals(/permission|allow/.exec(stderr), null, stderr);
  },
);
