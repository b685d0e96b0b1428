import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { ecdsaPem } from "../../src/testing/ecdsa_key.ts";
import type { ParsedKey } from "../ssh/ssh2.ts";
import { assertEquals } from "../assert.ts";

/** A key as ssh2 has it: its SEC1 form, with the scalar as OpenSSH's format writes it. */
function asSsh2Has(type: string, der: Buffer, start: number, scalar: Buffer) {
  const tail = der.subarray(start + der[start - 1]!);
  const body = Buffer.concat([
    Uint8Array.of(2, 1, 1, 4, scalar.length),
    scalar,
    tail,
  ]);
  const head = body.length < 0x80 ? [0x30] : [0x30, 0x81];
  const sec1 = Buffer.concat([Uint8Array.of(...head, body.length), body]);
  const pem = `-----BEGIN EC PRIVATE KEY-----\n${
    sec1.toString("base64")
  }\n-----END EC PRIVATE KEY-----\n`;
  return {
    type,
    isPrivateKey: () => true,
    getPrivatePEM: () => pem,
  } as ParsedKey;
}

/** A key whose scalar begins with a byte that `matches`. */
function generate(namedCurve: string, matches: (byte: number) => boolean) {
  while (true) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve });
    const der = sec1(privateKey);
    const start = der[1]! < 0x80 ? 7 : 8;
    if (matches(der[start]!)) return { privateKey, der, start };
  }
}

function sec1(key: KeyObject): Buffer {
  return key.export({ type: "sec1", format: "der" }) as Buffer;
}

for (
  const [type, curve] of [
    ["ecdsa-sha2-nistp256", "prime256v1"],
    ["ecdsa-sha2-nistp384", "secp384r1"],
  ] as const
) {
  for (
    const [what, matches, write] of [
      [
        "removes the zero before a high bit",
        (byte) => byte >= 0x80,
        (scalar) => Buffer.concat([Uint8Array.of(0), scalar]),
      ],
      [
        "puts back a zero that was left out",
        (byte) => byte === 0,
        (scalar) => scalar.subarray(1),
      ],
      [
        "leaves a scalar of full length",
        (byte) => byte > 0 && byte < 0x80,
        (scalar) => scalar,
      ],
    ] satisfies [string, (byte: number) => boolean, (s: Buffer) => Buffer][]
  ) {
    Deno.test(`ecdsaPem() ${what} (${type})`, () => {
      const { privateKey, der, start } = generate(curve, matches);
      const scalar = der.subarray(start, start + der[start - 1]!);

      const pem = ecdsaPem(asSsh2Has(type, der, start, write(scalar)));

      const expected = privateKey.export({ type: "sec1", format: "pem" });
      assertEquals(pem?.replaceAll("\r", ""), expected as string);
    });
  }
}

Deno.test("ecdsaPem() has nothing to say of other keys", () => {
  const key = { type: "ssh-ed25519", isPrivateKey: () => true } as ParsedKey;

  assertEquals(ecdsaPem(key), undefined);
});
