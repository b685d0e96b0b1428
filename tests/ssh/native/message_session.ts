/** Speaks the few messages of a login and of a command by hand, to test a transport with nothing of ours above it. */
import { concat } from "../../../src/streams/concat.ts";
import { silentLogger } from "../../../src/logger.ts";
import type {
  ClientTransportOptions,
  MessageTransport,
  RekeyLimit,
} from "../../../src/ssh/message_transport.ts";
import { localKey } from "../../../src/ssh/keys/private/local_key.ts";
import type { SigningKey } from "../../../src/ssh/keys/private/signing_key.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import { WireReader, WireWriter } from "../../../src/ssh/wire.ts";

const WINDOW = 2 * 1024 * 1024;
const MAX_PACKET = 32 * 1024;

/** A key for a login or a host, of its own. */
export async function newEd25519Key(): Promise<SigningKey> {
  const { privateKey } = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  return localKey(await crypto.subtle.exportKey("jwk", privateKey));
}

/** The key in a file that `ssh-keygen -t ed25519` has made, without a passphrase. */
export async function ed25519KeyOf(file: string): Promise<SigningKey> {
  const text = await Deno.readTextFile(file);
  const blob = Uint8Array.fromBase64(text.replace(/-----.*-----/g, ""));
  const outer = new WireReader(blob, "openssh-key-v1\0".length);
  for (let i = 0; i < 3; i++) outer.string(); // cipher, KDF, its options
  outer.uint32();
  outer.string(); // the public key
  const inner = new WireReader(outer.string(), 8);
  inner.string(); // the type
  const point = inner.string();
  const seed = inner.string().subarray(0, 32);
  const base64 = (bytes: Uint8Array) =>
    bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return localKey({
    kty: "OKP",
    crv: "Ed25519",
    x: base64(point),
    d: base64(seed),
  });
}

/** The key's line in authorized_keys. */
export function authorizedKey({ blob }: SigningKey): string {
  return `${new WireReader(blob).text()} ${blob.toBase64()}`;
}

/** Queues copies of messages, to be awaited one by one. */
export class MessageQueue {
  readonly #queue: Uint8Array[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;
  #ended = false;

  constructor(transport: MessageTransport) {
    transport.receive((message) => {
      this.#queue.push(message.slice());
      this.#waiting?.resolve();
    });
    transport.ended.then(() => {
      this.#ended = true;
      this.#waiting?.resolve();
    });
  }

  /** The next message; throws if the transport has ended. */
  async next(): Promise<Uint8Array> {
    for (;;) {
      const message = this.#queue.shift();
      if (message) return message;
      if (this.#ended) throw new Error("the transport has ended");
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
    }
  }

  /** The next message that has one of these numbers; others are dropped. */
  async nextOf(...numbers: number[]): Promise<Uint8Array> {
    for (;;) {
      const message = await this.next();
      if (numbers.includes(message[0]!)) return message;
    }
  }
}

/** Logs in with a public key; returns the messages that follow. */
export async function login(
  transport: MessageTransport,
  user: string,
  key: SigningKey,
): Promise<MessageQueue> {
  await transport.ready;
  const messages = new MessageQueue(transport);
  const { SERVICE_REQUEST, SERVICE_ACCEPT, USERAUTH_REQUEST } = MessageNumber;
  const { USERAUTH_SUCCESS, USERAUTH_FAILURE } = MessageNumber;
  transport.send(
    new WireWriter().byte(SERVICE_REQUEST).string("ssh-userauth").bytes(),
  );
  await messages.nextOf(SERVICE_ACCEPT);
  const [algorithm = ""] = key.algorithms;
  const request = new WireWriter().byte(USERAUTH_REQUEST).string(user)
    .string("ssh-connection").string("publickey").boolean(true)
    .string(algorithm).string(key.blob).bytes().slice();
  const signed = new WireWriter().string(transport.sessionId).raw(request);
  const signature = await key.sign(algorithm, signed.bytes());
  transport.send(request, new WireWriter().string(signature).bytes());
  const answer = await messages.nextOf(USERAUTH_SUCCESS, USERAUTH_FAILURE);
  if (answer[0] !== USERAUTH_SUCCESS) throw new Error("the login failed");
  return messages;
}

/** Opens a session channel; returns the other side's number and window. */
export async function openSession(
  transport: MessageTransport,
  messages: MessageQueue,
): Promise<{ peer: number; window: number }> {
  const { CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION } = MessageNumber;
  transport.send(
    new WireWriter().byte(CHANNEL_OPEN).string("session").uint32(0)
      .uint32(WINDOW).uint32(MAX_PACKET).bytes(),
  );
  const reader = new WireReader(
    await messages.nextOf(CHANNEL_OPEN_CONFIRMATION),
    5,
  );
  return { peer: reader.uint32(), window: reader.uint32() };
}

/** Runs a command with that input; returns its output once it has ended. Both windows are respected. */
export async function runCommand(
  transport: MessageTransport,
  messages: MessageQueue,
  command: string,
  input: Uint8Array,
): Promise<Uint8Array> {
  const { peer, window } = await openSession(transport, messages);
  transport.send(
    new WireWriter().byte(MessageNumber.CHANNEL_REQUEST).uint32(peer)
      .string("exec").boolean(false).string(command).bytes(),
  );
  const granted = { bytes: window, more: Promise.withResolvers<void>() };
  const output: Uint8Array[] = [];
  await Promise.all([
    sendData(transport, peer, input, granted),
    receiveData(transport, messages, peer, output, granted),
  ]);
  return concat(...output);
}

interface Granted {
  bytes: number;
  more: PromiseWithResolvers<void>;
}

async function sendData(
  transport: MessageTransport,
  peer: number,
  input: Uint8Array,
  granted: Granted,
): Promise<void> {
  for (let sent = 0; sent < input.length;) {
    const size = Math.min(input.length - sent, granted.bytes, MAX_PACKET);
    if (size === 0) {
      await granted.more.promise;
      continue;
    }
    await transport.drained();
    transport.send(
      new WireWriter().byte(MessageNumber.CHANNEL_DATA).uint32(peer)
        .uint32(size).bytes(),
      input.subarray(sent, sent + size),
    );
    sent += size;
    granted.bytes -= size;
  }
  transport.send(
    new WireWriter().byte(MessageNumber.CHANNEL_EOF).uint32(peer).bytes(),
  );
}

async function receiveData(
  transport: MessageTransport,
  messages: MessageQueue,
  peer: number,
  output: Uint8Array[],
  granted: Granted,
): Promise<void> {
  const { CHANNEL_DATA, CHANNEL_WINDOW_ADJUST, CHANNEL_CLOSE } = MessageNumber;
  for (;;) {
    const message = await messages.nextOf(
      CHANNEL_DATA,
      CHANNEL_WINDOW_ADJUST,
      CHANNEL_CLOSE,
    );
    const reader = new WireReader(message, 5);
    if (message[0] === CHANNEL_CLOSE) return;
    if (message[0] === CHANNEL_WINDOW_ADJUST) {
      granted.bytes += reader.uint32();
      granted.more.resolve();
      granted.more = Promise.withResolvers();
      continue;
    }
    const data = reader.string();
    output.push(data);
    transport.send(
      new WireWriter().byte(CHANNEL_WINDOW_ADJUST).uint32(peer)
        .uint32(data.length).bytes(),
    );
  }
}

/** Sends bytes through `cat` on a server, in a connection of its own; returns what comes back. */
export async function throughCat(
  { user, port }: { user: string; port: number },
  key: SigningKey,
  input: Uint8Array,
  options: Pick<ClientTransportOptions, "algorithms"> & {
    rekey?: RekeyLimit;
    /** Called once the keys are in place. */
    onReady?(transport: MessageTransport): void;
  },
): Promise<Uint8Array> {
  const stream = await Deno.connect({ hostname: "127.0.0.1", port });
  stream.setNoDelay(true);
  const transport = startNativeTransport({
    role: "client",
    stream,
    logger: silentLogger,
    verifyHostKey: () => Promise.resolve(),
    ...options,
  });
  try {
    await transport.ready;
    options.onReady?.(transport);
    const messages = await login(transport, user, key);
    return await runCommand(transport, messages, "cat", input);
  } finally {
    await transport.close();
  }
}
