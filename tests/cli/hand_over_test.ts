/** SIGUSR1: a new connection takes over, or a wait ends. */
import { delay } from "../../src/abort.ts";
import { assert, assertEquals } from "../assert.ts";
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

serverTest(
  "sshd",
  "rforward makes one more new connection for all the SIGUSR1 that come while it makes one",
  async () => {
    await using sshd = await startSshd();
    await using rforward = new RforwardProcess({
      args: ["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)],
    });
    await rforward.up();
    const { signal } = new AbortController();
    for (let i = 0; i < 20; i++) {
      rforward.signal("SIGUSR1");
      await delay(1, signal);
    }
    for (let i = 0; i < 2; i++) await rforward.next("handing-over");
    // Others would follow at once.
    await delay(500, signal);
    const { length } = rforward.all("handing-over");
    assert(length <= 3, `${length} connections took over`);
  },
);
