/**
 * Big-endian numbers as bigints.
 *
 * @module
 */

/** A big-endian number. */
export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toHex()}`);
}

/** A number in big endian, without zeros in front. */
export function toBytes(number: bigint): Uint8Array {
  const hex = number.toString(16);
  return Uint8Array.fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
}
