/** The command as a service of systemd. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../assert.ts";
import { findProgram, serverTest } from "../servers/availability.ts";
import {
  type NotifySocket,
  startNotifySocket,
} from "../servers/notify_socket.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { startTcpServer } from "../servers/tcp_server.ts";
import { RforwardProcess } from "./rforward_process.ts";

function serviceTest(name: string, fn: () => Promise<void>): void {
  if (findProgram("systemd-notify")) serverTest("sshd", name, fn);
  else {Deno.test({
      name: `${name} (ignored: no systemd-notify)`,
      ignore: true,
      fn,
    });}
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

/** All that is told until something fits, and that. */
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
      /STATUS=degraded, 0 of 1 forwards are up: .*somebody else/,
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
  "rforward tells systemd that it reads its configuration anew",
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

serviceTest("rforward tells systemd why it has ended", async () => {
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
