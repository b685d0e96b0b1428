/** The command under way: signals, and a configuration that changes. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { ask, receiveText, send, startEcho, visit } from "../forward/rig.ts";
import { serverTest } from "../servers/availability.ts";
import { freePort } from "../servers/free_port.ts";
import { listeningAt } from "../servers/listening.ts";
import { type Sshd, startSshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { eventually } from "./eventually.ts";
import { RforwardProcess } from "./rforward_process.ts";

/** An ssh_config that can be rewritten. */
class Config {
  readonly file: string;

  constructor(readonly sshd: Sshd) {
    this.file = join(sshd.dir, "ssh_config");
  }

  /** Writes the lines of the destination `server`. */
  async write(...lines: string[]): Promise<void> {
    const { sshd, file } = this;
    await Deno.writeTextFile(
      file,
      [
        "Host server",
        ...lines,
        `HostName ${sshd.hostname}`,
        `Port ${sshd.port}`,
        `User ${sshd.user}`,
        `IdentityFile ${sshd.keyFile}`,
        `UserKnownHostsFile ${sshd.knownHostsFile}`,
        "BatchMode yes",
        "",
      ].join("\n"),
    );
  }
}

/** Waits for a message. */
async function message(
  rforward: RforwardProcess,
  text: string,
): Promise<string> {
  const event = await rforward.next("message", {
    fits: (it) => it.text.includes(text),
  });
  return event.text;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  serverTest(
    "sshd",
    `rforward releases its port at ${signal}, and ends well`,
    async () => {
      await using sshd = await startSshd();
      await using echo = startEcho("echo");
      await using rforward = new RforwardProcess({
        args: [
          "-R",
          `127.0.0.1:0:127.0.0.1:${echo.port}`,
          ...sshArguments(sshd),
        ],
      });
      const port = await rforward.up();
      // SIGTERM does not wait for it.
      using conn = signal === "SIGTERM" ? await visit(port) : undefined;
      if (conn) await rforward.next("opened");
      rforward.signal(signal);
      assertEquals((await rforward.status).code, 0);
      assertEquals(listeningAt(port), []);
      await eventually(
        "the session has ended",
        () => sshd.killSessions("SIGCONT") === 0,
      );
      assertEquals((await rforward.next("stopped")).error, undefined);
      assertEquals(rforward.stderr, "");
    },
  );
}

serverTest(
  "sshd",
  "rforward does not say that it asks again where ExitOnForwardFailure ends it",
  async () => {
    await using sshd = await startSshd();
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using rforward = new RforwardProcess({
      args: [
        ...["-o", "ExitOnForwardFailure=yes", "-R"],
        `127.0.0.1:${taken.addr.port}:127.0.0.1:9`,
        ...sshArguments(sshd),
      ],
    });
    assertEquals((await rforward.next("denied")).ms, undefined);
    assertEquals((await rforward.status).code, 255);
  },
);

serverTest(
  "sshd",
  "rforward ends at a signal while it waits for a server",
  async () => {
    await using sshd = await startSshd();
    await sshd.stop();
    await using rforward = new RforwardProcess({
      args: ["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)],
    });
    await rforward.next("waiting");
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
  },
);

serverTest(
  "sshd",
  "rforward adds and removes forwards at SIGHUP, without losing the SSH connection or live connections",
  async () => {
    await using sshd = await startSshd();
    await using one = startEcho("one");
    await using two = startEcho("two");
    const config = new Config(sshd);
    const stays = `RemoteForward 127.0.0.1:0 127.0.0.1:${one.port}`;
    const goes = freePort();
    const comes = freePort();
    await config.write(
      stays,
      `RemoteForward 127.0.0.1:${goes} 127.0.0.1:${two.port}`,
    );
    await using rforward = new RforwardProcess({
      args: ["-F", config.file, "--drain", "1m", "server"],
    });
    await rforward.up();
    const port = rforward.all("bound").find(({ tunnel }) => tunnel === 0)!.bound
      .port!;
    using live = await visit(port);
    await rforward.next("opened");
    using drained = await visit(goes);
    await rforward.next("opened");

    await config.write(
      `RemoteForward 127.0.0.1:${comes} 127.0.0.1:${two.port}`,
      stays,
    );
    rforward.signal("SIGHUP");
    await message(rforward, "the configuration was read again");
    await rforward.next("verified", {
      fits: ({ bound }) => bound.port === comes,
    });
    await eventually("the other is gone", () => listeningAt(goes).length === 0);
    assertEquals(await ask(comes, "hi"), "two: hi");
    assertEquals(await ask(port, "hi"), "one: hi");
    for (const [conn, name] of [[live, "one"], [drained, "two"]] as const) {
      await send(conn, "still there");
      await conn.closeWrite();
      assertEquals(await receiveText(conn), `${name}: still there`);
    }
    assertEquals(rforward.all("connected").length, 1);
    assertEquals(rforward.all("bound").length, 3);
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
    for (const bound of [port, comes]) assertEquals(listeningAt(bound), []);
  },
);

serverTest(
  "sshd",
  "rforward follows its configuration at SIGHUP, and connections of removed tunnels stay open",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const config = new Config(sshd);
    const forward = (socket: string) =>
      `RemoteForward ${join(sshd.dir, socket)} 127.0.0.1:${echo.port}`;
    const goes = freePort();
    const gone = `RemoteForward 127.0.0.1:${goes} 127.0.0.1:${echo.port}`;
    await config.write(gone);
    await using rforward = new RforwardProcess({
      args: ["-F", config.file, "--drain", "1m", "server"],
    });
    await rforward.up();
    using conn = await visit(goes);
    await rforward.next("opened");

    for (const lines of [[forward("two")], [gone, forward("three")]]) {
      await config.write(...lines);
      rforward.signal("SIGHUP");
      await message(rforward, "the configuration was read again");
      const [, path] = lines.at(-1)!.split(" ");
      await rforward.next("verified", {
        fits: ({ bound }) => bound.path === path,
      });
    }
    assertEquals(await ask(goes, "hi"), "echo: hi");
    await send(conn, "still there");
    await conn.closeWrite();
    assertEquals(await receiveText(conn), "echo: still there");
    assertEquals(rforward.all("connected").length, 1);
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
  },
);

serverTest(
  "sshd",
  "rforward reconnects at SIGHUP if the connection has changed",
  async () => {
    await using before = await startSshd();
    await using after = await startSshd();
    await using echo = startEcho("echo");
    const config = new Config(before);
    const port = freePort();
    const forward = `RemoteForward 127.0.0.1:${port} 127.0.0.1:${echo.port}`;
    await config.write(forward);
    await using rforward = new RforwardProcess({
      args: ["-F", config.file, "--drain", "1m", "server"],
    });
    await rforward.up();
    using live = await visit(port);
    await rforward.next("opened");

    await config.write(
      forward,
      `Port ${after.port}`,
      `IdentityFile ${after.keyFile}`,
      `UserKnownHostsFile ${after.knownHostsFile}`,
    );
    rforward.signal("SIGHUP");
    await message(rforward, "the configuration was read again");
    // Live connections may end in their own time.
    await send(live, "hi");
    await live.closeWrite();
    assertEquals(await receiveText(live), "echo: hi");
    await rforward.up();
    assertEquals(rforward.all("connected").map(({ server }) => server.port), [
      before.port,
      after.port,
    ]);
    assertEquals(await ask(port, "hi"), "echo: hi");
    await eventually(
      "the session before has ended",
      () => before.killSessions("SIGCONT") === 0,
    );
    assertEquals(rforward.all("stopped"), []);
    assert(!rforward.all("state").some(({ state }) => state === "stopped"));
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
    await rforward.next("stopped");
    assertEquals(rforward.all("stopped").length, 1);
  },
);

serverTest(
  "sshd",
  "rforward reconnects at SIGHUP if a server on the way has changed",
  async () => {
    await using sshd = await startSshd();
    await using first = await startSshd();
    await using second = await startSshd();
    const config = new Config(sshd);
    const write = async (hop: Sshd) => {
      await config.write(
        "ProxyJump hop",
        "RemoteForward 127.0.0.1:0 127.0.0.1:9",
      );
      const lines = [
        "Host hop",
        `HostName ${hop.hostname}`,
        `Port ${hop.port}`,
        `IdentityFile ${hop.keyFile}`,
        `UserKnownHostsFile ${hop.knownHostsFile}`,
      ];
      await Deno.writeTextFile(config.file, lines.join("\n"), { append: true });
    };
    await write(first);
    await using rforward = new RforwardProcess({
      args: ["-F", config.file, "server"],
    });
    const port = await rforward.up();
    await write(second);
    rforward.signal("SIGHUP");
    await rforward.up();
    assertMatch(await second.log(), /Accepted publickey/);
    assertEquals(listeningAt(port), []);
  },
);

serverTest(
  "sshd",
  "rforward keeps its tunnels at SIGHUP if the configuration is not valid",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const config = new Config(sshd);
    const forward = `RemoteForward 127.0.0.1:0 127.0.0.1:${echo.port}`;
    await config.write(forward);
    await using rforward = new RforwardProcess({
      args: ["-F", config.file, "server"],
    });
    const port = await rforward.up();
    const broken: [lines: string[], why: string][] = [
      [[forward, "Port many"], `${config.file}:3: Port`],
      [[forward, "Ciphers none"], "Ciphers"],
      [["RemoteForward 127.0.0.1:0 nowhere"], `${config.file}:2: `],
      [[], "nothing is to be forwarded"],
    ];
    for (const [lines, why] of broken) {
      await config.write(...lines);
      rforward.signal("SIGHUP");
      const text = await message(
        rforward,
        "the configuration stays as it was: ",
      );
      assert(text.includes(why), text);
      assertEquals(await ask(port, "hi"), "echo: hi");
    }
    assertEquals(rforward.all("connected").length, 1);
    assertEquals(rforward.all("bound").length, 1);
  },
);

serverTest(
  "sshd",
  "rforward ends at SIGTERM while it reconnects",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    const config = new Config(sshd);
    const forward = `RemoteForward 127.0.0.1:0 127.0.0.1:${echo.port}`;
    await config.write(forward);
    await using rforward = new RforwardProcess({
      args: ["-F", config.file, "--drain", "1m", "server"],
    });
    const port = await rforward.up();
    using _live = await visit(port);
    await rforward.next("opened");
    await config.write(forward, "Port 1");
    rforward.signal("SIGHUP");
    await eventually("it drains", () => listeningAt(port).length === 0);
    rforward.signal("SIGTERM");
    assertEquals((await rforward.status).code, 0);
    assertEquals(rforward.all("connected").length, 1);
    await rforward.next("stopped");
    assertEquals(rforward.all("stopped").length, 1);
  },
);

serverTest(
  "sshd",
  "rforward shows what the server says before the login, once for all that it connects",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-run-" });
    try {
      const banner = join(dir, "banner");
      await Deno.writeTextFile(banner, "Staff only.\nAll is logged.\n");
      await using sshd = await startSshd({ config: [`Banner ${banner}`] });
      await using rforward = new RforwardProcess({
        args: ["-R", "127.0.0.1:0:127.0.0.1:9", ...sshArguments(sshd)],
      });
      await rforward.up();
      await Deno.writeTextFile(banner, "Nobody is logged.\n");
      for (let i = 0; i < 2; i++) {
        sshd.killSessions("SIGKILL");
        await rforward.next("lost");
        await rforward.up();
      }
      const said = rforward.events.flatMap((event) =>
        event.type === "message" ? [event.text] : []
      );
      assertEquals(said, ["Staff only.\nAll is logged.", "Nobody is logged."]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
