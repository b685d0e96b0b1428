/** Real proxies, and scripted ones that misbehave. */
import {
  connect,
  ConnectError,
  supervise,
  type SupervisorEvent,
  viaProxy,
} from "../../../../mod.ts";
import type { ProxyAddress } from "../../../../src/ssh/dial/proxy/proxy_address.ts";
import { writeAll } from "../../../../src/streams/write_all.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../../assert.ts";
import { ask, connectTo, startEcho } from "../../../forward/rig.ts";
import { serverTest } from "../../../servers/availability.ts";
import { loginOptions } from "../../../servers/login_options.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { startMicrosocks, startTinyproxy } from "../../../servers/proxies.ts";
import { startSshSocks } from "../../../servers/ssh_socks.ts";
import { startTcpServer } from "../../../servers/tcp_server.ts";
import { within } from "../../../within.ts";

const login = { user: "alice", password: "s3cret:@/" };
/** The same as basic authentication has it. */
const encoded = btoa("alice:s3cret:@/");

const protocols = {
  http: startTinyproxy,
  socks5: startMicrosocks,
} as const;

for (const scheme of ["http", "socks5"] as const) {
  const start = protocols[scheme];
  const program = scheme === "http" ? "tinyproxy" : "microsocks";

  serverTest(
    ["sshd", program],
    `viaProxy() reaches sshd through ${program}, by name and by address`,
    async () => {
      await using sshd = await startSshd();
      await using proxy = await start();
      const dial = viaProxy(`${scheme}://127.0.0.1:${proxy.port}`);
      for (const hostname of ["127.0.0.1", "localhost"]) {
        await using connection = await connectTo(sshd, {
          hostname,
          hostKeys: {
            text: sshd.knownHosts.replace("127.0.0.1", hostname),
          },
          dial,
        });
        await using process = await connection.exec("echo $SSH_CONNECTION");
        assertMatch(
          await new Response(process.stdout).text(),
          /^127\.0\.0\.1 /,
        );
      }
    },
  );

  serverTest(
    ["sshd", program],
    `viaProxy() logs in to ${program}, and a wrong password is said without showing it`,
    async () => {
      await using sshd = await startSshd();
      const plain = { ...login, password: "s3cret" };
      await using proxy = await start({ login: plain });
      const via = (login: string) =>
        connectTo(sshd, {
          dial: viaProxy(`${scheme}://${login}127.0.0.1:${proxy.port}`),
        });
      await (await via("alice:s3cret@")).close();
      for (const wrong of ["", "alice:wr0ng@"]) {
        const error = await assertRejects(() => via(wrong), ConnectError);
        assertEquals(error.code, "permission-denied");
        assertMatch(
          error.message,
          /the proxy 127\.0\.0\.1:\d+ .*(user and password|does not take|wants)/,
        );
        const all = Deno.inspect(error);
        assert(!all.includes("wr0ng") && !all.includes(btoa("alice:wr0ng")));
      }
    },
  );

  serverTest(
    program,
    `viaProxy() says what ${program} answers where nothing listens`,
    async () => {
      await using proxy = await start();
      const dial = viaProxy(`${scheme}://127.0.0.1:${proxy.port}`);
      const error = await assertRejects(
        () =>
          dial({
            hostname: "127.0.0.1",
            port: 9,
            signal: AbortSignal.timeout(10_000),
          }),
        ConnectError,
      );
      assertEquals(error.code, "connect-failed");
      assertMatch(error.message, /^the proxy 127.0.0.1:\d+: (it|the server) /);
    },
  );
}

Deno.test("connect() names the proxy as what may be silent where one is on the way", async () => {
  await using proxy = startTcpServer(async (conn) => {
    while (await conn.read(new Uint8Array(1024)) !== null);
  });
  const error = await assertRejects(
    () =>
      connect({
        hostname: "192.0.2.1",
        user: "alice",
        connectTimeoutMs: 50,
        dial: viaProxy(`http://127.0.0.1:${proxy.port}`),
      }),
    ConnectError,
  );
  assertEquals(error.code, "connect-timeout");
  assertMatch(error.message, /did not answer within 50 ms; check the proxy/);
});

serverTest("sshd", "viaProxy() goes through ssh -D", async () => {
  await using sshd = await startSshd();
  await using proxy = await startSshSocks(sshd);
  await using connection = await connectTo(sshd, {
    dial: viaProxy(`socks5://127.0.0.1:${proxy.port}`),
  });
  await connection.ping();
});

/** A scripted proxy; each answer is sent after its request. */
async function answered(
  protocol: ProxyAddress["protocol"],
  answers: (string | number[])[],
  { signal = AbortSignal.timeout(10_000), end = true } = {},
): Promise<{ error?: Error; first?: string; asked: string[] }> {
  const asked: string[] = [];
  const held = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => held.resolve());
  await using server = startTcpServer(async (conn) => {
    const buffer = new Uint8Array(64 * 1024);
    for (const answer of answers) {
      const n = await conn.read(buffer);
      asked.push(
        String.fromCharCode(...buffer.subarray(0, n ?? 0)),
      );
      const bytes = typeof answer === "string"
        ? new TextEncoder().encode(answer)
        : Uint8Array.from(answer);
      for (let done = 0; done < bytes.length;) {
        done += await conn.write(bytes.subarray(done));
      }
    }
    if (!end) await held.promise;
  });
  const user = encodeURIComponent(login.user);
  const password = encodeURIComponent(login.password);
  const dial = viaProxy(
    `${protocol}://${user}:${password}@127.0.0.1:${server.port}`,
  );
  try {
    const { readable, close } = await dial({
      hostname: "server.example",
      port: 2222,
      signal,
    });
    const reader = readable.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    await close?.();
    return { first: new TextDecoder().decode(value), asked };
  } catch (error) {
    return { error: error as Error, asked };
  }
}

Deno.test("viaProxy() asks an HTTP proxy as RFC 9110 and 7617 have it, and leaves the server's first bytes", async () => {
  const { first, asked } = await answered("http", [
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 Yes\r\nVia: x\r\n\r\nSSH-2.0-x\r\n",
  ]);
  assertEquals(first, "SSH-2.0-x\r\n");
  assertEquals(asked, [
    [
      "CONNECT server.example:2222 HTTP/1.1",
      "Host: server.example:2222",
      `Proxy-Authorization: Basic ${encoded}`,
      ...["", ""],
    ].join("\r\n"),
  ]);
});

Deno.test("viaProxy() asks a SOCKS proxy as RFC 1928 and 1929 have it, and leaves the server's first bytes", async () => {
  const domain = [3, 4, ..."name"].map((it) =>
    typeof it === "number" ? it : it.charCodeAt(0)
  );
  const { first, asked } = await answered("socks5", [
    [5, 2],
    [1, 0],
    [5, 0, 0, ...domain, 8, 0, ..."SSH-2.0-y"].map((it) =>
      typeof it === "number" ? it : it.charCodeAt(0)
    ),
  ]);
  assertEquals(first, "SSH-2.0-y");
  assertEquals(asked, [
    "\x05\x02\x00\x02",
    "\x01\x05alice\x09s3cret:@/",
    "\x05\x01\x00\x03\x0eserver.example\x08\xae",
  ]);
});

Deno.test("viaProxy() ends with an error at whatever a proxy answers", async () => {
  const cases: [ProxyAddress["protocol"], (string | number[])[], RegExp][] = [
    ["http", ["HTTP/1.1 403 Filtered\x1b[31m\r\n\r\n"], /403 Filtered$/],
    ["http", ["HTTP/1.1 403 not for alice\r\n\r\n"], /with 403 …$/],
    ["http", [`HTTP/1.1 407 not ${encoded}\r\n\r\n`], /answered 407 …: /],
    ["http", [`HTTP/9 ${encoded}\r\n\r\n`], /it answered with …$/],
    ["http", ["SSH-2.0-OpenSSH_9.2\r\n"], /does not speak HTTP$/],
    ["http", ["HTTP/9 yes\n\n"], /it answered with HTTP\/9 yes$/],
    ["http", [`HTTP/1.1 200 Yes\r\n${"x: y\r\n".repeat(4000)}`], /16384 bytes/],
    ["http", ["HTTP/1.1 100 A\r\n\r\n".repeat(20)], /interim/],
    ["http", ["HTTP/1.1 200 OK\r\n"], /closed .* without an answer$/],
    ["http", [""], /closed|reset/],
    [
      "http",
      ["HTTP/1.1 302 Found\r\nLocation: http://x.example/\r\n\r\n"],
      /refused the tunnel with 302 Found$/,
    ],
    ["http", ["HTTP/1.1 500 a\0\x07\u202eb\r\n\r\n"], /with 500 a[ -~]*b$/],
    ["http", ["HTTP/1.1 101 Other\r\n\r\n"], /closed .* without an answer$/],
    ["http", ["HTTP/1.1 20 OK\r\n\r\n"], /answered with HTTP\/1\.1 20 OK$/],
    ["http", ["HTTP/2 200\r\n\r\n"], /answered with HTTP\/2 200$/],
    ["http", ["HTTP/1.1 0200 OK\r\n\r\n"], /answered with HTTP\/1\.1 0200 OK$/],
    ["http", ["\r\nHTTP/1.1 200 OK\r\n\r\n"], /does not speak HTTP$/],
    ["http", ["HTTP/1.1 407\r\n\r\n"], /answered 407: check user and/],
    ["http", ["HTTP/1.1 401 No\r\n\r\n"], /answered 401 No: check user and/],
    ["socks5", ["HTTP/1.1 400 Bad\r\n\r\n"], /does not speak SOCKS 5$/],
    ["socks5", [[5, 0], [5, 5, 0, 1]], /refused the connection$/],
    ["socks5", [[5, 0], [5, 2, 0, 1]], /rules do not allow it$/],
    ["socks5", [[5, 0], [5, 99, 0, 1]], /it failed with 99$/],
    ["socks5", [[5, 0], [5, 0, 0, 7]], /unknown kind of address, 7$/],
    ["socks5", [[5, 0], [5, 0, 0, 3, 255, 1]], /before its answer/],
    ["socks5", [[5]], /before its answer/],
    ["socks5", [[5, 1]], /does not take a user and a password$/],
    ["socks5", [[5, 0xff]], /does not take a user and a password$/],
    ["socks5", [[4, 0]], /does not speak SOCKS 5$/],
    ["socks5", [[5, 2], [1, 1]], /refused the login: check user and password/],
    ["socks5", [[5, 2], [1]], /before its answer/],
    ["socks5", [[5, 0], [4, 0, 0, 1]], /does not speak SOCKS 5$/],
    ["socks5", [[5, 0], [5, 1, 0, 1]], /it failed$/],
    ["socks5", [[5, 0], [5, 3, 0, 1]], /network is unreachable$/],
    ["socks5", [[5, 0], [5, 4, 0, 1]], /host is unreachable/],
    ["socks5", [[5, 0], [5, 6, 0, 1]], /connection timed out$/],
    ["socks5", [[5, 0], [5, 7, 0, 1]], /cannot connect to others$/],
    ["socks5", [[5, 0], [5, 8, 0, 1]], /this kind of address$/],
    ["socks5", [[5, 0], [5, 0, 0, 1, 1]], /before its answer/],
    ["socks5", [[5, 0], [5, 0, 0, 4, 1]], /before its answer/],
  ];
  for (const [protocol, answers, why] of cases) {
    const { error } = await answered(protocol, answers);
    assert(error instanceof ConnectError, `${why}`);
    assertMatch(error.message, why);
    assert(!error.message.includes("s3cret"));
    assert(!error.message.includes(encoded));
  }
});

for (const protocol of ["http", "socks5"] as const) {
  Deno.test(`viaProxy() stops waiting for a silent ${protocol} proxy when the signal aborts`, async () => {
    const over = new AbortController();
    const reason = new Error("enough");
    const work = answered(protocol, [""], { signal: over.signal, end: false });
    const timer = setTimeout(() => over.abort(reason), 30);
    const { error } = await work;
    clearTimeout(timer);
    assertEquals(error, reason);
  });
}

Deno.test("viaProxy() takes the tunnel however a proxy words its answer, and cuts it into pieces", async () => {
  for (
    const head of [
      "HTTP/1.1 200\r\n\r\n",
      "HTTP/1.0 200 Connection established\n\n",
      "HTTP/1.1 299 \u00fc\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n",
    ]
  ) {
    const { first } = await answered("http", [`${head}SSH-`]);
    assertEquals(first, "SSH-", head);
  }
  const pieces = async (text: string) => {
    await using proxy = startTcpServer(async (conn) => {
      conn.setNoDelay(true);
      await conn.read(new Uint8Array(1024));
      for (const byte of new TextEncoder().encode(text)) {
        await conn.write(Uint8Array.of(byte));
        await new Promise((resolve) => setTimeout(resolve));
      }
    });
    const { readable, close } = await viaProxy(
      `http://127.0.0.1:${proxy.port}`,
    )({ hostname: "h", port: 22, signal: AbortSignal.timeout(10_000) });
    const rest = await new Response(readable).text();
    await close?.();
    return rest;
  };
  assertEquals(await pieces("HTTP/1.1 200 OK\r\n\r\nSSH-2"), "SSH-2");
});

/** Passes on so many bytes at most. */
async function pass(
  from: Deno.Conn,
  to: Deno.Conn,
  most: number,
): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  try {
    for (let left = most; left > 0;) {
      const n = await from.read(buffer);
      if (n === null) return;
      await writeAll(to, buffer.subarray(0, Math.min(n, left)));
      left -= n;
    }
  } catch {
    // The other direction has ended it.
  }
}

serverTest(
  "sshd",
  "a supervisor connects again through a proxy that ends each connection at another point",
  async () => {
    await using sshd = await startSshd();
    await using echo = startEcho("echo");
    // How many bytes of the server it passes on before it ends a connection.
    const ends = [0, 10, 100, 1500];
    const live: Deno.TcpConn[] = [];
    await using proxy = startTcpServer(async (conn) => {
      live.push(conn);
      await conn.read(new Uint8Array(1024));
      using server = await Deno.connect({
        hostname: sshd.hostname,
        port: sshd.port,
      });
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
      await Promise.race([
        pass(conn, server, Infinity),
        pass(server, conn, ends.shift() ?? Infinity),
      ]);
    });
    const events: SupervisorEvent[] = [];
    await using supervisor = supervise({
      connect: loginOptions(sshd, {
        dial: viaProxy(`http://127.0.0.1:${proxy.port}`),
      }),
      tunnels: [{ bind: { port: 0 }, target: { port: echo.port } }],
      connectRetry: { firstMs: 1, maxMs: 1 },
      onEvent: (event) => events.push(event),
    });
    await within(15_000, "the connection", supervisor.ready);
    assertEquals(
      events.filter(({ type }) => type === "connecting").length,
      5,
    );
    live.at(-1)!.close();
    const again = async () => {
      for await (const { state, reconnects, tunnels } of supervisor) {
        if (state === "up" && reconnects > 0) {
          return (tunnels[0]!.bound as { port: number }).port;
        }
      }
      throw new Error("it has stopped");
    };
    const port = await within(15_000, "the next connection", again());
    assertEquals(await ask(port, "hi"), "echo: hi");
  },
);
