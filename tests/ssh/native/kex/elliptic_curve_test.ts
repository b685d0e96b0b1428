import { createECDH } from "node:crypto";
import { assertEquals, assertMatch, assertRejects } from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { ellipticCurve } from "../../../../src/ssh/native/kex/elliptic_curve.ts";

const sizes = { X25519: 32, "P-256": 65, "P-384": 97, "P-521": 133 } as const;
const curves = Object.keys(sizes) as (keyof typeof sizes)[];

for (const curve of curves) {
  Deno.test(`ellipticCurve("${curve}") shares points of ${sizes[curve]} bytes`, async () => {
    const { initiate, respond } = ellipticCurve(curve);
    const first = await initiate();
    const second = await respond(first.share);

    assertEquals(first.share.length, sizes[curve]);
    assertEquals(second.share.length, sizes[curve]);
    assertEquals(await first.finish(second.share), second.secret);
  });

  Deno.test(`ellipticCurve("${curve}") refuses what is not a point`, async () => {
    const { initiate, respond } = ellipticCurve(curve);
    const { share, finish } = await initiate();
    const bad = [
      new Uint8Array(), // nothing
      new Uint8Array(sizes[curve]), // zeros
      share.subarray(1), // too short
      Uint8Array.of(...share, 0), // too long
    ];
    if (curve !== "X25519") {
      const offCurve = share.slice();
      offCurve[offCurve.length - 1]! ^= 1;
      const compressed = share.slice(0, (share.length + 1) / 2);
      compressed[0] = 2 + (share.at(-1)! & 1);
      const hybrid = share.slice(); // X9.62's form, with the sign in the first byte
      hybrid[0] = 6 + (share.at(-1)! & 1);
      bad.push(offCurve, compressed, hybrid, Uint8Array.of(0));
    }

    for (const point of bad) {
      await assertRejects(() => finish(point), ProtocolError);
      const error = await assertRejects(() => respond(point), ProtocolError);
      assertMatch(error.message, new RegExp(`point of ${curve}`));
    }
  });
}

Deno.test("ellipticCurve() refuses X25519 points that make the secret zero", async () => {
  const p = 2n ** 255n - 19n;
  // The points of small order (RFC 7748 section 6.1), also beyond p and with the top bit set.
  const orders = [
    0n,
    1n,
    325606250916557431795983626356110631294008115727848805560023387167927233504n,
    39382357235489614581723060781553021112529911719440698176882885853963445705823n,
    p - 1n,
    p,
    p + 1n,
  ];
  const { initiate } = ellipticCurve("X25519");
  const { finish } = await initiate();

  for (const number of orders.flatMap((n) => [n, n + 2n ** 255n])) {
    const hex = number.toString(16).padStart(64, "0");
    await assertRejects(
      () => finish(Uint8Array.fromHex(hex).reverse()),
      ProtocolError,
    );
  }
});

for (
  const [curve, name] of [["P-256", "prime256v1"], [
    "P-384",
    "secp384r1",
  ]] as const
) {
  Deno.test(`ellipticCurve("${curve}") agrees with node:crypto`, async () => {
    const other = createECDH(name);
    const share = new Uint8Array(other.generateKeys());

    const { share: own, secret } = await ellipticCurve(curve).respond(share);

    assertEquals(secret, new Uint8Array(other.computeSecret(own)));
  });
}
