/** What connect() reports where no server answers, or something other than an SSH server does. */
import { ConnectError } from "../../src/errors.ts";
import { connect } from "../../src/ssh/connect.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { freePort } from "../servers/free_port.ts";
import { startFullPort, startTcpServer } from "../servers/tcp_server.ts";
import { loginOptions } from "../servers/login_options.ts";
import { within } from "../within.ts";
import { optionsOf, stayOpen, write } from "./connect_rig.ts";

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
    const options = loginOptions(server, {
      hostname: host,
      hostKeys: { text },
    });
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
  const port = freePort();

  const error = await assertRejects(
    () => connect(optionsOf({ hostname: "127.0.0.1", port })),
    ConnectError,
  );

  assertEquals(error.code, "connect-failed");
  assertMatch(error.message, /refused the connection/);
});

Deno.test("connect() fails in time on a port that does not answer", async () => {
  await using port = await startFullPort();
  const error = await assertRejects(
    () => connect(optionsOf(port, { connectTimeoutMs: 100 })),
    ConnectError,
  );
  assertEquals(error.code, "connect-timeout");
  assertMatch(error.message, /within 100 ms/);
});

/** What else may listen on a port, and what connect() reports. */
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
    /before identifying itself; .*MaxStartups/,
  ],
  [
    "resets at once",
    async (conn) => {
      // Closing with unread bytes is a reset.
      await conn.read(new Uint8Array(1));
    },
    "protocol-error",
    /before identifying itself|does not speak SSH/,
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
  Deno.test(`connect() reports a server that ${what}`, async () => {
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

async function writeForEver(conn: Deno.TcpConn, text: string): Promise<void> {
  while (true) await write(conn, text);
}
