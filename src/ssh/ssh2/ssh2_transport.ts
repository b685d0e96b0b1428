import type { Buffer } from "node:buffer";
import { ProtocolError } from "../../errors.ts";
import { ByteSocket } from "./byte_socket.ts";
import { ExchangeGate } from "./exchange_gate.ts";
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
  sendMessage,
  ssh2Loaded,
  type Ssh2Negotiated,
  type Ssh2Protocol,
} from "./ssh2_protocol.ts";

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
  readonly #gate: ExchangeGate;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<TransportEnd>();
  #end: TransportEnd | undefined;
  #isReady = false;
  #receiver: MessageReceiver | undefined;
  /** EXT_INFO that came before there was a receiver. */
  #extInfo: Uint8Array | undefined;
  #hostKey: Uint8Array | undefined;

  constructor(options: ClientTransportOptions) {
    this.#options = options;
    const offer = ssh2Offer(options.algorithms);
    this.#socket = new ByteSocket(options.stream);
    this.#gate = new ExchangeGate(
      options,
      () => this.rekey(),
      (error) => this.#fail(error),
    );
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
    return this.#gate.isClosed || this.#socket.congested;
  }

  async drained(): Promise<void> {
    while (!this.#end && this.congested) {
      await (this.#gate.opened ?? this.#socket.drained());
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
    if (this.#gate.isClosed) return this.#gate.hold(head, body);
    sendMessage(this.#protocol, head, body);
    this.#rekeyIfDue();
  }

  rekey(): void {
    if (this.#gate.isClosed || this.#end) return;
    this.#gate.close();
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

  /** Receives a payload from the decipher; ssh2's own messages are passed on to it. */
  #onPayload(
    payload: Buffer,
    onPayload: Ssh2Protocol["_onPayload"],
  ): number | false | void {
    if (this.#end) return;
    const [number = MessageNumber.IGNORE] = payload;
    if (number === MessageNumber.KEXINIT) this.#gate.close();
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

  #rekeyIfDue(): void {
    if (this.#gate.isDue(this.#bytes)) this.rekey();
  }

  /** Bytes both ways. */
  get #bytes(): number {
    return this.bytesReceived + this.bytesSent;
  }

  #onExchanged({ kex, serverHostKey, cs, sc }: Ssh2Negotiated): void {
    this.negotiated = {
      kex,
      hostKey: serverHostKey,
      toServer: { cipher: cs.cipher, mac: cs.mac ?? "", compression: "none" },
      toClient: { cipher: sc.cipher, mac: sc.mac ?? "", compression: "none" },
      strictKex: this.#protocol._strictMode,
    };
    this.#isReady = true;
    const held = this.#gate.open(this.#bytes);
    for (const message of held) this.send(message);
    this.#ready.resolve();
  }

  /** Sends DISCONNECT, unless the other side has not identified itself. */
  #goodbye(reason: number): void {
    if (this.#end || this.peerVersion === "") return;
    sendMessage(this.#protocol, writeDisconnect({ reason, text: "" }));
  }

  #fail(error: Error, reason: number = DisconnectReason.PROTOCOL_ERROR): void {
    this.#goodbye(reason);
    this.#finish({ how: "error", error });
  }

  #finish(end: TransportEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#gate.stop();
    this.#socket.end();
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
