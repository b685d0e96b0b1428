import { ProtocolError } from "../../../errors.ts";
import { WireReader, WireWriter } from "../../wire.ts";
import { MessageNumber } from "../../messages/message_number.ts";

/** SSH_MSG_KEXINIT (RFC 4253 section 7.1): the algorithms that a side offers. */
export interface KexInit {
  /** Key exchange methods, and names that only announce a capability. */
  readonly kex: readonly string[];
  /** Host key algorithms. */
  readonly hostKey: readonly string[];
  readonly toServer: DirectionOffer;
  readonly toClient: DirectionOffer;
  /** `first_kex_packet_follows`: whether a message of a guessed method follows. */
  readonly guessFollows: boolean;
}

/** The algorithms offered for one direction. */
export interface DirectionOffer {
  readonly cipher: readonly string[];
  readonly mac: readonly string[];
  readonly compression: readonly string[];
}

const COOKIE_SIZE = 16;
/** Bytes of an algorithm's name (RFC 4251 section 6). */
const MAX_NAME = 64;
/** Names of one list; OpenSSH's longest has some 30. */
const MAX_NAMES = 256;

/** Writes the message, with a random cookie. */
export function writeKexInit(offer: KexInit): Uint8Array {
  const { toServer, toClient } = offer;
  return new WireWriter(2048)
    .byte(MessageNumber.KEXINIT)
    .raw(crypto.getRandomValues(new Uint8Array(COOKIE_SIZE)))
    .nameList(offer.kex)
    .nameList(offer.hostKey)
    .nameList(toServer.cipher)
    .nameList(toClient.cipher)
    .nameList(toServer.mac)
    .nameList(toClient.mac)
    .nameList(toServer.compression)
    .nameList(toClient.compression)
    .nameList([]) // languages
    .nameList([])
    .boolean(offer.guessFollows)
    .uint32(0)
    .bytes();
}

/**
 * Reads the message.
 *
 * @throws {ProtocolError} if it is cut short, or a list is too long or holds an invalid name.
 */
export function readKexInit(message: Uint8Array): KexInit {
  const reader = new WireReader(message, 1);
  reader.bytes(COOKIE_SIZE);
  const [kex, hostKey] = [names(reader), names(reader)];
  const ciphers = [names(reader), names(reader)] as const;
  const macs = [names(reader), names(reader)] as const;
  const compressions = [names(reader), names(reader)] as const;
  reader.string(); // languages: unused in practice
  reader.string();
  const guessFollows = reader.boolean();
  reader.uint32(); // reserved
  reader.end();
  const direction = (which: 0 | 1): DirectionOffer => ({
    cipher: ciphers[which],
    mac: macs[which],
    compression: compressions[which],
  });
  return {
    kex,
    hostKey,
    toServer: direction(0),
    toClient: direction(1),
    guessFollows,
  };
}

function names(reader: WireReader): string[] {
  const list = reader.nameList();
  if (list.length > MAX_NAMES) {
    throw new ProtocolError(`a list of algorithms has ${list.length} entries`);
  }
  // An invalid name is never agreed on, but it might be shown.
  if (
    list.some((name) => !/^[\x21-\x7e]+$/.test(name) || name.length > MAX_NAME)
  ) {
    throw new ProtocolError("a list of algorithms holds an invalid name");
  }
  return list;
}
