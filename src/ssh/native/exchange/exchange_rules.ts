import { ProtocolError } from "../../../errors.ts";
import { MessageNumber } from "../../messages/message_number.ts";

/** The state of the key exchange as far as the peer is concerned. */
export interface ExchangeState {
  /** Whether it is the first exchange: there are no keys yet. */
  readonly isFirst: boolean;
  /** Whether the peer's KEXINIT has arrived, and its NEWKEYS has not. */
  readonly hasBegun: boolean;
  /** Whether strict key exchange is in force; known from the first KEXINIT on. */
  readonly isStrict: boolean;
}

/**
 * Rejects a message that is not allowed at this point (RFC 4253 section 7.1):
 * injected before there are keys, or sent by a peer that does not wait for new
 * ones.
 *
 * @throws {ProtocolError} if the message is not allowed.
 */
export function checkMessage(number: number, state: ExchangeState): void {
  const { DISCONNECT, DEBUG, KEXINIT, NEWKEYS } = MessageNumber;
  if (number === DISCONNECT) return;
  const isGeneric = number <= DEBUG;
  const isExchange = isOfMethod(number) || number === NEWKEYS;
  const mayCome = state.hasBegun
    ? isExchange || isGeneric && !(state.isFirst && state.isStrict)
    : !isExchange && (!state.isFirst || isGeneric || number === KEXINIT);
  if (!mayCome) throw unexpected(number);
}

/** Whether the number belongs to a key exchange method (RFC 4253 section 7). */
export function isOfMethod(number: number): boolean {
  return number >= 30 && number < 50;
}

/** The error for a message that is not allowed at this point. */
export function unexpected(number: number): ProtocolError {
  return new ProtocolError(
    `message ${number} is not allowed at this point of the key exchange`,
  );
}
