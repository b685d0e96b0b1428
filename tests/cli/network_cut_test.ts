/** The command on a network that silently drops packets. */
import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "../assert.ts";
import { send, type Service, startService } from "../forward/rig.ts";
import { listeningAt } from "../servers/listening.ts";
import { type Network, networkTest, startNetwork } from "../servers/network.ts";
import { type Sshd, startSshd } from "../servers/openssh.ts";
import { run } from "../servers/run.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { within } from "../within.ts";
import { RforwardProcess } from "./rforward_process.ts";

/** Each side misses the other one after 3 s; sshd 9.2 takes twice as long. */
const serverMisses = ["ClientAliveInterval 1", "ClientAliveCountMax 2"];
const clientMisses = [
  "-o",
  "ServerAliveInterval=1",
  "-o",
  "ServerAliveCountMax=2",
];

/** How long it may take until rforward misses the server, in milliseconds: up to 4 s, and the machine may be busy. */
const MISSED_MS = 4000 + 5000;

/**
 * How long it may take until it is up again in a network that has healed, in
 * milliseconds: an attempt that is under way fails after `ConnectTimeout`, 1 s,
 * the next one comes 0.2 s later; the server misses the old session, at most as
 * long again passes until it is asked for the port, since the waits double, and
 * the machine may be busy.
 */
const BACK_MS = 1000 + 200 + 2 * 6000 + 10_000;

/** A client's machine and a server's, with an sshd. */
interface Rig extends AsyncDisposable {
  readonly network: Network;
  readonly sshd: Sshd;
  /** Where all machines find the target. */
  readonly target: string;
  /** Starts the command. */
  forward(options?: { through?: string[]; host?: string }): RforwardProcess;
  /** What a program on the server receives at a bound port. */
  ask(port: number, text: string): Promise<string>;
}

async function startRig(): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await startNetwork());
  const { client, server } = network;
  const sshd = stack.use(
    await startSshd({
      through: server.through,
      config: [`ListenAddress ${server.address}`, ...serverMisses],
    }),
  );
  const knownHostsFile = join(sshd.dir, "known_hosts_of_network");
  await Deno.writeTextFile(
    knownHostsFile,
    sshd.knownHosts.replace(sshd.hostname, server.address),
  );
  const target = join(sshd.dir, "target.sock");
  stack.use(startLineEcho(Deno.listen({ transport: "unix", path: target })));
  const kept = stack.move();
  return {
    network,
    sshd,
    target,
    forward: ({ through = [], host: hostname = server.address } = {}) =>
      new RforwardProcess({
        through: [...client.through, ...through],
        args: [
          ...["--max-wait", "0.2", "-R", `127.0.0.1:0:${target}`],
          ...["-o", "ConnectTimeout=1", ...clientMisses],
          ...sshArguments({ ...sshd, hostname, knownHostsFile }),
        ],
      }),
    ask(port, text) {
      const [program = "", ...args] = server.through;
      const script =
        'exec 3<>"/dev/tcp/127.0.0.1/$0" && echo "$1" >&3 && cat <&3';
      return run(program, [...args, "bash", "-c", script, `${port}`, text]);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Answers the first bytes that arrive: bash cannot half-close a connection. */
function startLineEcho(listener: Deno.UnixListener): Service {
  return startService(async (conn) => {
    const heard = new Uint8Array(100);
    const n = await conn.read(heard) ?? 0;
    await send(conn, `echo: ${new TextDecoder().decode(heard.subarray(0, n))}`);
  }, listener);
}

networkTest(
  "rforward notices that the network is cut, and has its port again when it has healed",
  async () => {
    await using rig = await startRig();
    await using rforward = rig.forward();
    const port = await rforward.up();
    assertEquals(await rig.ask(port, "hi"), "echo: hi\n");

    for (let reconnects = 1; reconnects <= 2; reconnects++) {
      await rig.network.cut();
      const { error } = await rforward.next("lost", { withinMs: MISSED_MS });
      assertMatch(error.message, /silent for 3000 ms/);
      await rforward.next("waiting"); // because of that
      // In the first round until it has tried in vain; in the second the server
      // does not miss the session before it is back.
      if (reconnects === 1) {
        const { error } = await rforward.next("waiting");
        assertEquals(error.code, "connect-timeout");
      }
      await rig.network.heal();
      await rforward.up({ withinMs: BACK_MS });
      assertEquals(await rig.ask(port, "hi"), "echo: hi\n");
      assertEquals(listeningAt(port, rig.sshd.pid), ["127.0.0.1"]);
      assertEquals(rforward.all("connected").length, 1 + reconnects);
      assertEquals(
        rforward.all("bound").map(({ bound }) => bound.port),
        Array(1 + reconnects).fill(port),
      );
    }

    await rig.network.cut();
    rforward.signal("SIGTERM");
    const { code } = await within(10_000, "the end", rforward.status);
    assertEquals(code, 0);
  },
);

networkTest("rforward is up once the server can be reached", async () => {
  await using rig = await startRig();
  await rig.network.cut();
  await using rforward = rig.forward();
  for (let attempt = 1; attempt <= 2; attempt++) {
    await rforward.next("connecting", { fits: (e) => e.attempt === attempt });
    const { error } = await rforward.next("waiting");
    assertEquals(error.code, "connect-timeout");
  }
  await rig.network.heal();
  const port = await rforward.up({ withinMs: BACK_MS });
  assertEquals(await rig.ask(port, "hi"), "echo: hi\n");
  assertEquals(rforward.all("connected").length, 1);
});

networkTest(
  "rforward tries again after ConnectTimeout where no name server answers",
  async () => {
    await using rig = await startRig();
    await rig.network.cut();
    const resolver = join(rig.sshd.dir, "resolv.conf");
    await Deno.writeTextFile(
      resolver,
      `nameserver ${rig.network.server.address}\n`,
    );
    const mount =
      `mount --bind '${resolver}' /etc/resolv.conf && exec "$0" "$@"`;
    await using rforward = rig.forward({
      host: "server.example",
      through: ["unshare", "--mount", "sh", "-c", mount],
    });
    for (let attempt = 1; attempt <= 2; attempt++) {
      const { time } = await rforward.next("connecting", {
        fits: (e) => e.attempt === attempt,
      });
      const waiting = await rforward.next("waiting");
      assertEquals(waiting.error.code, "connect-timeout");
      const ms = Date.parse(waiting.time) - Date.parse(time);
      assert(ms > 900 && ms < 4000, `${ms}`);
    }
    rforward.signal("SIGTERM");
    assertEquals((await within(10_000, "the end", rforward.status)).code, 0);
  },
);
