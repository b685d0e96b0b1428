import { ArgumentError, ConnectionLostError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type { Algorithms } from "../../../src/ssh/algorithms.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { ssh2 } from "../../../src/ssh/ssh2/mod.ts";
import { Ssh2Transport } from "../../../src/ssh/ssh2/ssh2_transport.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { type Sshd, startSshd } from "../../servers/openssh.ts";
import { within } from "../../within.ts";
import { newEd25519Key } from "../native/message_session.ts";
import { uncompressed } from "../native/transport_pair.ts";
import { streamPair } from "../native/packets/stream_pair.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";

function to(sshd: Sshd, more: Partial<ConnectOptions>): ConnectOptions {
  const { hostname, port, user, keyFile, knownHosts } = sshd;
  return {
    ...{ hostname, port, user, privateKeys: [{ file: keyFile }] },
    hostKeys: { text: knownHosts },
    ...more,
  };
}

serverTest(
  "sshd",
  "the ssh2 engine has what the native one leaves out, if it is asked for",
  async () => {
    await using sshd = await startSshd({
      config: [
        "Ciphers aes128-cbc",
        "MACs hmac-sha1-96",
        "KexAlgorithms diffie-hellman-group1-sha1",
      ],
    });
    const algorithms: Algorithms = {
      cipher: ["aes128-cbc"],
      mac: ["hmac-sha1-96"],
      kex: ["diffie-hellman-group1-sha1"],
    };
    await using connection = await connect(
      to(sshd, { algorithms, engine: ssh2 }),
    );
    const direction = {
      ...{ cipher: "aes128-cbc", mac: "hmac-sha1-96", compression: "none" },
    };
    assertEquals(connection.server.negotiated, {
      kex: "diffie-hellman-group1-sha1",
      hostKey: "ssh-ed25519",
      toServer: direction,
      toClient: direction,
      strictKex: true,
    });
    await assertRejects(() => connect(to(sshd, { algorithms })), ArgumentError);
  },
);

serverTest(
  "sshd",
  "the ssh2 engine exchanges keys again after the configured number of bytes",
  async () => {
    await using sshd = await startSshd({ config: ["LogLevel DEBUG2"] });
    await using connection = await connect(
      to(sshd, { engine: ssh2, rekey: { bytes: 256 * 1024 } }),
    );
    const sent = new Uint8Array(4_000_000).map((_, i) => i * i >> 3);
    await using process = await connection.exec("cat");
    const [received] = await Promise.all([
      new Response(process.stdout).bytes(),
      new Response(sent).body!.pipeTo(process.stdin),
      process.stderr.cancel(),
    ]);
    assertEquals(received.length, sent.length);
    assert(received.every((byte, i) => byte === sent[i]));
    const exchanges = (await sshd.log()).match(/SSH2_MSG_NEWKEYS received/g);
    assert(exchanges!.length > 5, `${exchanges?.length}`);
  },
);

/** A client whose server stalls once the keys are in use. */
async function startStalling(exchangeTimeoutMs: number) {
  const [clientStream, serverStream] = streamPair();
  const server = startNativeTransport({
    role: "server",
    stream: serverStream,
    hostKeys: [await newEd25519Key()],
    algorithms: uncompressed,
    logger: silentLogger,
  });
  const stalled = Promise.withResolvers<null>();
  let isStalled = false;
  const client = new Ssh2Transport({
    role: "client",
    stream: {
      read: (p) => isStalled ? stalled.promise : clientStream.read(p),
      write: (p) => clientStream.write(p),
      closeWrite: () => clientStream.closeWrite(),
      close() {
        stalled.resolve(null);
        return clientStream.close();
      },
    },
    algorithms: {
      kex: ["curve25519-sha256"],
      hostKey: ["ssh-ed25519"],
      cipher: ["chacha20-poly1305@openssh.com"],
      mac: ["hmac-sha2-256"],
      compression: ["none"],
    },
    verifyHostKey: () => Promise.resolve(),
    exchangeTimeoutMs,
    logger: silentLogger,
  });
  client.receive(() => {});
  await client.ready;
  isStalled = true;
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.destroy();
      await Promise.all([client.closed, server.closed]);
    },
  };
}

Deno.test("the ssh2 engine ends a key exchange that takes too long", async () => {
  await using it = await startStalling(1000);
  it.client.rekey();
  assertEquals(it.client.congested, true);
  const end = await within(10_000, "the end", it.client.ended);
  assert(end.how === "error");
  assertEquals(end.error.message, "the key exchange took more than 1000 ms");
});

Deno.test("the ssh2 engine keeps no more than a MiB until a key exchange is over", async () => {
  await using it = await startStalling(60_000);
  it.client.rekey();
  for (let i = 0; i < 40; i++) {
    it.client.send(
      Uint8Array.of(MessageNumber.GLOBAL_REQUEST),
      new Uint8Array(30_000),
    );
  }
  const end = await within(10_000, "the end", it.client.ended);
  assert(end.how === "error");
  assertEquals(end.error.message, "the key exchange takes too long");
});

serverTest(
  "sshd",
  "the ssh2 engine distinguishes a lost connection from a closed one",
  async () => {
    await using sshd = await startSshd();
    const connection = await connect(to(sshd, { engine: ssh2 }));
    sshd.killSessions("SIGKILL");
    const { reason, error } = await within(
      10_000,
      "the end",
      connection.closed,
    );
    assertEquals(reason, "lost");
    assert(error instanceof ConnectionLostError);
    await connection.close();
  },
);
