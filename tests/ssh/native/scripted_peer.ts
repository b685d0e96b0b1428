import type { ByteStream } from "../../../src/streams/byte_stream.ts";
import { packetCiphers } from "../../../src/ssh/cipher/packet_ciphers.ts";
import type { SigningKey } from "../../../src/ssh/keys/private/signing_key.ts";
import {
  deriveKeys,
  type SharedSecret,
} from "../../../src/ssh/native/exchange/key_derivation.ts";
import {
  clientExchange,
  type KeyExchange,
  serverExchange,
} from "../../../src/ssh/native/exchange/key_exchange.ts";
import {
  type KexInit,
  readKexInit,
  writeKexInit,
} from "../../../src/ssh/native/exchange/kex_init.ts";
import {
  markers,
  negotiate,
  type Role,
} from "../../../src/ssh/native/exchange/negotiation.ts";
import { PacketReader } from "../../../src/ssh/native/packets/packet_reader.ts";
import { PacketWriter } from "../../../src/ssh/native/packets/packet_writer.ts";
import { StreamOutput } from "../../../src/ssh/native/packets/stream_output.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";

const CIPHER = "chacha20-poly1305@openssh.com";
const VERSION = "SSH-2.0-scripted";

/** The other side of a transport, which keeps to the protocol only as far as its script does. */
export class ScriptedPeer {
  readonly #role: Role;
  readonly #stream: ByteStream;
  readonly #output: StreamOutput;
  readonly #reader = new PacketReader();
  readonly #writer: PacketWriter;
  readonly #strict: boolean;
  /** What it signs with, if it is a server. */
  hostKeys: readonly SigningKey[];
  #victimVersion: Uint8Array | undefined;
  #ours: Uint8Array = new Uint8Array();
  #theirs: Uint8Array = new Uint8Array();
  #exchange: KeyExchange | undefined;
  #sessionId: Uint8Array | undefined;

  /** @param strict Whether it takes part in strict key exchange. */
  constructor(
    stream: ByteStream,
    { role = "server", strict = true, hostKeys = [] }: {
      role?: Role;
      strict?: boolean;
      hostKeys?: readonly SigningKey[];
    },
  ) {
    this.#stream = stream;
    this.#role = role;
    this.#strict = strict;
    this.hostKeys = hostKeys;
    this.#output = new StreamOutput(stream, { onProgress() {}, onError() {} });
    this.#writer = new PacketWriter(this.#output);
  }

  /** Writes bytes as they are. */
  raw(bytes: Uint8Array | string): void {
    const data = typeof bytes === "string"
      ? new TextEncoder().encode(bytes)
      : bytes;
    this.#output.reserve(data.length).set(data);
  }

  /** Sends a message in a packet that is as it has to be. */
  send(message: Uint8Array | readonly number[]): void {
    this.#writer.write(Uint8Array.from(message));
  }

  /** Sends a message in a packet whose tag is wrong. */
  sendBroken(message: readonly number[]): void {
    const { reserve } = this.#output;
    let packet: Uint8Array | undefined;
    this.#output.reserve = (size) => packet = reserve.call(this.#output, size);
    this.send(message);
    this.#output.reserve = reserve;
    packet![packet!.length - 1]! ^= 1;
  }

  /** Settles once all was written. */
  flushed(): Promise<void> {
    return this.#output.flushed();
  }

  /** The next message. */
  async next(): Promise<Uint8Array> {
    for (;;) {
      const message = this.#reader.next();
      if (message) return message.slice();
      await this.#readMore();
    }
  }

  /** Identifies itself, and reads the victim's identification. */
  async identify(): Promise<void> {
    this.raw(`${VERSION}\r\n`);
    while (!(this.#victimVersion = this.#reader.line(255)?.slice())) {
      await this.#readMore();
    }
  }

  /** Sends a KEXINIT. */
  sendKexInit(changes: Partial<KexInit> = {}): void {
    const direction = { cipher: [CIPHER], mac: [], compression: ["none"] };
    const { strict, extInfo } = markers[this.#role];
    this.#ours = writeKexInit({
      kex: [
        "curve25519-sha256",
        ...this.#sessionId ? [] : [extInfo, ...this.#strict ? [strict] : []],
      ],
      hostKey: ["ssh-ed25519"],
      toServer: direction,
      toClient: direction,
      guessFollows: false,
      ...changes,
    }).slice();
    this.send(this.#ours);
  }

  /** Takes the victim's KEXINIT; as a client, begins the method. */
  async takeKexInit(): Promise<void> {
    do this.#theirs = await this.next(); while (
      this.#theirs[0] !== MessageNumber.KEXINIT
    );
    const [own, other] = [readKexInit(this.#ours), readKexInit(this.#theirs)];
    const isClient = this.#role === "client";
    const agreement = isClient ? negotiate(own, other) : negotiate(other, own);
    const version = new TextEncoder().encode(VERSION);
    const [ours, theirs] = [this.#ours, this.#theirs];
    this.#exchange = isClient
      ? clientExchange(agreement, {
        clientVersion: version,
        serverVersion: this.#victimVersion!,
        clientKexInit: ours,
        serverKexInit: theirs,
      }, () => Promise.resolve())
      : serverExchange(agreement, {
        clientVersion: this.#victimVersion!,
        serverVersion: version,
        clientKexInit: theirs,
        serverKexInit: ours,
      }, this.hostKeys);
    const first = await this.#exchange.start();
    if (first) this.send(first);
  }

  /** Takes the victim's message of the method; returns what to answer, and the secret. */
  async takeKexMessage(): Promise<
    { send: Uint8Array; shared: SharedSecret }
  > {
    const { send, shared } = await this.#exchange!.receive(await this.next());
    return { send: send?.slice() ?? new Uint8Array(), shared: shared! };
  }

  /** Sends NEWKEYS, and seals with the new keys from then on. */
  sendNewKeys(shared: SharedSecret): void {
    this.send([MessageNumber.NEWKEYS]);
    this.#sessionId ??= shared.exchangeHash;
    const direction = this.#role === "client" ? "toServer" : "toClient";
    const keys = this.#keys(shared, direction);
    this.#writer.setKey(
      packetCiphers.get(CIPHER)!.sealingKey(keys, undefined),
      {
        resetSequence: this.#strict,
      },
    );
  }

  /** Takes the victim's NEWKEYS, and opens with the new keys from then on. */
  async takeNewKeys(shared: SharedSecret): Promise<void> {
    while ((await this.next())[0] !== MessageNumber.NEWKEYS);
    const direction = this.#role === "client" ? "toClient" : "toServer";
    const keys = this.#keys(shared, direction);
    this.#reader.setKey(
      packetCiphers.get(CIPHER)!.openingKey(keys, undefined),
      {
        resetSequence: this.#strict,
      },
    );
  }

  /** All of a key exchange, from KEXINIT to NEWKEYS, as it has to be. */
  async exchangeKeys(): Promise<void> {
    this.sendKexInit();
    await this.takeKexInit();
    const { send, shared } = await this.takeKexMessage();
    if (send.length > 0) this.send(send);
    this.sendNewKeys(shared);
    await this.takeNewKeys(shared);
  }

  /** Closes its end. */
  close(): void {
    this.#output.stop();
    this.#stream.close();
  }

  #keys(shared: SharedSecret, direction: "toServer" | "toClient") {
    const { keySize } = packetCiphers.get(CIPHER)!;
    const sizes = { iv: 0, key: keySize, macKey: 0 };
    return deriveKeys(shared, this.#sessionId!, direction, sizes);
  }

  async #readMore(): Promise<void> {
    const size = await this.#stream.read(this.#reader.room());
    if (size === null) throw new Error("the victim has closed the stream");
    this.#reader.advance(size);
  }
}
