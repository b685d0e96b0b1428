import { ProtocolError } from "../../errors.ts";
import type { OpeningKey } from "../cipher/packet_cipher.ts";
import type {
  Negotiated,
  NegotiatedDirection,
  TransportOptions,
} from "../message_transport.ts";
import { MessageNumber } from "../messages/message_number.ts";
import { Compressor, Decompressor } from "./compression.ts";
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
  isGuessWrong,
  markers,
  negotiate,
  offerOf,
} from "./negotiation.ts";
import type { PacketReader } from "./packet_reader.ts";
import type { PacketWriter } from "./packet_writer.ts";
import { RekeySchedule } from "./rekey_schedule.ts";

/** How long the other side may take for its part, in milliseconds, unless the options say otherwise. */
const TIME_LIMIT_MS = 120_000;
const NEWKEYS = Uint8Array.of(MessageNumber.NEWKEYS);

/** What the key exchanges of a transport work with. */
export interface ExchangeParts {
  readonly options: TransportOptions;
  readonly reader: PacketReader;
  readonly writer: PacketWriter;
  /** Our keys are in use, and messages of all kinds may be sent again. */
  onNewKeysSent(events: { isFirst: boolean; peerTakesExtInfo: boolean }): void;
  /** Both sides' keys are in use. */
  onDone(): void;
  /** The other side takes too long. */
  onTimeout(error: ProtocolError): void;
}

type Direction = "toServer" | "toClient";

/** The exchange that is under way. */
interface Current {
  /** Our KEXINIT. */
  ours: { offer: KexInit; message: Uint8Array };
  /** The other side's. */
  theirs?: Uint8Array;
  exchange?: KeyExchange;
  agreement?: Agreement;
  /** The next message belongs to an exchange that the other side guessed, wrongly. */
  skipsNext?: boolean;
  /** What opens packets from the other side's NEWKEYS on. */
  opening?: OpeningKey;
}

/**
 * All key exchanges of a transport, one after the other (RFC 4253 sections 7
 * and 9): who begins, what may come meanwhile, and the change to new keys.
 */
export class KeyExchanges {
  /** The identifications, once both are known. */
  versions: { client: Uint8Array; server: Uint8Array } | undefined;
  /** The exchange hash of the first exchange. */
  sessionId: Uint8Array | undefined;
  negotiated: Negotiated | undefined;
  /** Whether the user decides about a host key: that may take its time. */
  isAsking = false;

  readonly #parts: ExchangeParts;
  readonly #out: Direction;
  readonly #in: Direction;
  #current: Current | undefined;
  #isFirst = true;
  #strict = false;
  #peerTakesExtInfo = false;
  /** Whether messages came before the other side's first KEXINIT, which strict key exchange forbids. */
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

  /** Whether the first exchange is over. */
  get hasKeys(): boolean {
    return !this.#isFirst;
  }

  /** Begins an exchange, if none is under way. */
  begin(): void {
    if (this.#current) return;
    const { options, writer } = this.#parts;
    const isFirst = this.#isFirst;
    const offer = offerOf(offered(options), options.role, { isFirst });
    const message = writeKexInit(offer);
    this.#current = { ours: { offer, message } };
    this.#newKeysSent = false;
    this.#schedule.stop();
    writer.write(message);
    this.#startDeadline();
  }

  /** Begins an exchange if the keys were used enough. */
  beginIfDue(): void {
    if (this.#current || !this.#authenticated) return;
    const { reader, writer } = this.#parts;
    if (this.#schedule.isDue(writer.use, reader.use)) this.begin();
  }

  /** Starts what waits for the login: rekeying by our own rules, which some peers cannot do before, and `zlib@openssh.com`. */
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

  /** Takes one of the messages 20 to 49 that {@linkcode check} let pass; nothing more may be read before what it returns settles. */
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

  /** Ends all that waits. */
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
        "a message came before KEXINIT, which strict key exchange forbids: the connection may have been tampered with",
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
        (hostKey) => this.#acceptHostKey(hostKey, options.verifyHostKey),
      )
      : serverExchange(
        agreement,
        { ...versions, clientKexInit: other, serverKexInit: own },
        options.hostKeys,
      );
  }

  /** The first time the user is asked; later it has to be the same key. */
  async #acceptHostKey(
    hostKey: Uint8Array,
    verify: (hostKey: Uint8Array) => Promise<void>,
  ): Promise<void> {
    if (this.#hostKey) {
      const same = this.#hostKey.length === hostKey.length &&
        this.#hostKey.every((byte, i) => byte === hostKey[i]);
      if (same) return;
      throw new ProtocolError("the server showed another host key than before");
    }
    clearTimeout(this.#deadline);
    this.isAsking = true;
    try {
      await verify(hostKey.slice());
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

  /** Sends NEWKEYS and goes on with the new keys; what comes in needs them after the other side's NEWKEYS. */
  #useKeys(current: Current, agreement: Agreement, shared: SharedSecret): void {
    const { writer } = this.#parts;
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
   * Data that was on its way when we began shows that the other side is at
   * work. It ends by itself, as no window is granted meanwhile.
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
          `the other side did not go on with the key exchange within ${exchangeTimeoutMs} ms`,
        ),
      ), exchangeTimeoutMs);
  }
}

/** A server offers only what it has a host key for. */
function offered(options: TransportOptions) {
  if (options.role === "client") return options.algorithms;
  const algorithms = options.hostKeys.flatMap((key) => key.algorithms);
  return {
    ...options.algorithms,
    hostKey: options.algorithms.hostKey
      .filter((name) => algorithms.includes(name)),
  };
}

function isCompressed({ compression }: NegotiatedDirection): boolean {
  return compression === "zlib@openssh.com";
}
