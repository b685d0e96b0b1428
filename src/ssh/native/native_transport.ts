import { atMost } from "../../abort.ts";
import { ProtocolError } from "../../errors.ts";
import { packetCiphers } from "../cipher/packet_ciphers.ts";
import {
  IdentificationError,
  type MessageReceiver,
  type MessageTransport,
  type Negotiated,
  type TransportOptions,
} from "../message_transport.ts";
import { MessageNumber } from "../messages/message_number.ts";
import {
  DisconnectReason,
  readDebug,
  readDisconnect,
  writeDisconnect,
  writeExtInfo,
  writeUnimplemented,
} from "../messages/transport_messages.ts";
import { printable } from "../../text/printable.ts";
import { type TransportEnd, transportError } from "../transport_end.ts";
import { HeldMessages } from "./held_messages.ts";
import {
  IdentificationReader,
  OUR_IDENTIFICATION,
  text,
} from "./identification.ts";
import { KeyExchanges } from "./exchange/key_exchanges.ts";
import { checkAlgorithms } from "./exchange/negotiation.ts";
import { MacError, PacketReader } from "./packets/packet_reader.ts";
import { PacketWriter } from "./packets/packet_writer.ts";
import { StreamInput } from "./packets/stream_input.ts";
import { StreamOutput } from "./packets/stream_output.ts";

/** Reading stops while more bytes than this are queued: replies are not limited by a window. */
const MAX_QUEUED = 8 * 1024 * 1024;
/** How long closing waits for progress by the peer, in milliseconds. */
const LINGER_MS = 1000;

/**
 * Starts a transport of our own: the native engine, in either role.
 *
 * @throws {UnknownAlgorithmError} if it does not have an algorithm.
 */
export function startNativeTransport(
  options: TransportOptions,
): MessageTransport {
  checkAlgorithms(options.algorithms);
  return new NativeTransport(options);
}

/** SSH's transport layer (RFC 4253) over a byte stream. */
class NativeTransport implements MessageTransport {
  readonly ready: Promise<void>;
  readonly ended: Promise<TransportEnd>;
  readonly closed: Promise<void>;

  readonly #options: TransportOptions;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<TransportEnd>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #input: StreamInput;
  readonly #output: StreamOutput;
  readonly #writer: PacketWriter;
  readonly #reader = new PacketReader();
  readonly #identification: IdentificationReader;
  readonly #exchanges: KeyExchanges;
  /** Messages that wait for new keys. */
  readonly #held = new HeldMessages();
  #receiver: MessageReceiver | undefined;
  /** Whether messages wait in the buffer until a step of a key exchange is done. */
  #paused = false;
  /** The last step, which may still be running. */
  #step: Promise<void> | undefined;
  #drained: PromiseWithResolvers<void> | undefined;
  #closing = false;
  #over = false;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.ready = this.#ready.promise;
    this.ready.catch(() => {}); // `ended` reports it, too.
    this.ended = this.#ended.promise;
    this.closed = this.#closed.promise;
    this.#output = new StreamOutput(options.stream, {
      onProgress: () => this.#onProgress(),
      onError: (error) => this.#end({ how: "error", error: error as Error }),
    });
    this.#writer = new PacketWriter(this.#output);
    const peer = options.role === "client" ? "server" : "client";
    this.#identification = new IdentificationReader(peer);
    this.#exchanges = new KeyExchanges({
      options,
      reader: this.#reader,
      writer: this.#writer,
      onNewKeysSent: (events) => this.#onNewKeysSent(events),
      onDone: () => this.#ready.resolve(),
      onTimeout: (error) => this.#fail(error),
    });
    const line = bytesOf(`${OUR_IDENTIFICATION}\r\n`);
    this.#output.reserve(line.length).set(line);
    this.#exchanges.begin();
    // While waiting for the peer.
    const [cipher = ""] = options.algorithms.cipher;
    this.#output.flushed().then(() => packetCiphers.get(cipher)?.prepare?.());
    this.#input = new StreamInput(options.stream, this.#reader, {
      mayRead: () => this.#output.queued <= MAX_QUEUED,
      onBytes: () => this.#takeMessages(),
      onError: (error) => this.#end({ how: "error", error: error as Error }),
    });
  }

  get sessionId(): Uint8Array {
    return this.#exchanges.sessionId ?? new Uint8Array();
  }

  get peerVersion(): string {
    const { versions } = this.#exchanges;
    if (!versions) return "";
    const isClient = this.#options.role === "client";
    return text(isClient ? versions.server : versions.client);
  }

  get negotiated(): Negotiated {
    return this.#exchanges.negotiated ?? nothing;
  }

  get bytesReceived(): number {
    return this.#input.bytesReceived;
  }

  get bytesSent(): number {
    return this.#output.bytesSent;
  }

  get congested(): boolean {
    if (this.#over) return false;
    return this.#output.congested || this.#exchanges.holdsMessages;
  }

  drained(): Promise<void> {
    if (!this.congested) return Promise.resolve();
    this.#drained ??= Promise.withResolvers();
    return this.#drained.promise;
  }

  receive(receiver: MessageReceiver): void {
    this.#receiver = receiver;
    queueMicrotask(() => this.#takeMessages());
  }

  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.#over || this.#closing) return;
    if (!this.#exchanges.holdsMessages) return this.#write(head, body);
    if (!this.#held.add(head, body)) {
      this.#fail(
        new ProtocolError(
          "the peer caused too many replies while it stalls a key exchange",
        ),
      );
    }
  }

  rekey(): void {
    if (this.#exchanges.hasKeys && !this.#over) this.#exchanges.begin();
  }

  close(): Promise<void> {
    if (!this.#closing && !this.#over) {
      this.#closing = true;
      this.#ended.resolve({ how: "closed" });
      this.#expectProgress();
      if (!this.#exchanges.holdsMessages || !this.#exchanges.hasKeys) {
        this.#finish();
      } // else after the exchange
    }
    return this.closed;
  }

  destroy(): void {
    this.#end({ how: "closed" });
  }

  /** Handles the messages in the buffer, as far as possible now. */
  #takeMessages(): void {
    try {
      while (!this.#over && this.#mayTake()) {
        const message = this.#reader.next();
        if (!message) break;
        this.#take(message);
      }
      if (!this.#over) this.#exchanges.beginIfDue();
    } catch (error) {
      this.#fail(error as Error);
    }
    const waits = this.#paused && !this.#exchanges.isAsking;
    if (this.#input.atEnd && !waits) this.#end({ how: "eof" });
  }

  /** Whether packets may be handled now. After the first exchange they wait for a receiver, unless the stream has ended. */
  #mayTake(): boolean {
    if (this.#paused) return false;
    const { versions, hasKeys } = this.#exchanges;
    if (!versions) return this.#identify();
    const isTaken = this.#receiver !== undefined || this.#closing;
    return !hasKeys || isTaken || this.#input.atEnd;
  }

  #identify(): boolean {
    const theirs = this.#identification.read(this.#reader);
    if (!theirs) return false;
    const ours = bytesOf(OUR_IDENTIFICATION);
    this.#exchanges.versions = this.#options.role === "client"
      ? { client: ours, server: theirs }
      : { client: theirs, server: ours };
    return true;
  }

  #take(message: Uint8Array): void {
    const number = message[0]!;
    this.#exchanges.check(number);
    switch (number) {
      case MessageNumber.DISCONNECT:
        return this.#end({ how: "disconnect", ...readDisconnect(message) });
      case MessageNumber.IGNORE:
        return;
      case MessageNumber.UNIMPLEMENTED:
        return void this.#options.logger.debug(
          "the peer does not implement a message that was sent to it",
        );
      case MessageNumber.DEBUG:
        // Later the receiver knows what it may be about.
        if (this.#receiver && this.#exchanges.hasKeys) break;
        return void this.#options.logger.debug(
          `debug message of the peer: ${printable(readDebug(message))}`,
        );
    }
    if (number >= 20 && number < 50) return this.#exchangeKeys(message);
    const isLogin = number === MessageNumber.USERAUTH_SUCCESS;
    if (isLogin && this.#options.role === "client") {
      this.#exchanges.onAuthenticated();
    }
    if (this.#closing || !this.#receiver) return;
    if (this.#receiver(message) === false && !this.#over) {
      this.#writer.write(writeUnimplemented(this.#reader.lastSequence));
    }
  }

  #exchangeKeys(message: Uint8Array): void {
    const step = this.#exchanges.receive(message);
    if (!step) return;
    this.#paused = true;
    this.#step = step.then(() => {
      this.#paused = false;
      this.#takeMessages();
      this.#input.look();
    }, (error) => this.#fail(error));
  }

  /** Writes a message, and does what may be due after it. */
  #write(head: Uint8Array, body?: Uint8Array): void {
    this.#writer.write(head, body);
    const isLogin = head[0] === MessageNumber.USERAUTH_SUCCESS;
    if (isLogin && this.#options.role === "server") {
      this.#exchanges.onAuthenticated();
    }
    this.#exchanges.beginIfDue();
  }

  #onNewKeysSent(
    { isFirst, peerTakesExtInfo }: {
      isFirst: boolean;
      peerTakesExtInfo: boolean;
    },
  ): void {
    if (isFirst && peerTakesExtInfo) {
      this.#writer.write(writeExtInfo(extensionsOf(this.#options)));
    }
    for (const message of this.#held.takeAll()) this.#write(message);
    if (this.#closing) this.#finish();
    this.#onProgress();
  }

  #onProgress(): void {
    this.#input.look();
    if (this.#closing) this.#expectProgress();
    if (this.congested) return;
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  /** Sends DISCONNECT and half-closes; the peer's EOF then ends the transport, or the linger timer. */
  async #finish(): Promise<void> {
    try {
      this.#writer.write(
        writeDisconnect({ reason: DisconnectReason.BY_APPLICATION, text: "" }),
      );
      await this.#output.flushed();
      if (!this.#over) await this.#options.stream.closeWrite();
    } catch {
      this.#end({ how: "closed" });
    }
  }

  #expectProgress(): void {
    clearTimeout(this.#linger);
    if (this.#over) return;
    this.#linger = setTimeout(() => this.#end({ how: "closed" }), LINGER_MS);
  }

  /** Ends the transport with an error, after a DISCONNECT. */
  #fail(error: Error): void {
    if (this.#over) return;
    const isPeers = error instanceof ProtocolError;
    const reason = error instanceof MacError
      ? DisconnectReason.MAC_ERROR
      : isPeers
      ? DisconnectReason.PROTOCOL_ERROR
      : DisconnectReason.BY_APPLICATION;
    // Other errors are of this side's making, and none of the peer's business.
    const text = isPeers ? printable(error.message) : "";
    this.#writer.write(writeDisconnect({ reason, text }));
    this.#end({ how: "error", error });
  }

  #end(end: TransportEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#exchanges.stop();
    this.#reader.wipe();
    this.#writer.wipe();
    this.#held.takeAll();
    this.#ready.reject(this.#reasonOf(end));
    this.#drained?.resolve();
    this.#input.stop();
    this.#ended.resolve(end);
    this.#close({ flush: end.how === "error" });
  }

  async #close({ flush }: { flush: boolean }): Promise<void> {
    clearTimeout(this.#linger);
    if (flush) await atMost(LINGER_MS, this.#output.flushed());
    this.#output.stop();
    try {
      await this.#options.stream.close();
    } catch {
      // It was closed from the other side of the interface: that is what was wanted.
    }
    if (!this.#exchanges.isAsking) await this.#step;
    this.#closed.resolve();
  }

  /** The error with which `ready` rejects. */
  #reasonOf(end: TransportEnd): Error {
    if (!this.#exchanges.versions) {
      return new IdentificationError(
        this.#identification.firstLine,
        end.how === "error" ? { cause: end.error } : undefined,
      );
    }
    return transportError(end);
  }
}

const noDirection = { cipher: "", mac: "", compression: "" };
/** What is agreed on before the first exchange. */
const nothing: Negotiated = {
  kex: "",
  hostKey: "",
  toServer: noDirection,
  toClient: noDirection,
  strictKex: false,
};

/** The extensions that we announce (RFC 8308 section 3, OpenSSH's PROTOCOL). */
function extensionsOf(options: TransportOptions): Map<string, string> {
  return options.role === "server"
    ? new Map([["server-sig-algs", (options.serverSigAlgs ?? []).join(",")]])
    : new Map([["ext-info-in-auth@openssh.com", "0"]]);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
