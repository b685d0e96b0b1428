import {
  ArgumentError,
  AuthenticationError,
  ConnectError,
  ConnectionLostError,
  HostKeyError,
} from "../../src/errors.ts";
import { connect } from "../../src/ssh/connect.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import type { ConnectOptions } from "../../src/ssh/connect_options.ts";
import { startTestServer, type TestServer } from "../../src/testing/mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { type Proxy, startProxy } from "../servers/proxy.ts";
import { startFullPort, startTcpServer } from "../servers/tcp_server.ts";
import { within } from "../within.ts";

/** Options that get into a test server, or would if it were not for what a test changes. */
function optionsFor(
  server: TestServer,
  changes: Partial<ConnectOptions> = {},
): ConnectOptions {
  return {
    hostname: server.hostname,
    port: server.port,
    user: server.user,
    password: server.password,
    hostKeys: { text: server.knownHosts },
    ...changes,
  };
}

/** Options for a port where no SSH server is. */
function optionsOf(
  where: { hostname: string; port: number },
  changes: Partial<ConnectOptions> = {},
): ConnectOptions {
  return { ...where, user: "alice", hostKeys: { text: "" }, ...changes };
}

Deno.test("connect() names an option that cannot be used, and dials nobody", async () => {
  await using server = await startTestServer();
  const bad: [string, unknown][] = [
    ...[65536, -1, 0, 1.5, NaN, Infinity, "22"].map((
      port,
    ): [string, unknown] => [
      "port",
      { port },
    ]),
    ...["", "two words", "a\nb", "a\0b", "x".repeat(256), 7].map(
      (hostname): [string, unknown] => ["hostname", { hostname }],
    ),
    ["user", { user: "" }],
    ["user", { user: "a\0b" }],
    ["user", { user: undefined }],
    ["onBanner", { onBanner: "show it" }],
    ["connectTimeoutMs", { connectTimeoutMs: -1 }],
    ["connectTimeoutMs", { connectTimeoutMs: NaN }],
    ["connectTimeoutMs", { connectTimeoutMs: 2 ** 31 }],
    ["requestTimeoutMs", { requestTimeoutMs: "10" }],
    ["keepalive.intervalMs", { keepalive: { intervalMs: -1 } }],
    ...[0, -1, 1.5, NaN, "3"].map((countMax): [string, unknown] => [
      "keepalive.countMax",
      { keepalive: { countMax } },
    ]),
    ["addressFamily", { addressFamily: 0 }],
    ["addressFamily", { addressFamily: "inet" }],
    ["agent", { agent: "" }],
    ["password", { password: 1234 }],
    ["privateKeys", { privateKeys: "/home/alice/.ssh/id_ed25519" }],
    ...["/home/alice/.ssh/id_ed25519", null, {}, { text: 7 }].map(
      (key): [string, unknown] => ["privateKeys[1]", {
        privateKeys: [{ text: "" }, key],
      }],
    ),
    ["privateKeys[0].file", { privateKeys: [{ file: "" }] }],
    ["agentKeys", { agentKeys: "/home/alice/.ssh/id_ed25519.pub" }],
    ["agentKeys[0]", { agentKeys: ["ssh-ed25519 AAAA"] }],
    ["maxPrompts", { maxPrompts: 0 }],
    ...["aes128-ctr", [], [7]].map((cipher): [string, unknown] => [
      "algorithms.cipher",
      { algorithms: { cipher } },
    ]),
  ];
  for (const [argument, changes] of bad) {
    const error = await assertRejects(
      () => connect(optionsFor(server, changes as Partial<ConnectOptions>)),
      ArgumentError,
    );
    assertEquals(error.argument, argument, error.message);
    assert(!error.message.includes(server.password));
    assertEquals(server.connections, 0);
  }
});

Deno.test("connect() names a list of algorithms with one that it does not have", async () => {
  await using server = await startTestServer();
  for (const list of ["cipher", "kex", "mac", "serverHostKey"]) {
    const error = await assertRejects(
      () =>
        connect(optionsFor(server, { algorithms: { [list]: ["nonsense"] } })),
      ArgumentError,
    );
    assertEquals(error.argument, `algorithms.${list}`);
    assertMatch(error.message, /nonsense/);
  }
});

for (
  const cipher of [
    "aes128-ctr",
    "aes256-ctr",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
  ]
) {
  Deno.test({
    name: `connect() connects with the algorithms that are named (${cipher})`,
    // Deno keeps a cipher until its final(), which ssh2 does not call for these.
    sanitizeResources: !cipher.endsWith("ctr"),
    fn: () => connectWith(cipher),
  });
}

async function connectWith(cipher: string): Promise<void> {
  await using server = await startTestServer();
  await using connection = await connect(
    optionsFor(server, {
      algorithms: {
        cipher: [cipher],
        kex: ["ecdh-sha2-nistp256"],
        mac: ["hmac-sha2-512-etm@openssh.com"],
        serverHostKey: ["ssh-ed25519"],
      },
    }),
  );
  assertEquals(connection.server.cipher, {
    toServer: cipher,
    toClient: cipher,
  });
}

Deno.test("connect() prefers chacha20-poly1305, and a kind of host key that is known", async () => {
  await using server = await startTestServer();
  await using connection = await connect(optionsFor(server));

  assertEquals(
    connection.server.cipher.toServer,
    "chacha20-poly1305@openssh.com",
  );
  assertEquals(
    connection.server.hostKeyFingerprint,
    server.hostKeyFingerprint,
  );
});

Deno.test("connect() says so if no algorithm is shared", async () => {
  await using server = await startTestServer();
  const error = await assertRejects(
    () =>
      connect(
        optionsFor(server, { algorithms: { serverHostKey: ["rsa-sha2-512"] } }),
      ),
    ConnectError,
  );
  assertEquals(error.code, "protocol-error");
  assertMatch(error.message, /key exchange with 127\.0\.0\.1:\d+ failed/);
  assertMatch(
    error.message,
    /no host key algorithms in common: .*rsa-sha2-512; .*ssh-ed25519/,
  );
});

Deno.test("connect() tells an unknown, a changed and a revoked host key apart", async () => {
  await using server = await startTestServer();
  await using other = await startTestServer();
  const line = (from: TestServer) =>
    from.knownHosts.replace(`:${from.port}`, `:${server.port}`);
  const cases = [
    ["unknown", ""],
    ["changed", line(other)],
    ["revoked", `@revoked ${line(server)}${line(server)}`],
  ] as const;
  for (const [reason, text] of cases) {
    const error = await assertRejects(
      () => connect(optionsFor(server, { hostKeys: { text } })),
      HostKeyError,
    );
    assertEquals(error.reason, reason);
    assertEquals(error.code, `host-key-${reason}`);
    assertEquals(error.fingerprint, server.hostKeyFingerprint);
  }
});

Deno.test("connect() asks about the host key once, and before anything else", async () => {
  await using server = await startTestServer();
  const asked: string[] = [];
  await using _ = await connect(optionsFor(server, {
    hostKeys: (key) => {
      asked.push(key.fingerprint);
      return Promise.resolve(true);
    },
  }));
  assertEquals(asked, [server.hostKeyFingerprint]);

  const error = await assertRejects(
    () => connect(optionsFor(server, { hostKeys: () => false })),
    HostKeyError,
  );
  assertEquals(error.reason, "rejected");
});

Deno.test("connect() says that a name has no address", async () => {
  const error = await assertRejects(
    () => connect(optionsOf({ hostname: "no-such-host.invalid", port: 22 })),
    ConnectError,
  );
  assertEquals(error.code, "host-not-found");
  assertEquals([error.hostname, error.port], ["no-such-host.invalid", 22]);
});

Deno.test("connect() takes only addresses of the family that is asked", async () => {
  await using server = await startTestServer();
  for (const host of ["127.0.0.1", "localhost"]) {
    const text = server.knownHosts.replace("127.0.0.1", host);
    const options = optionsFor(server, { hostname: host, hostKeys: { text } });
    await using connection = await connect({ ...options, addressFamily: 4 });
    assertEquals(connection.server.hostname, host);
  }
  for (
    const [hostname, addressFamily] of [
      ["127.0.0.1", 6],
      ["::1", 4],
      ["no-such-host.invalid", 4],
    ] as const
  ) {
    const error = await assertRejects(
      () => connect(optionsOf({ hostname, port: 22 }, { addressFamily })),
      ConnectError,
    );
    assertEquals(error.code, "host-not-found");
    assertMatch(error.message, new RegExp(`no IPv${addressFamily} address`));
  }
});

Deno.test("connect() says that a port is closed", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();

  const error = await assertRejects(
    () => connect(optionsOf({ hostname: "127.0.0.1", port })),
    ConnectError,
  );

  assertEquals(error.code, "connect-failed");
  assertMatch(error.message, /refused the connection/);
});

Deno.test("connect() gives up on a port that does not answer", async () => {
  await using port = await startFullPort();
  const error = await assertRejects(
    () => connect(optionsOf(port, { connectTimeoutMs: 100 })),
    ConnectError,
  );
  assertEquals(error.code, "connect-timeout");
  assertMatch(error.message, /within 100 ms/);
});

for (const network of [{ slice: 1 }, { slice: 7 }, { delayMs: 20 }]) {
  Deno.test(`connect() works over a network at its worst (${JSON.stringify(network)})`, async () => {
    await using server = await startTestServer({
      exec: async (_, { stdin, stdout }) => {
        await stdin.pipeTo(stdout, { preventClose: true });
        return 0;
      },
    });
    await using proxy = startProxy(server, network);
    await using connection = await connect(optionsThrough(proxy, server));
    await using process = await connection.exec("cat");
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("a few bytes"));
    await writer.close();
    const { stdout } = await process.output();
    assertEquals(new TextDecoder().decode(stdout), "a few bytes");
  });
}

Deno.test("a connection that is cut is lost at once", async () => {
  await using server = await startTestServer();
  await using proxy = startProxy(server);
  await using connection = await connect(optionsThrough(proxy, server));

  proxy.cut();

  const { reason, error } = await within(1000, "the end", connection.closed);
  assertEquals(reason, "lost");
  assertMatch(error!.message, /^the server closed the connection$|reset/);
});

Deno.test("a connection that somebody tampers with is lost", async () => {
  for (
    const cipher of ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"]
  ) {
    await using server = await startTestServer();
    await using proxy = startProxy(server);
    await using connection = await connect({
      ...optionsThrough(proxy, server),
      algorithms: { cipher: [cipher] },
    });
    const asking = assertRejects(
      () => connection.requestForward({ hostname: "127.0.0.1", port: 0 }),
      ConnectionLostError,
    );

    proxy.corrupt();

    const { error } = await within(1000, "the end", connection.closed);
    assertEquals(await asking, error);
  }
});

/** Options that get into a test server by way of a proxy. */
function optionsThrough(proxy: Proxy, server: TestServer): ConnectOptions {
  const { hostname, port } = proxy;
  const knownHosts = server.knownHosts.replace(/:\d+/, `:${port}`);
  return optionsFor(server, { hostname, port, hostKeys: { text: knownHosts } });
}

/** What else may listen on a port, and what connect() makes of it. */
const strangers: [
  string,
  (conn: Deno.TcpConn) => Promise<void>,
  string,
  RegExp,
][] = [
  [
    "speaks HTTP",
    async (conn) => {
      await conn.read(new Uint8Array(100));
      await write(conn, "HTTP/1.1 400 Bad Request\r\n\r\n");
    },
    "protocol-error",
    /does not speak SSH 2: it said "HTTP\/1\.1 400 Bad Request"/,
  ],
  [
    "speaks HTTP, a byte at a time",
    async (conn) => {
      await conn.read(new Uint8Array(100));
      for (const byte of "HTTP/1.1 400 Bad Request\r\n\r\n") {
        await write(conn, byte);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    "protocol-error",
    /does not speak SSH 2: it said "HTTP\/1\.1 400 Bad Request"/,
  ],
  [
    "says nothing",
    stayOpen,
    "connect-timeout",
    /said nothing within 1000 ms; is it an SSH server/,
  ],
  [
    "closes at once",
    () => Promise.resolve(),
    "protocol-error",
    /without a word; .*MaxStartups/,
  ],
  [
    "resets at once",
    async (conn) => {
      // Closing with unread bytes is a reset.
      await conn.read(new Uint8Array(1));
    },
    "protocol-error",
    /without a word|does not speak SSH/,
  ],
  [
    "sends garbage without end",
    (conn) => writeForEver(conn, "\x1b[31mgarbage\x07".repeat(1000)),
    "protocol-error",
    /does not speak SSH 2: it said "garbage /,
  ],
  [
    "sends lines without end",
    (conn) => writeForEver(conn, "welcome\r\n".repeat(100)),
    "protocol-error",
    /does not speak SSH 2: it said "welcome"/,
  ],
  [
    "sends lines without end, a few at a time",
    async (conn) => {
      while (true) {
        await write(conn, "welcome\r\n".repeat(100));
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    },
    "protocol-error",
    /does not speak SSH 2: it said "welcome"/,
  ],
  [
    "sends half a greeting, then nothing",
    async (conn) => {
      await write(conn, "SSH-");
      await stayOpen(conn);
    },
    "connect-timeout",
    /did not complete the key exchange within 1000 ms/,
  ],
  [
    "greets, then says nothing",
    async (conn) => {
      await write(conn, "SSH-2.0-Silent\r\n");
      await stayOpen(conn);
    },
    "connect-timeout",
    /did not complete the key exchange within 1000 ms/,
  ],
  [
    "greets, then closes",
    (conn) => write(conn, "SSH-2.0-Short\r\n"),
    "protocol-error",
    /key exchange with .* failed/,
  ],
  [
    "greets, then sends garbage",
    async (conn) => {
      await write(conn, "SSH-2.0-Garbage\r\n");
      await writeForEver(conn, "garbage".repeat(1000));
    },
    "protocol-error",
    /key exchange with .* failed/,
  ],
  [
    "speaks SSH 1",
    async (conn) => {
      await write(conn, "SSH-1.5-Old\r\n");
      await stayOpen(conn);
    },
    "protocol-error",
    /does not speak SSH 2: it said "SSH-1\.5-Old"/,
  ],
];

for (const [what, serve, code, message] of strangers) {
  Deno.test(`connect() tells of a server that ${what}`, async () => {
    await using server = startTcpServer(serve);
    const connectTimeoutMs = code === "connect-timeout" ? 1000 : 20_000;
    const error = await within(
      25_000,
      "connect()",
      assertRejects(
        () => connect(optionsOf(server, { connectTimeoutMs })),
        ConnectError,
      ),
    );
    assertEquals(error.code, code, error.message);
    assertMatch(error.message, message);
    assertEquals([error.hostname, error.port], [server.hostname, server.port]);
  });
}

async function write(conn: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) {
    done += await conn.write(bytes.subarray(done));
  }
}

async function writeForEver(conn: Deno.TcpConn, text: string): Promise<void> {
  while (true) await write(conn, text);
}

async function stayOpen(conn: Deno.TcpConn): Promise<void> {
  while (await conn.read(new Uint8Array(1000)) !== null);
}

Deno.test("connect() waits for a callback of the user as long as it takes", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  const dawdle = () => new Promise((resolve) => setTimeout(resolve, 1250));
  await using connection = await connect(optionsFor(server, {
    connectTimeoutMs: 1000,
    hostKeys: async () => {
      await dawdle();
      return true;
    },
    keyboardInteractive: async () => {
      await dawdle();
      return [server.password];
    },
  }));
  assertEquals(connection.signal.aborted, false);

  await using other = await startTestServer();
  await using _ = await connect(optionsFor(other, {
    connectTimeoutMs: 1000,
    password: async () => {
      await dawdle();
      return other.password;
    },
  }));
});

const reason = new Error("enough");

Deno.test("connect() does nothing if the signal has aborted before", async () => {
  await using server = await startTestServer();
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(
    () => connect(optionsFor(server, { signal })),
    Error,
  );
  assertEquals(error, reason);
  assertEquals(server.connections, 0);
});

/** A stage that does not end: tells when connect() is in it. */
type Stage = (
  enter: () => void,
) => Promise<ConnectOptions & { stack: AsyncDisposableStack }>;

const never = new Promise<never>(() => {});

const stages: [string, Stage][] = [
  ["asks for a passphrase", async (enter) => {
    const { privateKey } = await encryptedKey();
    const stack = new AsyncDisposableStack();
    const server = stack.use(
      await startTestServer({
        authorizedKeys: (await generateKeyPair()).publicKey,
      }),
    );
    return {
      ...optionsFor(server),
      privateKeys: [{
        text: privateKey,
        passphrase: () => {
          enter();
          return never;
        },
      }],
      stack,
    };
  }],
  ["asks for a password", async (enter) => {
    const stack = new AsyncDisposableStack();
    const server = stack.use(await startTestServer());
    return {
      ...optionsFor(server),
      password: () => {
        enter();
        return never;
      },
      stack,
    };
  }],
  ["dials", async (enter) => {
    const stack = new AsyncDisposableStack();
    const port = stack.use(await startFullPort());
    setTimeout(enter, 50);
    return { ...optionsOf(port), stack };
  }],
  ["waits for the server's greeting", (enter) => {
    const stack = new AsyncDisposableStack();
    const server = stack.use(startTcpServer(async (conn) => {
      await conn.read(new Uint8Array(100));
      enter();
      await stayOpen(conn);
    }));
    return Promise.resolve({ ...optionsOf(server), stack });
  }],
  ["exchanges keys", (enter) => {
    const stack = new AsyncDisposableStack();
    const server = stack.use(startTcpServer(async (conn) => {
      await write(conn, "SSH-2.0-Silent\r\n");
      const buffer = new Uint8Array(1000);
      for (let n = 0; n < 500;) n += await conn.read(buffer) ?? 0;
      enter();
      await stayOpen(conn);
    }));
    return Promise.resolve({ ...optionsOf(server), stack });
  }],
  ["asks about the host key", async (enter) => {
    const stack = new AsyncDisposableStack();
    const server = stack.use(await startTestServer());
    return {
      ...optionsFor(server),
      hostKeys: () => {
        enter();
        return never;
      },
      stack,
    };
  }],
  ["asks the user", async (enter) => {
    const stack = new AsyncDisposableStack();
    const server = stack.use(
      await startTestServer({ keyboardInteractive: true }),
    );
    return {
      ...optionsFor(server),
      keyboardInteractive: () => {
        enter();
        return never;
      },
      stack,
    };
  }],
];

async function encryptedKey(): Promise<{ privateKey: string }> {
  const { generateKeyPairSync } = await import("node:crypto");
  return generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: {
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "sesame",
    },
  });
}

for (const [what, prepare] of stages) {
  Deno.test(`connect() gives up at once when the signal aborts while it ${what}`, async () => {
    const entered = Promise.withResolvers<void>();
    const { stack, ...options } = await prepare(entered.resolve);
    await using _ = stack;
    const stop = new AbortController();
    const connecting = assertRejects(
      () => connect({ ...options, signal: stop.signal }),
      Error,
    );
    await entered.promise;

    stop.abort(reason);

    assertEquals(await within(1000, "connect()", connecting), reason);
  });
}

Deno.test("connect() gives up at whatever moment the signal aborts", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  for (let ms = 0; ms < 30; ms++) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(reason), ms);
    try {
      await using connection = await connect(
        optionsFor(server, { signal: stop.signal }),
      );
      assertEquals(connection.signal.aborted, false);
    } catch (error) {
      assertEquals(error, reason);
    } finally {
      clearTimeout(timer);
    }
  }
});

Deno.test("connect() leaves the signal alone once it has settled", async () => {
  await using server = await startTestServer();
  const stop = new AbortController();
  const { signal } = stop;
  await using connection = await connect(optionsFor(server, { signal }));
  await assertRejects(
    () => connect(optionsFor(server, { signal, password: "wrong" })),
    AuthenticationError,
  );
  await assertRejects(
    () =>
      connect(optionsFor(server, { signal, algorithms: { cipher: ["x"] } })),
    ArgumentError,
  );

  stop.abort(reason);

  assertEquals(connection.signal.aborted, false);
  await connection.close();
});

for (const [what, late] of [["true", true], ["false", false]] as const) {
  Deno.test(`connect() does not mind a host key callback that answers ${what} too late`, async () => {
    await using server = await startTestServer();
    const answer = Promise.withResolvers<boolean>();
    const asked = Promise.withResolvers<void>();
    const stop = new AbortController();
    const connecting = assertRejects(
      () =>
        connect(optionsFor(server, {
          signal: stop.signal,
          hostKeys: () => {
            asked.resolve();
            return answer.promise;
          },
        })),
      Error,
    );
    await asked.promise;
    stop.abort(reason);
    assertEquals(await connecting, reason);

    answer.resolve(late);
    // A timer or a rejection that is left behind shows in the sanitizers.
    await new Promise((resolve) => setTimeout(resolve, 10));
  });
}

Deno.test("connect() sees at once that the server goes while the user is asked", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  const answer = Promise.withResolvers<string[]>();
  const asked = Promise.withResolvers<void>();
  const connecting = assertRejects(
    () =>
      connect(optionsFor(server, {
        keyboardInteractive: () => {
          asked.resolve();
          return answer.promise;
        },
      })),
    ConnectError,
  );
  await asked.promise;
  await server.disconnectAll();

  const error = await within(1000, "connect()", connecting);
  assertEquals(error.code, "protocol-error");
  assertMatch(error.message, /^the login to .* broke off: .*tried: /);
  answer.resolve(["late"]);
  await new Promise((resolve) => setTimeout(resolve, 10));
});
