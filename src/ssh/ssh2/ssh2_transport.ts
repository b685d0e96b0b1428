import type { Buffer } from "node:buffer";
import { ProtocolError } from "../../errors.ts";
import { ByteSocket } from "./byte_socket.ts";
import { Greeting } from "./greeting.ts";
import { isSameKey } from "../keys/public/key_blob.ts";
import {
  type ClientTransportOptions,
  IdentificationError,
  type MessageReceiver,
  type MessageTransport,
  type Negotiated,
} from "../message_transport.ts";
import { MessageNumber } from "../messages/message_number.ts";
import {
  DisconnectReason,
  writeDisconnect,
  writeUnimplemented,
} from "../messages/transport_messages.ts";
import { OUR_IDENTIFICATION } from "../native/identification.ts";
import { type TransportEnd, transportError } from "../transport_end.ts";
import { ssh2Offer } from "./ssh2_offer.ts";
import {
  createProtocol,
  releaseProtocol,
  ssh2Loaded,
  type Ssh2Negotiated,
  type Ssh2Protocol,
} from "./ssh2_protocol.ts";

/** Bytes of messages that may wait for a key exchange. */
const MAX_WAITING = 1024 * 1024;
/** Bytes either way with the same keys, unless the options say otherwise (RFC 4253 section 9). */
const REKEY_BYTES = 1024 ** 3;
/** How long the other side may take for an exchange, unless the options say otherwise, in milliseconds. */
const EXCHANGE_TIMEOUT_MS = 120_000;

/** Messages carried by npm:ssh2's `Protocol`: the engine for what the native one leaves out. */
export class Ssh2Transport implements MessageTransport {
  readonly ready: Promise<void>;
  readonly ended: Promise<TransportEnd>;
  readonly closed: Promise<void>;
  peerVersion = "";
  negotiated!: Negotiated;

  readonly #options: ClientTransportOptions;
  readonly #socket: ByteSocket;
  readonly #protocol: Ssh2Protocol;
  readonly #greeting = new Greeting();
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<TransportEnd>();
  #end: TransportEnd | undefined;
  #isReady = false;
  #receiver: MessageReceiver | undefined;
  /** EXT_INFO that came before there was a receiver. */
  #extInfo: Uint8Array | undefined;
  /** Whether keys are being exchanged; what is sent then waits. */
  #exchanging = true;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #exchanged = Promise.withResolvers<void>();
  #hostKey: Uint8Array | undefined;
  /** Bytes both ways when keys were exchanged last. */
  #bytesBefore = 0;
  /** Ends an exchange that takes too long, or begins the next one. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ClientTransportOptions) {
    this.#options = options;
    const offer = ssh2Offer(options.algorithms);
    this.#socket = new ByteSocket(options.stream);
    this.ready = this.#ready.promise;
    this.ended = this.#ended.promise;
    this.closed = this.#socket.closed;
    this.ready.catch(() => {}); // `ended` says it too
    this.#protocol = createProtocol({
      ident: OUR_IDENTIFICATION.replace("SSH-2.0-", ""),
      offer,
      onWrite: (bytes) => this.#socket.write(bytes),
      onError: (error) => this.#finish({ how: "error", error }),
      onHeader: ({ identRaw }) => this.peerVersion = identRaw,
      onHandshakeComplete: (negotiated) => this.#onExchanged(negotiated),
      hostVerifier: (key, answer) => this.#verify(key, answer),
      messageHandlers: {
        DISCONNECT: (_protocol, reason, text) =>
          this.#finish({ how: "disconnect", reason, text }),
      },
    });
    const onPayload = this.#protocol._onPayload;
    this.#protocol._onPayload = (payload) =>
      this.#onPayload(payload, onPayload);
    this.#socket.ended.then(({ error }) =>
      this.#finish(error ? { how: "error", error } : { how: "eof" })
    );
    this.#start();
  }

  get sessionId(): Uint8Array {
    return this.#protocol._kex.sessionID;
  }

  get bytesReceived(): number {
    return this.#socket.bytesReceived;
  }

  get bytesSent(): number {
    return this.#socket.bytesSent;
  }

  get congested(): boolean {
    return this.#exchanging || this.#socket.congested;
  }

  async drained(): Promise<void> {
    while (!this.#end && this.congested) {
      await (this.#exchanging
        ? this.#exchanged.promise
        : this.#socket.drained());
    }
  }

  receive(receiver: MessageReceiver): void {
    this.#receiver = receiver;
    const extInfo = this.#extInfo;
    this.#extInfo = undefined;
    if (extInfo) this.#deliver(extInfo);
  }

  send(head: Uint8Array, body: Uint8Array = new Uint8Array()): void {
    if (this.#end) return;
    if (!this.#exchanging) {
      this.#encrypt(head, body);
      return this.#rekeyIfDue();
    }
    const message = new Uint8Array(head.length + body.length);
    message.set(head);
    message.set(body, head.length);
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    if (this.#waitingBytes > MAX_WAITING) {
      this.#fail(new ProtocolError("the key exchange takes too long"));
    }
  }

  rekey(): void {
    if (this.#exchanging || this.#end) return;
    this.#beginExchange();
    this.#protocol.rekey();
  }

  close(): Promise<void> {
    this.#goodbye(DisconnectReason.BY_APPLICATION);
    this.#finish({ how: "closed" });
    return this.closed;
  }

  destroy(): void {
    this.#finish({ how: "closed" });
    this.#socket.destroy();
  }

  async #start(): Promise<void> {
    await ssh2Loaded;
    if (this.#end) return;
    this.#protocol.start();
    this.#socket.start({
      onData: (bytes) => this.#onData(bytes),
      onEnd: () => this.#finish({ how: "eof" }),
    });
  }

  #onData(bytes: Uint8Array): void {
    if (this.#end) return;
    try {
      const seen = this.#greeting.take(bytes);
      if (seen) this.#protocol.parse(seen, 0, seen.length);
      this.#rekeyIfDue();
    } catch (error) {
      const isTrip = error instanceof TypeError || error instanceof RangeError;
      this.#fail(
        isTrip
          ? new ProtocolError(
            "the server sent a message out of turn, or one that cannot be read",
            { cause: error },
          )
          : error as Error,
      );
    }
  }

  /** Takes a payload from the decipher; what is ssh2's goes on to it. */
  #onPayload(
    payload: Buffer,
    onPayload: Ssh2Protocol["_onPayload"],
  ): number | false | void {
    if (this.#end) return;
    const [number = MessageNumber.IGNORE] = payload;
    if (number === MessageNumber.KEXINIT) this.#beginExchange();
    const isTransports = number < MessageNumber.DEBUG ||
      number >= 20 && number < 50;
    if (isTransports) return onPayload(payload);
    const { buffer, byteOffset, length } = this.#protocol._packetRW.read.read(
      payload,
    );
    // Not a Buffer, whose slice() copies nothing.
    this.#deliver(new Uint8Array(buffer, byteOffset, length));
  }

  #deliver(message: Uint8Array): void {
    try {
      if (this.#receiver && this.#isReady) {
        if (this.#receiver(message) === false) {
          const { inSeqno = 0 } = this.#protocol._decipher ?? {};
          this.send(writeUnimplemented((inSeqno - 1) >>> 0));
        }
      } else if (message[0] === MessageNumber.EXT_INFO) {
        this.#extInfo = message.slice();
      } else if (message[0] !== MessageNumber.DEBUG) {
        throw new ProtocolError(
          "it went on before its host key was verified; no secret was sent",
        );
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  /** In a re-exchange ssh2 wants the answer at once: it has to be the same key again. */
  #verify(key: Uint8Array, answer: (good: boolean) => void): void {
    if (this.#hostKey) {
      if (isSameKey(this.#hostKey, key)) return answer(true);
      return this.#fail(
        new ProtocolError("the server showed another host key than before"),
      );
    }
    this.#hostKey = key.slice();
    // Verified by ssh2 once the key is accepted.
    const signature = this.#protocol._kex._sig.slice();
    this.#options.verifyHostKey(this.#hostKey, signature).then(
      () => this.#end || answer(true),
      (error) => this.#fail(error, DisconnectReason.HOST_KEY_NOT_VERIFIABLE),
    ).catch((error) => this.#fail(error));
  }

  #beginExchange(): void {
    if (this.#exchanging) return;
    this.#exchanging = true;
    this.#exchanged = Promise.withResolvers();
    const { exchangeTimeoutMs = EXCHANGE_TIMEOUT_MS } = this.#options;
    this.#startTimer(exchangeTimeoutMs, () =>
      this.#fail(
        new ProtocolError(
          `the key exchange took more than ${exchangeTimeoutMs} ms`,
        ),
      ));
  }

  #rekeyIfDue(): void {
    const { bytes = REKEY_BYTES } = this.#options.rekey ?? {};
    const used = this.bytesReceived + this.bytesSent - this.#bytesBefore;
    if (used >= bytes) this.rekey();
  }

  #startTimer(ms: number | undefined, work: () => void): void {
    clearTimeout(this.#timer);
    if (ms !== undefined) this.#timer = setTimeout(work, ms);
  }

  #onExchanged({ kex, serverHostKey, cs, sc }: Ssh2Negotiated): void {
    this.negotiated = {
      kex,
      hostKey: serverHostKey,
      toServer: { cipher: cs.cipher, mac: cs.mac ?? "", compression: "none" },
      toClient: { cipher: sc.cipher, mac: sc.mac ?? "", compression: "none" },
      strictKex: this.#protocol._strictMode,
    };
    this.#exchanging = false;
    this.#isReady = true;
    this.#bytesBefore = this.bytesReceived + this.bytesSent;
    this.#startTimer(this.#options.rekey?.ms, () => this.rekey());
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const message of waiting) this.send(message);
    this.#exchanged.resolve();
    this.#ready.resolve();
  }

  #encrypt(head: Uint8Array, body: Uint8Array): void {
    const { _cipher: cipher } = this.#protocol;
    const packet = cipher.allocPacket(head.length + body.length);
    packet.set(head, 5);
    packet.set(body, 5 + head.length);
    cipher.encrypt(packet);
  }

  /** Says goodbye, unless the other side has not said what it speaks. */
  #goodbye(reason: number): void {
    if (this.#end || this.peerVersion === "") return;
    this.#encrypt(writeDisconnect({ reason, text: "" }), new Uint8Array());
  }

  #fail(error: Error, reason: number = DisconnectReason.PROTOCOL_ERROR): void {
    this.#goodbye(reason);
    this.#finish({ how: "error", error });
  }

  #finish(end: TransportEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#waiting = [];
    clearTimeout(this.#timer);
    this.#socket.end();
    this.#exchanged.resolve();
    this.#ready.reject(
      this.peerVersion === ""
        ? new IdentificationError(
          this.#greeting.firstLine,
          end.how === "error" ? { cause: end.error } : undefined,
        )
        : transportError(end),
    );
    this.#ended.resolve(end);
    releaseProtocol(this.#protocol);
  }
}
