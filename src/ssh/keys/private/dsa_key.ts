import { createPrivateKey, sign } from "node:crypto";
import { concat } from "../../../streams/concat.ts";
import { type WireReader, WireWriter } from "../../wire.ts";
import type { SigningKey } from "./signing_key.ts";

const TYPE = "ssh-dss";

/**
 * Reads a DSA key, for servers that know nothing better: it is not offered
 * unless that is asked for.
 *
 * @param reader At the fields of the key in OpenSSH's format.
 * @throws {ProtocolError} if it is cut short.
 */
export function readDsaKey(reader: WireReader): SigningKey {
  const [p, q, g, y, x] = Array.from({ length: 5 }, () => reader.mpint());
  const shown = [p!, q!, g!, y!];
  const blob = new WireWriter().string(TYPE);
  for (const number of shown) blob.mpint(number);
  const fields = [new Uint8Array(), ...shown, x!].map(derInteger);
  const base64 = der(0x30, concat(...fields)).toBase64();
  const key = createPrivateKey(
    `-----BEGIN DSA PRIVATE KEY-----\n${base64}\n-----END DSA PRIVATE KEY-----\n`,
  );
  return {
    blob: blob.bytes(),
    algorithms: [TYPE],
    sign(_algorithm, data) {
      // Two numbers of 20 bytes (RFC 4253 section 6.6).
      const signature = sign("sha1", data, {
        key,
        dsaEncoding: "ieee-p1363",
      });
      return Promise.resolve(
        new WireWriter().string(TYPE).string(signature).bytes(),
      );
    },
  };
}

/** A number that is not negative: a zero byte in front keeps it so. */
function derInteger(digits: Uint8Array): Uint8Array {
  const needsZero = (digits[0] ?? 0x80) >= 0x80;
  return der(2, needsZero ? concat(Uint8Array.of(0), digits) : digits);
}

/** DER has one way to write a length: the shortest. */
function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const size = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return concat(Uint8Array.of(tag, ...size), content);
}
