import { ProtocolError } from "../../errors.ts";
import { MessageNumber } from "../messages/message_number.ts";

/** How far the other side is with a key exchange. */
export interface ExchangeState {
  /** Whether there are no keys yet. */
  readonly isFirst: boolean;
  /** Whether its KEXINIT came, and its NEWKEYS has not. */
  readonly hasBegun: boolean;
  /** Whether both sides keep to strict key exchange; known from the first KEXINIT on. */
  readonly isStrict: boolean;
}

/**
 * Refuses a message that may not come now (RFC 4253 section 7.1): what an
 * attacker injects before there are keys, and what a peer sends that does not
 * wait for new ones.
 *
 * @throws {ProtocolError} if it may not.
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

/** Whether it belongs to a key exchange method (RFC 4253 section 7). */
export function isOfMethod(number: number): boolean {
  return number >= 30 && number < 50;
}

/** Says that a message came where it may not. */
export function unexpected(number: number): ProtocolError {
  return new ProtocolError(
    `message ${number} came where the key exchange does not allow it`,
  );
}
