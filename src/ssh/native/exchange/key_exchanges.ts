import { isSameKey } from "../../keys/public/key_blob.ts";
import { ProtocolError } from "../../../errors.ts";
import type { OpeningKey } from "../../cipher/packet_cipher.ts";
import type {
  Negotiated,
  NegotiatedDirection,
  TransportOptions,
} from "../../message_transport.ts";
import { MessageNumber } from "../../messages/message_number.ts";
import { Compressor, Decompressor } from "../packets/compression.ts";
import { directionKeys } from "./direction_keys.ts";
import { checkMessage, unexpected } from "./exchange_rules.ts";
import type { SharedSecret } from "./key_derivation.ts";
import {
  clientExchange,
  type KeyExchange,
  serverExchange,
} from "./key_exchange.ts";
import { type KexInit, readKexInit, writeKexInit } from "./kex_init.ts";
import {
  type Agreement,
  algorithmsToOffer,
  isGuessWrong,
  markers,
  negotiate,
  offerOf,
} from "./negotiation.ts";
import type { PacketReader } from "../packets/packet_reader.ts";
import type { PacketWriter } from "../packets/packet_writer.ts";
import { RekeySchedule } from "./rekey_schedule.ts";

/** Default time limit for the peer's part of an exchange, in milliseconds. */
const TIME_LIMIT_MS = 120_000;
const NEWKEYS = Uint8Array.of(MessageNumber.NEWKEYS);

/** What the key exchanges of a transport work with. */
export interface ExchangeParts {
  readonly options: TransportOptions;
  readonly reader: PacketReader;
  readonly writer: PacketWriter;
  /** Called when our new keys are in use: messages of all kinds may be sent again. */
  onNewKeysSent(events: { isFirst: boolean; peerTakesExtInfo: boolean }): void;
  /** Called when both directions use the new keys. */
  onDone(): void;
  /** Called when the peer exceeds the time limit. */
  onTimeout(error: ProtocolError): void;
}

type Direction = "toServer" | "toClient";

/** The exchange in progress. */
interface Current {
  /** Our KEXINIT. */
  ours: { offer: KexInit; message: Uint8Array };
  /** The peer's KEXINIT. */
  theirs?: Uint8Array;
  exchange?: KeyExchange;
  agreement?: Agreement;
  /** Whether the peer's next message belongs to a method that it guessed wrongly. */
  skipsNext?: boolean;
  /** The key for packets after the peer's NEWKEYS. */
  opening?: OpeningKey;
}

/**
 * The key exchanges of a transport, one after the other (RFC 4253 sections 7
 * and 9): starting them, the messages that are allowed meanwhile, and the switch
 * to new keys.
 */
export class KeyExchanges {
  /** The identifications, once both are known. */
  versions: { client: Uint8Array; server: Uint8Array } | undefined;
  /** The exchange hash of the first exchange. */
  sessionId: Uint8Array | undefined;
  negotiated: Negotiated | undefined;
  /** Whether `verifyHostKey` is running, which may wait for the user. */
  isAsking = false;

  readonly #parts: ExchangeParts;
  readonly #out: Direction;
  readonly #in: Direction;
  #current: Current | undefined;
  #isFirst = true;
  #strict = false;
  #peerTakesExtInfo = false;
  /** Whether a message preceded the peer's first KEXINIT, which strict key exchange forbids. */
  #cameEarly = false;
  #newKeysSent = false;
  #authenticated = false;
  #hostKey: Uint8Array | undefined;
  readonly #schedule: RekeySchedule;
  #deadline: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { rekey = {}, role } = parts.options;
    this.#schedule = new RekeySchedule(rekey, () => this.begin());
    [this.#out, this.#in] = role === "client"
      ? ["toServer", "toClient"]
      : ["toClient", "toServer"];
  }

  /** Whether only messages of the transport layer may be sent: from our KEXINIT to our NEWKEYS. */
  get holdsMessages(): boolean {
    return !this.#newKeysSent;
  }

  /** Whether the first exchange has completed. */
  get hasKeys(): boolean {
    return !this.#isFirst;
  }

  /** Starts an exchange, unless one is in progress. */
  begin(): void {
    if (this.#current) return;
    const { options, writer } = this.#parts;
    const isFirst = this.#isFirst;
    const offer = offerOf(algorithmsToOffer(options), options.role, {
      isFirst,
    });
    const message = writeKexInit(offer);
    this.#current = { ours: { offer, message } };
    this.#newKeysSent = false;
    this.#schedule.stop();
    writer.write(message);
    this.#startDeadline();
  }

  /** Starts an exchange if the keys have reached a limit. */
  beginIfDue(): void {
    if (this.#current || !this.#authenticated) return;
    const { reader, writer } = this.#parts;
    if (this.#schedule.isDue(writer.use, reader.use)) this.begin();
  }

  /** Enables what has to wait for the login: rekeying on our own, which some peers cannot do earlier, and `zlib@openssh.com`. */
  onAuthenticated(): void {
    if (this.#authenticated) return;
    this.#authenticated = true;
    const { negotiated } = this;
    if (!negotiated) return;
    this.#compress(negotiated[this.#out]);
    this.#decompress(negotiated[this.#in]);
    this.#schedule.start(negotiated[this.#out], negotiated[this.#in]);
  }

  /** @throws {ProtocolError} if a message with that number may not come now. */
  check(number: number): void {
    const hasBegun = this.#current?.theirs !== undefined;
    const isFirst = this.#isFirst;
    checkMessage(number, { hasBegun, isFirst, isStrict: this.#strict });
    if (hasBegun) return;
    if (isFirst && number !== MessageNumber.KEXINIT) this.#cameEarly = true;
    this.#onProgress(number);
  }

  /** Handles a message from 20 to 49 that {@linkcode check} accepted. Nothing more may be read until the promise settles. */
  receive(message: Uint8Array): Promise<void> | undefined {
    const current = this.#current;
    switch (message[0]) {
      case MessageNumber.KEXINIT:
        return this.#onKexInit(message.slice());
      case MessageNumber.NEWKEYS:
        return this.#onNewKeys(current!);
    }
    if (current?.skipsNext) {
      current.skipsNext = false;
      return undefined;
    }
    const { exchange } = current ?? {};
    if (!exchange || current?.opening) throw unexpected(message[0]!);
    return this.#step(current!, exchange, message.slice());
  }

  /** Stops the timers and drops the exchange in progress. */
  stop(): void {
    clearTimeout(this.#deadline);
    this.#schedule.stop();
    this.#current?.opening?.wipe();
    this.#current = undefined;
  }

  #onKexInit(message: Uint8Array): Promise<void> {
    const { options, writer } = this.#parts;
    this.begin();
    const current = this.#current!;
    current.theirs = message;
    const theirs = readKexInit(message);
    const ours = current.ours.offer;
    const [client, server] = options.role === "client"
      ? [ours, theirs]
      : [theirs, ours];
    if (this.#isFirst) this.#readMarkers(theirs);
    const agreement = negotiate(client, server);
    current.agreement = agreement;
    current.skipsNext = theirs.guessFollows && isGuessWrong(client, server);
    const exchange = this.#createExchange(current, agreement);
    current.exchange = exchange;
    return exchange.start().then((first) => {
      if (first && this.#current === current) writer.write(first);
    });
  }

  #readMarkers(theirs: KexInit): void {
    const { role } = this.#parts.options;
    const { strict, extInfo } =
      markers[role === "client" ? "server" : "client"];
    this.#strict = theirs.kex.includes(strict);
    this.#peerTakesExtInfo = theirs.kex.includes(extInfo);
    if (this.#strict && this.#cameEarly) {
      throw new ProtocolError(
        "a message preceded KEXINIT, which strict key exchange forbids: the connection may have been tampered with",
      );
    }
  }

  #createExchange(current: Current, agreement: Agreement): KeyExchange {
    const { options } = this.#parts;
    const [own, other] = [current.ours.message, current.theirs!];
    const { client, server } = this.versions!;
    const versions = { clientVersion: client, serverVersion: server };
    return options.role === "client"
      ? clientExchange(
        agreement,
        { ...versions, clientKexInit: own, serverKexInit: other },
        (hostKey, signature) =>
          this.#acceptHostKey(
            hostKey,
            () => options.verifyHostKey(hostKey.slice(), signature.slice()),
          ),
      )
      : serverExchange(
        agreement,
        { ...versions, clientKexInit: other, serverKexInit: own },
        options.hostKeys,
      );
  }

  /** Verifies the host key in the first exchange; later ones have to show the same key. */
  async #acceptHostKey(
    hostKey: Uint8Array,
    verify: () => Promise<void>,
  ): Promise<void> {
    if (this.#hostKey) {
      if (isSameKey(this.#hostKey, hostKey)) return;
      throw new ProtocolError("the server showed another host key than before");
    }
    clearTimeout(this.#deadline);
    this.isAsking = true;
    try {
      await verify();
    } finally {
      this.isAsking = false;
    }
    this.#hostKey = hostKey.slice();
    if (this.#current) this.#startDeadline();
  }

  async #step(
    current: Current,
    exchange: KeyExchange,
    message: Uint8Array,
  ): Promise<void> {
    const { send, shared } = await exchange.receive(message);
    if (this.#current !== current) return; // The transport ended meanwhile.
    if (send) this.#parts.writer.write(send);
    if (shared) this.#useKeys(current, current.agreement!, shared);
  }

  /** Sends NEWKEYS and switches to the new keys; those for receiving apply from the peer's NEWKEYS on. */
  #useKeys(current: Current, agreement: Agreement, shared: SharedSecret): void {
    const { writer, options } = this.#parts;
    this.sessionId ??= shared.exchangeHash;
    const { sessionId } = this;
    const strictKex = this.#strict;
    this.negotiated = { ...agreement, strictKex };
    const keys = (which: Direction) =>
      directionKeys(shared, sessionId, which, agreement[which]);

    writer.write(NEWKEYS);
    writer.setKey(keys(this.#out).sealing(), { resetSequence: strictKex });
    if (this.#authenticated) this.#compress(agreement[this.#out]);
    current.opening = keys(this.#in).opening();
    shared.secret.fill(0);

    this.#newKeysSent = true;
    options.logger.debug(
      this.#isFirst ? "exchanged keys" : "exchanged keys again",
    );
    this.#parts.onNewKeysSent({
      isFirst: this.#isFirst,
      peerTakesExtInfo: this.#peerTakesExtInfo,
    });
  }

  #onNewKeys(current: Current): undefined {
    const { opening, agreement } = current;
    if (!opening || !agreement) throw unexpected(MessageNumber.NEWKEYS);
    const { reader } = this.#parts;
    reader.setKey(opening, { resetSequence: this.#strict });
    this.#current = undefined;
    this.#isFirst = false;
    clearTimeout(this.#deadline);
    if (this.#authenticated) {
      this.#decompress(agreement[this.#in]);
      this.#schedule.start(agreement[this.#out], agreement[this.#in]);
    }
    this.#parts.onDone();
  }

  #compress(direction: NegotiatedDirection): void {
    const { writer } = this.#parts;
    writer.compressor?.close();
    writer.compressor = isCompressed(direction) ? new Compressor() : undefined;
  }

  #decompress(direction: NegotiatedDirection): void {
    const { reader } = this.#parts;
    reader.decompressor?.close();
    reader.decompressor = isCompressed(direction)
      ? new Decompressor()
      : undefined;
  }

  /**
   * Data in flight when the exchange started shows that the peer is making
   * progress. It cannot continue forever: no window is granted meanwhile.
   */
  #onProgress(number: number): void {
    const isData = number === MessageNumber.CHANNEL_DATA ||
      number === MessageNumber.CHANNEL_EXTENDED_DATA;
    if (this.#current && isData) this.#startDeadline();
  }

  #startDeadline(): void {
    const { options: { exchangeTimeoutMs = TIME_LIMIT_MS }, onTimeout } =
      this.#parts;
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() =>
      onTimeout(
        new ProtocolError(
          `the peer did not complete its part of the key exchange within ${exchangeTimeoutMs} ms`,
        ),
      ), exchangeTimeoutMs);
  }
}

function isCompressed({ compression }: NegotiatedDirection): boolean {
  return compression === "zlib@openssh.com";
}
