/** Who may log in to shared folders, message by message. */
import { silentLogger } from "../../src/logger.ts";
import type { MessageTransport } from "../../src/ssh/message_transport.ts";
import type { SigningKey } from "../../src/ssh/keys/private/signing_key.ts";
import {
  publicKeySignatureData,
  writePublicKeyQuery,
  writeSignedRequest,
} from "../../src/ssh/messages/login_messages.ts";
import { MessageNumber } from "../../src/ssh/messages/message_number.ts";
import { writeServiceRequest } from "../../src/ssh/messages/transport_messages.ts";
import { startNativeTransport } from "../../src/ssh/native/native_transport.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  authorizedKey,
  MessageQueue,
  newEd25519Key,
} from "../ssh/native/message_session.ts";
import { uncompressed } from "../ssh/native/transport_pair.ts";
import { within } from "../within.ts";
import { SftpRig } from "./sftp_rig.ts";

const { USERAUTH_FAILURE, USERAUTH_PK_OK, CHANNEL_OPEN } = MessageNumber;

/** A client of folders that one key opens, which has done nothing but exchange keys. */
async function setUp() {
  await using stack = new AsyncDisposableStack();
  const key = await newEd25519Key();
  const rig = stack.use(
    await SftpRig.start({ authorizedKey: authorizedKey(key) }),
  );
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
  const transport = startNativeTransport({
    role: "client",
    stream: conn,
    algorithms: uncompressed,
    verifyHostKey: () => Promise.resolve(),
    logger: silentLogger,
  });
  stack.defer(async () => {
    transport.destroy();
    await transport.closed;
  });
  await transport.ready;
  const resources = stack.move();
  return {
    key,
    rig,
    transport,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Offers a key, with a signature of that data and by that signer if there is one. */
async function offer(
  transport: MessageTransport,
  messages: MessageQueue,
  { blob }: SigningKey,
  signed?: { by: SigningKey; sessionId: Uint8Array },
): Promise<number> {
  const request = { user: "me", algorithm: "ssh-ed25519", blob };
  transport.send(
    signed
      ? writeSignedRequest(
        request,
        await signed.by.sign(
          "ssh-ed25519",
          publicKeySignatureData(signed.sessionId, request),
        ),
      )
      : writePublicKeyQuery(request),
  );
  return (await messages.next())[0]!;
}

Deno.test("SftpLogin takes one key, and no signature but its own of this session", async () => {
  await using it = await setUp();
  const { transport, key } = it;
  const other = await newEd25519Key();
  const messages = new MessageQueue(transport);
  transport.send(writeServiceRequest("ssh-userauth"));
  await messages.nextOf(MessageNumber.SERVICE_ACCEPT);
  const { sessionId } = transport;

  assertEquals(await offer(transport, messages, other), USERAUTH_FAILURE);
  assertEquals(await offer(transport, messages, key), USERAUTH_PK_OK);
  for (
    const signed of [
      { by: other, sessionId },
      { by: key, sessionId: new Uint8Array(sessionId.length) },
    ]
  ) {
    const answer = await offer(transport, messages, key, signed);
    assertEquals(answer, USERAUTH_FAILURE);
  }
  assertEquals(
    await offer(transport, messages, key, { by: key, sessionId }),
    MessageNumber.USERAUTH_SUCCESS,
  );
});

Deno.test("SftpLogin ends after 32 attempts", async () => {
  await using it = await setUp();
  const { transport } = it;
  const other = await newEd25519Key();
  const messages = new MessageQueue(transport);
  transport.send(writeServiceRequest("ssh-userauth"));
  await messages.nextOf(MessageNumber.SERVICE_ACCEPT);
  let refused = 0;
  try {
    while (await offer(transport, messages, other) === USERAUTH_FAILURE) {
      refused++;
    }
  } catch {
    // The transport has ended.
  }
  assertEquals(refused, 31);
  await within(10_000, "the end", Promise.all(it.rig.served));
});

const early: [string, Uint8Array][] = [
  ["opens a channel", new Uint8Array(30).fill(CHANNEL_OPEN)],
  [
    "sends USERAUTH_SUCCESS itself",
    Uint8Array.of(MessageNumber.USERAUTH_SUCCESS),
  ],
  ["asks for another service", writeServiceRequest("ssh-connection")],
  [
    "does not ask for the service",
    writePublicKeyQuery({
      ...{ user: "me", algorithm: "ssh-ed25519", blob: new Uint8Array() },
    }),
  ],
  ["asks in a message that is cut short", Uint8Array.of(50, 0, 0)],
];
for (const [what, message] of early) {
  Deno.test(`SftpLogin ends a client that ${what}`, async () => {
    await using it = await setUp();
    it.transport.receive(() => {});
    it.transport.send(message);
    const end = await within(10_000, "the end", it.transport.ended);
    assert(end.how === "disconnect", end.how);
    assertEquals(end.reason, 2);
    await within(10_000, "the end", Promise.all(it.rig.served));
  });
}
