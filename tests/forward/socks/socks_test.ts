import {
  ArgumentError,
  forward,
  type ReverseTunnel,
  type Target,
  TargetError,
  type TunnelConnection,
} from "../../../mod.ts";
import { createDialer } from "../../../src/forward/targets/create_dialer.ts";
import {
  Destinations,
  isPublic,
} from "../../../src/forward/socks/destinations.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { curl } from "../../servers/curl.ts";
import { freePort } from "../../servers/free_port.ts";
import { within } from "../../within.ts";
import { receive, type Rig, send, startEcho, startRig, visit } from "../rig.ts";

/** A proxy on a real sshd, and a web server here. */
interface Site extends AsyncDisposable {
  readonly proxy: ReverseTunnel;
  readonly web: Deno.HttpServer<Deno.NetAddr>;
  /** Connections through the proxy so far. */
  readonly connections: readonly TunnelConnection[];
}

async function startSite(target: Target, rig?: Rig): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const { connection } = rig ?? stack.use(await startRig("sshd"));
  const web = stack.use(
    Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => new Response(`you asked for ${new URL(request.url).host}`),
    ),
  );
  const connections: TunnelConnection[] = [];
  const proxy = stack.use(
    await forward(connection, {
      bind: { port: 0 },
      target,
      onConnection: (it) => connections.push(it),
    }),
  );
  const kept = stack.move();
  return {
    proxy,
    web,
    connections,
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

serverTest(
  ["sshd", "curl"],
  "a SOCKS proxy takes curl where it wants, with every version",
  async () => {
    await using site = await startSite({ socks: { permit: "any" } });
    const { port } = site.web.addr;
    for (const scheme of ["socks4", "socks4a", "socks5", "socks5h"]) {
      const proxy = `${scheme}://127.0.0.1:${site.proxy.port}`;
      // localhost is a name that is looked up on either side.
      for (const host of ["127.0.0.1", "localhost"]) {
        const { code, stdout, stderr } = await curl(
          "-4",
          "--proxy",
          proxy,
          `http://${host}:${port}/`,
        );
        assertEquals(
          [code, stdout],
          [0, `you asked for ${host}:${port}`],
          stderr,
        );
      }
    }
    await using ipv6 = Deno.serve(
      { hostname: "::1", port: 0, onListen() {} },
      () => new Response("over IPv6"),
    );
    for (const scheme of ["socks5", "socks5h"]) {
      const { stdout } = await curl(
        "--proxy",
        `${scheme}://127.0.0.1:${site.proxy.port}`,
        `http://[::1]:${ipv6.addr.port}/`,
      );
      assertEquals(stdout, "over IPv6");
    }
  },
);

serverTest(
  ["sshd", "curl"],
  "a SOCKS proxy says with SOCKS's own codes why it refuses",
  async () => {
    const closed = freePort();
    await using rig = await startRig("sshd");
    await using site = await startSite({
      socks: { permit: [`127.0.0.1:${closed}`, "nowhere.invalid:80"] },
    }, rig);
    const proxy = `127.0.0.1:${site.proxy.port}`;
    const denied = `http://127.0.0.1:${site.web.addr.port}/`;
    const refused = `http://127.0.0.1:${closed}/`;
    const said = async (scheme: string, url: string) => {
      const { code, stderr } = await curl(
        "--proxy",
        `${scheme}://${proxy}`,
        url,
      );
      assertEquals(code, 97, stderr);
      return stderr;
    };
    assertMatch(await said("socks5", denied), /\(2\)/);
    assertMatch(await said("socks5", refused), /\(5\)/);
    assertMatch(await said("socks5h", "http://nowhere.invalid/"), /\(4\)/);
    for (const url of [denied, refused]) {
      assertMatch(await said("socks4", url), /\(91\)/);
    }
    const { error } = await site.connections[0]!.closed;
    assertEquals(error?.code, "permission-denied");
    assertMatch(
      error?.message ?? "",
      /does not permit connections to 127\.0\.0\.1:\d+$/,
    );

    // The default keeps clients off this machine and its networks.
    await using stricter = await startSite("socks", rig);
    const local = await curl(
      "--proxy",
      `socks5h://127.0.0.1:${stricter.proxy.port}`,
      `http://localhost:${stricter.web.addr.port}/`,
    );
    assertEquals(local.code, 97);
    assertMatch(local.stderr, /\(2\)/);
  },
);

serverTest(
  ["sshd", "curl"],
  "a SOCKS proxy lets in only who knows the password",
  async () => {
    await using site = await startSite({
      socks: {
        permit: "any",
        credentials: { user: "alice", password: "opensesame" },
      },
    });
    const proxy = `127.0.0.1:${site.proxy.port}`;
    const url = `http://127.0.0.1:${site.web.addr.port}/`;
    const codes = await Promise.all([
      "socks5://alice:opensesame",
      "socks5://alice:opensesam",
      "socks5://alice:opensesame2",
      "socks5://bob:opensesame",
    ].map(async (who) => (await curl("--proxy", `${who}@${proxy}`, url)).code));
    assertEquals(codes, [0, 97, 97, 97]);
    for (const scheme of ["socks4", "socks5"]) {
      assertEquals(
        (await curl("--proxy", `${scheme}://${proxy}`, url)).code,
        97,
      );
    }
  },
);

serverTest(
  "sshd",
  "a SOCKS proxy answers requests it does not support, and limits its waits",
  async () => {
    await using site = await startSite({ socks: { permit: "any" } });
    await using impatient = await startSite({
      socks: { permit: "any", handshakeTimeoutMs: 1000 },
    });
    const ask = async ({ proxy }: typeof site, bytes: number[]) => {
      using conn = await visit(proxy.port);
      await send(conn, new Uint8Array(bytes));
      return [...await receive(conn)];
    };
    const answerTo = (...bytes: number[]) => ask(site, bytes);
    const zeros = [1, 0, 0, 0, 0, 0, 0];
    const ipv4 = [1, 127, 0, 0, 1, 0, 80];
    const long = new Array<number>(300).fill(97);
    const [bind, associate, type, login, bind4, http, silent, half, hostile] =
      await Promise.all([
        answerTo(5, 1, 0, 5, 2, 0, ...ipv4),
        answerTo(5, 1, 0, 5, 3, 0, ...ipv4),
        answerTo(5, 1, 0, 5, 1, 0, 9),
        answerTo(5, 1, 2),
        answerTo(4, 2, 0, 80, 127, 0, 0, 1, 0),
        answerTo(...new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")),
        ask(impatient, []),
        ask(impatient, [5, 1, 0, 5, 1]),
        answerTo(5, 1, 0, 5, 1, 0, 3, 4, 97, 10, 27, 47, 0, 80),
      ]);
    assertEquals(bind, [5, 0, 5, 7, 0, ...zeros]);
    assertEquals(associate, [5, 0, 5, 7, 0, ...zeros]);
    assertEquals(type, [5, 0, 5, 8, 0, ...zeros]);
    assertEquals(login, [5, 0xff]);
    assertEquals(bind4, [0, 91, 0, 0, 0, 0, 0, 0]);
    assertEquals([http, silent, half], [[], [], [5, 0]]);
    assertEquals(hostile, [5, 0, 5, 4, 0, ...zeros]);
    const [longUser, longName, mixed] = await Promise.all([
      answerTo(4, 1, 0, 80, 127, 0, 0, 1, ...long, 0),
      answerTo(4, 1, 0, 80, 0, 0, 0, 1, 0, ...long, 0),
      answerTo(5, 1, 0, 4, 1, 0, ...ipv4),
    ]);
    assertEquals([longUser, longName], [bind4, bind4]);
    assertEquals(mixed, [5, 0, 5, 1, 0, ...zeros]);
  },
);

serverTest(
  "sshd",
  "a SOCKS proxy passes on what a client sent before it had its answer",
  async () => {
    await using site = await startSite({ socks: { permit: "any" } });
    await using echo = startEcho("echo");
    using conn = await visit(site.proxy.port);
    const early = new TextEncoder().encode("early");
    const { port } = echo;
    await send(
      conn,
      new Uint8Array([4, 1, port >> 8, port & 255, 127, 0, 0, 1, 0, ...early]),
    );
    await send(conn, " and late");
    await conn.closeWrite();
    const answer = await receive(conn);
    assertEquals([...answer.subarray(0, 2)], [0, 90]);
    assertEquals(
      new TextDecoder().decode(answer.subarray(8)),
      "echo: early and late",
    );
  },
);

serverTest(
  "sshd",
  "a client of a SOCKS proxy that is ended before it has asked is disconnected",
  async () => {
    await using rig = await startRig("sshd");
    for (const admission of [{ firstByteTimeoutMs: 30 }, {}]) {
      const begun = Promise.withResolvers<void>();
      await using proxy = await forward(rig.connection, {
        bind: { port: 0 },
        target: "socks",
        admission,
        onConnection: () => begun.resolve(),
      });
      using silent = await visit(proxy.port);
      await within(10_000, "the connection", begun.promise);
      if (!admission.firstByteTimeoutMs) await proxy.stop({ drainMs: 0 });
      await within(10_000, "the end", receive(silent));
    }
  },
);

Deno.test("a SOCKS proxy compares addresses with a zone as they are written", async () => {
  const destinations = new Destinations(["[fe80::1%eth0]:80"]);
  const { signal } = new AbortController();
  const error = await assertRejects(
    () => destinations.connect({ host: "fe80::1%lo", port: 80 }, signal),
    TargetError,
  );
  assertEquals(error.code, "permission-denied");
});

Deno.test("isPublic() distinguishes Internet addresses from special ones", () => {
  for (
    const address of [
      "1.1.1.1",
      "2606:4700::1111",
      "::ffff:8.8.8.8",
      "172.32.0.1",
    ]
  ) {
    assert(isPublic(address), address);
  }
  for (
    const address of [
      "127.0.0.1",
      "10.1.2.3",
      "169.254.169.254",
      "192.168.1.1",
      "100.64.0.1",
      "0.0.0.0",
      "255.255.255.255",
      "224.0.0.1",
      "::",
      "::1",
      "fe80::1",
      "fd00::1",
      "ff02::1",
      "::ffff:127.0.0.1",
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
      "2001::1",
    ]
  ) assert(!isPublic(address), address);
});

Deno.test("a SOCKS proxy is not started with options that mean nothing", () => {
  for (
    const socks of [
      { permit: "all" },
      { permit: ["example.com"] },
      { permit: ["example.com:0"] },
      { permit: ["example.com:70000"] },
      { permit: ["::1:80"] },
      { permit: ["*.example.com:443"] },
      { permit: ["10.0.0.0/8:443"] },
      { credentials: { user: "", password: "x" } },
      { credentials: null },
      { handshakeTimeoutMs: NaN },
      null,
      5,
    ]
  ) {
    assertThrows(
      () => createDialer({ socks } as unknown as Target),
      ArgumentError,
    );
  }
});
