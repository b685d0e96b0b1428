/** The signal of connect() aborts the attempt at each stage. */
import { ArgumentError, AuthenticationError } from "../../src/errors.ts";
import { connect } from "../../src/ssh/connect.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import type { ConnectOptions } from "../../src/ssh/connect_options.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { startFullPort, startTcpServer } from "../servers/tcp_server.ts";
import { loginOptions } from "../servers/login_options.ts";
import { within } from "../within.ts";
import { optionsOf, stayOpen, write } from "./connect_rig.ts";

const reason = new Error("enough");

Deno.test("connect() does nothing if the signal has aborted before", async () => {
  await using server = await startTestServer();
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(
    () => connect(loginOptions(server, { signal })),
    Error,
  );
  assertEquals(error, reason);
  assertEquals(server.connections, 0);
});

/** A stage that does not end: calls `enter` when connect() has reached it. */
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
      ...loginOptions(server),
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
      ...loginOptions(server),
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
      ...loginOptions(server),
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
      ...loginOptions(server),
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
  Deno.test(`connect() stops at once when the signal aborts while it ${what}`, async () => {
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

    assertEquals(await within(10_000, "connect()", connecting), reason);
  });
}

Deno.test("connect() stops at whatever moment the signal aborts", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  for (let ms = 0; ms < 30; ms++) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(reason), ms);
    try {
      await using connection = await connect(
        loginOptions(server, { signal: stop.signal }),
      );
      assertEquals(connection.signal.aborted, false);
    } catch (error) {
      assertEquals(error, reason);
    } finally {
      clearTimeout(timer);
    }
  }
});

Deno.test("connect() ignores the signal once it has settled", async () => {
  await using server = await startTestServer();
  const stop = new AbortController();
  const { signal } = stop;
  await using connection = await connect(loginOptions(server, { signal }));
  await assertRejects(
    () => connect(loginOptions(server, { signal, password: "wrong" })),
    AuthenticationError,
  );
  await assertRejects(
    () =>
      connect(loginOptions(server, { signal, algorithms: { cipher: ["x"] } })),
    ArgumentError,
  );

  stop.abort(reason);

  assertEquals(connection.signal.aborted, false);
  await connection.close();
});

for (const [what, late] of [["true", true], ["false", false]] as const) {
  Deno.test(`connect() ignores a host key callback that answers ${what} too late`, async () => {
    await using server = await startTestServer();
    const answer = Promise.withResolvers<boolean>();
    const asked = Promise.withResolvers<void>();
    const stop = new AbortController();
    const connecting = assertRejects(
      () =>
        connect(loginOptions(server, {
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
