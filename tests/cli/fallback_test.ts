/** Other ways to the server, and other servers, as a process. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, startEcho } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { networkTest, startNetwork } from "../servers/network.ts";
import { startSshd } from "../servers/openssh.ts";
import { startMicrosocks, startTinyproxy } from "../servers/proxies.ts";
import { run } from "../servers/run.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { RforwardProcess } from "./rforward_process.ts";

serverTest(
  ["sshd", "tinyproxy", "microsocks"],
  "rforward goes through the proxy of --proxy or the environment, and shows no password of it",
  async () => {
    await using echo = startEcho("echo");
    await using sshd = await startSshd();
    const login = { user: "proxyuser", password: "s3cret" };
    await using http = await startTinyproxy({ login });
    await using socks = await startMicrosocks({ login });
    const urls = [
      `http://proxyuser:s3cret@127.0.0.1:${http.port}`,
      `socks5://proxyuser:s3cret@127.0.0.1:${socks.port}`,
    ];
    const forward = (args: string[], env: string[] = []) =>
      new RforwardProcess({
        through: ["env", ...env],
        args: [
          ...["-vvv", ...args, "-R", `127.0.0.1:0:127.0.0.1:${echo.port}`],
          ...sshArguments(sshd),
        ],
      });
    const all = await Promise.all([
      ...urls.map((url) => [["--proxy", url], []]),
      ...urls.map((url) => [["--proxy", "env"], [`ALL_PROXY=${url}`]]),
    ].map(async ([args, env]) => {
      await using rforward = forward(args!, env);
      assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
      return JSON.stringify(rforward.events) + rforward.stderr;
    }));
    assert(!/s3cret|proxyuser/.test(all.join("")));
    const log = await http.log();
    assertEquals(log.split(`CONNECT 127.0.0.1:${sshd.port}`).length - 1, 2);

    await using refused = forward([
      "--proxy",
      urls[0]!.replace("s3cret", "wr0ng"),
    ]);
    const { error } = await refused.next("stopped");
    assertEquals(error?.code, "permission-denied");
    assertMatch(error!.message, /the proxy 127\.0\.0\.1:\d+ answered 40[17]/);
    assertEquals((await refused.status).code, 255);
    assert(!JSON.stringify(refused.events).includes("wr0ng"));
  },
);

serverTest(
  "sshd",
  "rforward uses --fallback while the first server cannot be reached, each as ssh_config says, and returns",
  async () => {
    await using echo = startEcho("echo");
    await using first = await startSshd();
    await using second = await startSshd();
    const config = join(first.dir, "ssh_config");
    await Deno.writeTextFile(
      config,
      [
        ...[["one", first], ["two", second]] as const,
      ].flatMap(([name, server]) => [
        `Host ${name}`,
        `  HostName ${server.hostname}`,
        `  Port ${server.port}`,
        `  IdentityFile ${server.keyFile}`,
        `  UserKnownHostsFile ${server.knownHostsFile}`,
      ]).join("\n") + "\n",
    );
    await first.stop();
    await using rforward = new RforwardProcess({
      args: [
        ...["-F", config, "-o", "BatchMode=yes", "--max-wait", "0.05"],
        ...["--fallback", `${second.user}@two`, "--fallback-after", "0.1"],
        ...["-R", `127.0.0.1:0:127.0.0.1:${echo.port}`, `${first.user}@one`],
      ],
    });
    const { from, to, error } = await rforward.next("switching");
    assertEquals([from, to, error?.code], [0, 1, "connect-failed"]);
    const { server } = await rforward.next("connected");
    assertEquals(server.port, second.port);
    assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");

    await first.start();
    await second.stop();
    await rforward.next("switching", { fits: (event) => event.to === 0 });
    assertEquals(
      (await rforward.next("connected")).server.port,
      first.port,
    );
    assertEquals(await ask(await rforward.up(), "hi"), "echo: hi");
  },
);

networkTest(
  "rforward connects at once when the network of its machine has changed",
  async () => {
    await using network = await startNetwork();
    await using rforward = new RforwardProcess({
      through: network.client.through,
      args: ["-R", "0:127.0.0.1:9", "-F", "none", "-p", "9", "127.0.0.1"],
    });
    const [program = "", ...args] = network.client.through;
    // Waits double. On a busy machine one may end before the address is there.
    for (let i = 1; rforward.all("network-changed").length === 0; i++) {
      assert(i < 4, "no change was noticed");
      await rforward.next("waiting", { fits: ({ ms }) => ms > 2000 * i });
      const address = `10.99.9.${i}/32`;
      await run(program, [...args, "ip", "addr", "add", address, "dev", "lo"]);
      await rforward.next("connecting", { withinMs: 60_000 });
    }
  },
);
