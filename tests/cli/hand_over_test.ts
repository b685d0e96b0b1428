/** SIGUSR1: a new connection takes over, or a wait ends. */
import { assertEquals } from "../assert.ts";
import { ask, receiveText, send, startEcho, visit } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { RforwardProcess } from "./rforward_process.ts";

serverTest(
  "sshd",
  "rforward makes a new connection at SIGUSR1 and leaves the old one to its live connections; while it waits, it tries now",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    await using rforward = new RforwardProcess({
      args: [
        ...["--max-wait", "1h", "-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
        ...sshArguments(sshd),
      ],
    });
    const before = await rforward.up();
    using live = await visit(before);
    await send(live, "a");
    await rforward.next("opened");
    rforward.signal("SIGUSR1");
    const { overlapped, interrupted } = await rforward.next("handing-over");
    assertEquals([overlapped, interrupted], [[0], []]);
    await rforward.next("connected");
    const { bound } = await rforward.next("verified");
    assertEquals(await ask(bound.port!, "b"), "echo: b");
    await live.closeWrite();
    assertEquals(await receiveText(live), "echo: a");
    assertEquals(rforward.all("lost"), []);

    await sshd.stop();
    // The first waits are short.
    await rforward.next("waiting", { fits: ({ ms }) => ms > 1000 });
    await sshd.start();
    rforward.signal("SIGUSR1");
    await rforward.next("connected", { withinMs: 15_000 });
  },
);
