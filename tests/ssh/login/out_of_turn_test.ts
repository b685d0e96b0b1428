/** What connect() reports of a server whose messages come out of turn, in the login and before it. */
import { concat } from "../../../src/streams/concat.ts";
import { AuthenticationError, RForwardError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import { WireWriter } from "../../../src/ssh/wire.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { startTcpServer } from "../../servers/tcp_server.ts";
import { within } from "../../within.ts";
import { newEd25519Key } from "../native/message_session.ts";
import { uncompressed } from "../native/transport_pair.ts";

/** A server that answers the first message after the key exchange, and the next, by these. */
async function startServer(...answers: Uint8Array[][]) {
  const hostKey = await newEd25519Key();
  return startTcpServer(async (conn) => {
    const transport = startNativeTransport({
      role: "server",
      stream: conn,
      hostKeys: [hostKey],
      algorithms: uncompressed,
      logger: silentLogger,
    });
    const left = [...answers];
    transport.receive(() => {
      for (const message of left.shift() ?? []) transport.send(message);
    });
    await transport.ready.catch(() => {});
    await transport.ended;
    transport.destroy();
    await transport.closed;
  });
}

function message(number: number, ...strings: string[]): Uint8Array {
  const writer = new WireWriter().byte(number);
  for (const text of strings) writer.string(text);
  return writer.bytes();
}

const service = message(MessageNumber.SERVICE_ACCEPT, "ssh-userauth");
const failure = new WireWriter().byte(MessageNumber.USERAUTH_FAILURE)
  .nameList(["password", "publickey"]).boolean(false).bytes();
const question = new WireWriter().byte(MessageNumber.USERAUTH_INFO_REQUEST)
  .string("").string("").string("")
  .uint32(0).bytes();

for (
  const [what, ...answers] of [
    ["NEWKEYS", [message(MessageNumber.NEWKEYS)]],
    ["NEWKEYS in the login", [service], [message(MessageNumber.NEWKEYS)]],
    ["a refusal before the service is accepted", [failure]],
    ["a question before the service is accepted", [question]],
    ["a question that was not asked for", [service], [question]],
    ["another service", [message(MessageNumber.SERVICE_ACCEPT, "ssh-foo")]],
    ["nothing", []],
    ["nothing in the login", [service], []],
    ["a refusal that is cut short", [service], [failure.slice(0, 6)]],
    ["an acceptance that is cut short", [service.slice(0, 3)]],
    ["an empty message", [service], [new Uint8Array()]],
    ["a channel", [service], [message(MessageNumber.CHANNEL_OPEN, "x11")]],
    ["a key exchange method's message", [service], [message(31)]],
    ["a request of a client", [service], [
      message(MessageNumber.USERAUTH_REQUEST, "root", "x", "none"),
    ]],
  ] as [string, ...Uint8Array[][]][]
) {
  Deno.test(`connect() says in its own words what is wrong with a server that sends ${what}`, async () => {
    await using server = await startServer(...answers);
    await assertOwnWords(server);
  });
}

for (
  const [what, ...messages] of [
    ["NEWKEYS", message(MessageNumber.NEWKEYS)],
    ["a reply of the key exchange", message(31, "a", "b", "c")],
    ["an acceptance of a service", service],
    ["that the user is in", message(MessageNumber.USERAUTH_SUCCESS)],
    ["an empty KEXINIT", message(MessageNumber.KEXINIT)],
    ["a KEXINIT cut short", new Uint8Array(20).fill(MessageNumber.KEXINIT)],
    ["data of a channel", new Uint8Array(30).fill(MessageNumber.CHANNEL_DATA)],
    ["an empty message", new Uint8Array()],
  ] as [string, ...Uint8Array[]][]
) {
  Deno.test(`connect() says in its own words what is wrong with a server that begins with ${what}`, async () => {
    await using server = startTcpServer(async (conn) => {
      const bytes = [new TextEncoder().encode("SSH-2.0-test\r\n")];
      for (const message of messages) bytes.push(plainPacket(message));
      await conn.write(concat(...bytes));
      while (await conn.read(new Uint8Array(1024)).catch(() => null)) {
        // until the client has gone
      }
    });
    await assertOwnWords(server);
  });
}

Deno.test("connect() passes on 20 banners of a server, and ignores further ones", async () => {
  const banners = Array.from(
    { length: 1000 },
    (_, i) => message(MessageNumber.USERAUTH_BANNER, `banner ${i}\n`, ""),
  );
  const success = message(MessageNumber.USERAUTH_SUCCESS);
  await using server = await startServer([service, ...banners], [success]);
  const said: string[] = [];
  await using _ = await connect({
    ...{ hostname: server.hostname, port: server.port, user: "alice" },
    hostKeys: "insecure-accept-any",
    onBanner: (text) => said.push(text),
  });
  assertEquals(said, Array.from({ length: 20 }, (_, i) => `banner ${i}`));
});

Deno.test("connect() rejects with what an async onBanner rejects with", async () => {
  const banner = message(MessageNumber.USERAUTH_BANNER, "Staff only.", "");
  await using server = await startServer([service, banner]);
  const problem = new Error("not staff");
  const connecting = connect({
    ...{ hostname: server.hostname, port: server.port, user: "alice" },
    hostKeys: "insecure-accept-any",
    onBanner: () => Promise.reject(problem),
  });
  assertEquals(await assertRejects(() => connecting, Error), problem);
});

/** A packet before there are keys (RFC 4253 section 6). */
function plainPacket(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const padding = 16 - (5 + message.length) % 8;
  return new WireWriter().uint32(1 + message.length + padding).byte(padding)
    .raw(message).raw(new Uint8Array(padding)).bytes();
}

/** Fails unless connect() names the server's mistake, or its silence, without a word of the runtime's. */
async function assertOwnWords(
  { hostname, port }: { hostname: string; port: number },
): Promise<void> {
  const error = await within(
    10_000,
    "connect()",
    assertRejects(
      () =>
        connect({
          ...{ hostname, port, user: "alice" },
          password: "open sesame",
          hostKeys: "insecure-accept-any",
          connectTimeoutMs: 150,
        }),
      RForwardError,
    ),
  );
  assert(!(error instanceof AuthenticationError), error.message);
  assert(
    ["protocol-error", "connect-timeout"].includes(error.code),
    error.code,
  );
  assert(
    !/undefined|null|Cannot |is not a (function|constructor)|reading '/.test(
      error.message,
    ),
    error.message,
  );
}
