/** Real proxies, and scripted ones that misbehave. */
import { connect, ConnectError, viaProxy } from "../../../../mod.ts";
import type { ProxyAddress } from "../../../../src/ssh/dial/proxy/proxy_address.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../../assert.ts";
import { connectTo } from "../../../forward/rig.ts";
import { serverTest } from "../../../servers/availability.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { startMicrosocks, startTinyproxy } from "../../../servers/proxies.ts";
import { startSshSocks } from "../../../servers/ssh_socks.ts";
import { startTcpServer } from "../../../servers/tcp_server.ts";

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
    ["socks5", ["HTTP/1.1 400 Bad\r\n\r\n"], /does not speak SOCKS 5$/],
    ["socks5", [[5, 0], [5, 5, 0, 1]], /refused the connection$/],
    ["socks5", [[5, 0], [5, 2, 0, 1]], /rules do not allow it$/],
    ["socks5", [[5, 0], [5, 99, 0, 1]], /it failed with 99$/],
    ["socks5", [[5, 0], [5, 0, 0, 7]], /unknown kind of address, 7$/],
    ["socks5", [[5, 0], [5, 0, 0, 3, 255, 1]], /before its answer/],
    ["socks5", [[5]], /before its answer/],
    ["socks5", [[5, 1]], /does not take a user and a password$/],
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
