/** From where a bound port can be reached and whether its target answers, as the command says it. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho, startService } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { freePort } from "../servers/free_port.ts";
import { networkTest, startNetwork } from "../servers/network.ts";
import { startSshd } from "../servers/openssh.ts";
import { run } from "../servers/run.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { within } from "../within.ts";
import { CommandProcess } from "./command_process.ts";
import { RforwardProcess } from "./rforward_process.ts";

serverTest(
  "sshd",
  "rforward warns of a port that other hosts do not reach, and of one that they do, against what was asked",
  async () => {
    for (
      const [gateway, address, said] of [
        [
          "no",
          "0.0.0.0",
          /^Warning: 0\.0\.0\.0:\d+ is reachable from the server itself only.*GatewayPorts clientspecified/m,
        ],
        [
          "yes",
          "127.0.0.1",
          /^Warning: 127\.0\.0\.1:\d+ is reachable from other hosts too.*GatewayPorts clientspecified/m,
        ],
        [
          "clientspecified",
          "*",
          /^\*:\d+ on the server leads to .*, reachable from other hosts$/m,
        ],
      ] as const
    ) {
      await using sshd = await startSshd({
        config: [`GatewayPorts ${gateway}`],
      });
      await using rforward = new CommandProcess({
        args: ["-R", `${address}:0:127.0.0.1:9`, ...sshArguments(sshd)],
      });
      await rforward.see(said);
      if (gateway === "clientspecified") {
        assert(!rforward.stderr.includes("Warning: "), rforward.stderr);
      }
    }
  },
);

serverTest(
  "sshd",
  "rforward --json says from where a port can be reached",
  async () => {
    await using sshd = await startSshd();
    await using rforward = new RforwardProcess({
      args: [
        ...["-R", "0.0.0.0:0:127.0.0.1:9", "-R", "127.0.0.1:0:127.0.0.1:9"],
        ...sshArguments(sshd),
      ],
    });
    await rforward.up();
    const found = rforward.all("verified").sort((a, b) => a.tunnel - b.tunnel);
    assertEquals(
      found.map(({ reach, askedReach }) => [reach, askedReach]),
      [["server-only", "network"], ["server-only", "server-only"]],
    );
    assertMatch(found[0]?.warning ?? "", /GatewayPorts clientspecified/);
    assertEquals(found[1]?.warning, undefined);
  },
);

networkTest(
  "rforward finds a port that is bound to IPv6 alone at the address that it dialled",
  async () => {
    await using network = await startNetwork();
    const { through } = network.server;
    const hostname = "2001:db8::1";
    const [program = "", ...args] = through;
    await run(program, [...args, "ip", "addr", "add", hostname, "dev", "lo"]);
    await using sshd = await startSshd({
      through,
      config: [`ListenAddress ${hostname}`, "GatewayPorts clientspecified"],
    });
    const knownHostsFile = join(sshd.dir, "known_hosts_of_network");
    await Deno.writeTextFile(
      knownHostsFile,
      sshd.knownHosts.replace(sshd.hostname, hostname),
    );
    await using rforward = new RforwardProcess({
      through,
      args: [
        ...["-R", "[::]:0:127.0.0.1:9"],
        ...sshArguments({ ...sshd, hostname, knownHostsFile }),
      ],
    });
    const { reach, addresses } = await rforward.next("verified");
    assertEquals(reach, "network");
    assertEquals(addresses, [{ address: "::1", answer: "ours" }]);
  },
);

serverTest(
  "sshd",
  "rforward does not say where a port leads to before it knows who answers",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const visited = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    // Half of localhost is another program's, which says nothing.
    await using other = startService(() => {
      visited.resolve();
      return over.promise;
    });
    using _end = { [Symbol.dispose]: () => over.resolve() };
    await using rforward = new CommandProcess({
      args: [
        ...["-R", `localhost:${other.port}:127.0.0.1:${echo.port}`],
        ...sshArguments(sshd),
      ],
    });
    await rforward.see(/^localhost:\d+ on the server is bound, checking$/m);
    await within(20_000, "a look at the other program", visited.promise);
    assert(!rforward.stderr.includes("leads to"), rforward.stderr);
    over.resolve(); // it hangs up, which ends the wait for a word of it
    await rforward.see(/^half-bound: another program answers at 127\.0\.0\.1/m);
    assert(!rforward.stderr.includes("leads to"), rforward.stderr);
  },
);

serverTest(
  "sshd",
  "rforward counts connections that the target refuses",
  async () => {
    await using sshd = await startSshd();
    const port = freePort();
    await using rforward = new RforwardProcess({
      args: ["-R", `127.0.0.1:0:127.0.0.1:${port}`, ...sshArguments(sshd)],
    });
    const bound = await rforward.up();
    for (const failed of [1, 2]) {
      await ask(bound, "hi").catch(() => {});
      const event = await rforward.next("target-error");
      assertEquals([event.error.code, event.failed], [
        "target-refused",
        failed,
      ]);
    }
  },
);
