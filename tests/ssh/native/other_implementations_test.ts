/** Both roles with implementations of SSH that are not OpenSSH's sshd. */
import { concat } from "../../../src/streams/concat.ts";
import { silentLogger } from "../../../src/logger.ts";
import type { ClientTransportOptions } from "../../../src/ssh/message_transport.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import { WireWriter } from "../../../src/ssh/wire.ts";
import { assert, assertEquals } from "../../assert.ts";
import { startAsyncsshServer } from "../../servers/asyncssh_server.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { randomBytes } from "../ssh2_crypto.ts";
import { startEchoServer } from "./echo_server.ts";
import { ed25519KeyOf, login, throughCat } from "./message_session.ts";
import { uncompressed } from "./transport_pair.ts";

const SIZE = 300_000;

/** Logs in, and has keys exchanged again and again between questions. */
async function exchangeBetweenQuestions(
  server: SshServer,
  options: Partial<ClientTransportOptions> = {},
): Promise<void> {
  const { hostname, port, user, keyFile } = server;
  const stream = await Deno.connect({ hostname, port });
  const transport = startNativeTransport({
    role: "client",
    stream,
    algorithms: uncompressed,
    logger: silentLogger,
    verifyHostKey: () => Promise.resolve(),
    ...options,
  });
  const messages = await login(transport, user, await ed25519KeyOf(keyFile));
  const { GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE } = MessageNumber;
  for (let i = 0; i < 5; i++) {
    const before = transport.negotiated;
    transport.rekey();
    transport.send(
      new WireWriter().byte(GLOBAL_REQUEST).string("keepalive@openssh.com")
        .boolean(true).bytes(),
    );
    await messages.nextOf(REQUEST_SUCCESS, REQUEST_FAILURE);
    assert(transport.negotiated !== before, "keys were not exchanged");
  }
  await transport.close();
}

serverTest(
  "dropbear",
  "keys are exchanged again and again with dropbear, also under load",
  async () => {
    await using server = await startDropbear();
    await exchangeBetweenQuestions(server);
    const input = randomBytes(SIZE);
    const output = await throughCat(
      server,
      await ed25519KeyOf(server.keyFile),
      input,
      { algorithms: uncompressed, rekey: { bytes: 64 * 1024 } },
    );
    assertEquals(output, input);
  },
);

serverTest(
  "asyncssh",
  "keys are exchanged again and again with asyncssh",
  async () => {
    await using server = await startAsyncsshServer();
    await exchangeBetweenQuestions(server);
  },
);

/** Sends bytes through a client's program and its session; returns what comes back. */
async function throughClient(
  program: string,
  args: string[],
  input: Uint8Array,
): Promise<Uint8Array> {
  await using child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  const writing = writer.write(input).then(() => writer.close());
  const parts: Uint8Array[] = [];
  for await (const part of child.stdout) parts.push(part);
  await writing.catch(() => {});
  const { success } = await child.status;
  assert(success, await errors);
  await errors;
  return concat(...parts);
}

for (
  const [cipher, compression] of [
    ["chacha20-poly1305@openssh.com", "no"],
    ["aes256-gcm@openssh.com", "no"],
    ["aes128-ctr", "yes"],
  ] as const
) {
  serverTest(
    "ssh",
    `the server's role serves ssh with ${cipher}, compression ${compression}, new keys on both sides`,
    async () => {
      await using server = await startEchoServer({
        rekey: { bytes: 100_000 },
        compression: ["none", "zlib@openssh.com"],
      });
      const input = randomBytes(SIZE);
      const output = await throughClient("ssh", [
        ...["-F", "none", "-p", `${server.port}`, "-c", cipher],
        ...["-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"],
        ...["-o", "UserKnownHostsFile=/dev/null", "-o", "RekeyLimit=64K"],
        ...["-o", "KexAlgorithms=curve25519-sha256"],
        ...["-o", `Compression=${compression}`],
        ...["x@127.0.0.1", "cat"],
      ], input);
      assertEquals(output, input);
      const [transport] = server.transports;
      assertEquals(transport!.negotiated.toServer.cipher, cipher);
      assertEquals(
        transport!.negotiated.toClient.compression,
        compression === "yes" ? "zlib@openssh.com" : "none",
      );
      assert(transport!.negotiated.strictKex);
    },
  );
}

serverTest(
  "dbclient",
  "the server's role serves dropbear's client",
  async () => {
    await using server = await startEchoServer({ rekey: { bytes: 5000 } });
    const input = randomBytes(20_000); // No more than its window, which the server does not look at.
    const output = await throughClient("dbclient", [
      ...["-y", "-y", "-p", `${server.port}`, "x@127.0.0.1", "cat"],
    ], input);
    assertEquals(output, input);
  },
);
