/** connect() and servers that are not what they claim to be. */
import { Buffer } from "node:buffer";
import type { Connection } from "ssh2";
import { ConnectError } from "../../src/errors.ts";
import { connect } from "../../src/ssh/connect.ts";
import { nativeEngine } from "../../src/ssh/native/native_engine.ts";
import { ssh2 } from "../../src/ssh/ssh2/mod.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { Ssh2Socket } from "../../src/testing/ssh2_socket.ts";
import type { HostKeyPolicy } from "../../src/ssh/host_keys/host_key_policy.ts";
import { ServedHostKey } from "../../src/testing/served_host_key.ts";
import { startTestServer } from "../../src/testing/mod.ts";
import { acceptClient } from "../../src/testing/ssh2_server.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../assert.ts";
import { startTcpServer } from "../servers/tcp_server.ts";
import { within } from "../within.ts";

/** What of ssh2's server a test needs to make it hurry. */
interface HastyProtocol {
  parse(chunk: Uint8Array, start: number, end: number): void;
  readonly _kex?: { readonly _sentNEWKEYS: boolean; finish(): void };
  readonly _authsQueue: string[];
  serviceAccept(name: string): void;
  authFailure(methods: string[]): void;
  authSuccess(): void;
}

/** A server that continues before the client has accepted its host key. */
async function startHastyServer(haste: (protocol: HastyProtocol) => void) {
  const hostKey = new ServedHostKey((await generateKeyPair()).privateKey);
  const received: Uint8Array[] = [];
  const server = startTcpServer(async (conn) => {
    const socket = new Ssh2Socket({
      async read(p) {
        const n = await conn.read(p);
        if (n !== null) received.push(p.slice(0, n));
        return n;
      },
      write: (p) => conn.write(p),
      closeWrite: () => conn.closeWrite(),
      close: () => {},
    });
    acceptClient(socket, hostKey.key, (client: Connection) => {
      client.on("error", () => socket.destroy());
      const { _protocol: protocol } = client as unknown as {
        _protocol: HastyProtocol;
      };
      const { parse } = protocol;
      protocol.parse = (...args) => {
        parse.apply(protocol, args);
        if (!protocol._kex?._sentNEWKEYS) return;
        protocol.parse = parse;
        protocol._kex.finish();
        haste(protocol);
      };
    });
    await socket.closed;
  });
  return {
    hostname: server.hostname,
    port: server.port,
    /** All that the client said, as text where it was plain. */
    get heard(): string {
      return received.map((bytes) => new TextDecoder("latin1").decode(bytes))
        .join("");
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const never = () => new Promise<never>(() => {});

for (
  const [what, policy] of [
    ["a verifier", (ask) => ask],
    ["acceptNew", (ask) => ({ text: "", acceptNew: ask })],
  ] as [string, (ask: typeof never) => HostKeyPolicy][]
) {
  Deno.test(`connect() sends nothing while ${what} is asked about the host key`, async () => {
    await using server = await startTestServer();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    let sent = 0;
    const connecting = connect({
      ...{ hostname: server.hostname, port: server.port },
      ...{ user: server.user, password: server.password },
      hostKeys: policy(() => {
        asked.resolve();
        return answer.promise as Promise<never>;
      }),
      async dial({ hostname, port }) {
        const conn = await Deno.connect({ hostname, port });
        const counting = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            sent += chunk.length;
            controller.enqueue(chunk);
          },
        });
        counting.readable.pipeTo(conn.writable).catch(() => {});
        return { readable: conn.readable, writable: counting.writable };
      },
    });
    await asked.promise;
    // What was sent before may still be on its way.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals(sent, before);

    answer.resolve(true);
    await using _ = await connecting;
    assert(sent > before);
  });

  Deno.test(`connect() sends no secret before ${what} has answered, whatever the server says`, () =>
    keepsSecrets(policy));
}

async function keepsSecrets(
  policy: (ask: () => Promise<never>) => HostKeyPolicy,
): Promise<void> {
  const hurried = Promise.withResolvers<void>();
  await using server = await startHastyServer((protocol) => {
    protocol.serviceAccept("ssh-userauth");
    for (let i = 0; i < 2; i++) {
      protocol._authsQueue.push("none");
      protocol.authFailure(["password"]);
    }
    hurried.resolve();
  });
  for (const engine of [nativeEngine, ssh2]) {
    const stop = new AbortController();
    let asked = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const error = await within(
      10_000,
      "connect()",
      assertRejects(
        () =>
          connect({
            hostname: server.hostname,
            port: server.port,
            user: "alice",
            password: "open sesame",
            hostKeys: policy(async () => {
              asked = true;
              await hurried.promise;
              // Until its output has arrived.
              timer = setTimeout(() => stop.abort(), 100);
              return await new Promise<never>(() => {});
            }),
            signal: stop.signal,
            engine,
          }),
        Error,
      ),
    );
    clearTimeout(timer);
    assert(asked);
    // The native engine reads nothing of it before it has the answer.
    if (error instanceof ConnectError) {
      assertEquals(error.code, "protocol-error", error.message);
    } else assertEquals(error, stop.signal.reason);
    assert(server.heard.includes("SSH-2.0"));
    assert(!server.heard.includes("open sesame"));
  }
}

Deno.test("connect() does not believe a server that shows a good host key and cannot sign with it", async () => {
  const hostKey = new ServedHostKey((await generateKeyPair()).privateKey);
  const liar = Object.create(hostKey.key, {
    sign: { value: () => Buffer.alloc(64, 1) },
  });
  await using server = startTcpServer(async (conn) => {
    const socket = new Ssh2Socket({
      read: (p) => conn.read(p),
      write: (p) => conn.write(p),
      closeWrite: () => conn.closeWrite(),
      close: () => {},
    });
    acceptClient(socket, liar, (client) => {
      client.on("error", () => socket.destroy());
    });
    await socket.closed;
  });
  const { hostname, port } = server;
  const error = await assertRejects(
    () =>
      connect({
        ...{ hostname, port, user: "alice", password: "open sesame" },
        hostKeys: { text: hostKey.knownHostsLine(hostname, port) },
      }),
    ConnectError,
  );
  assertEquals(error.code, "protocol-error");
  assertMatch(error.message, /signature is not valid for the ssh-ed25519 key/);
});

Deno.test("connect() refuses a USERAUTH_SUCCESS that it has not asked for", async () => {
  for (const engine of [nativeEngine, ssh2]) {
    const hurried = Promise.withResolvers<void>();
    await using server = await startHastyServer((protocol) => {
      protocol._authsQueue.push("none");
      protocol.authSuccess();
      hurried.resolve();
    });
    const error = await within(
      10_000,
      "connect()",
      assertRejects(
        () =>
          connect({
            hostname: server.hostname,
            port: server.port,
            user: "alice",
            hostKeys: () => hurried.promise.then(() => true),
            engine,
          }),
        ConnectError,
      ),
    );
    assertEquals(error.code, "protocol-error", error.message);
  }
});
