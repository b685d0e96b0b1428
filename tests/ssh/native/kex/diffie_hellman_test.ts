import { createDiffieHellman, getDiffieHellman } from "node:crypto";
import { assertEquals, assertRejects } from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { toBigInt, toBytes } from "../../../../src/ssh/big_integer.ts";
import { diffieHellman } from "../../../../src/ssh/native/kex/diffie_hellman.ts";
import {
  modpGroup,
  modpGroupBits,
  type ModpGroupNumber,
} from "../../../../src/ssh/native/kex/modp_groups.ts";

Deno.test("diffieHellman() agrees with node:crypto", async () => {
  const other = getDiffieHellman("modp14");
  const share = toBytes(toBigInt(new Uint8Array(other.generateKeys())));

  const own = await diffieHellman(modpGroup(14)).respond(share);

  const secret = new Uint8Array(other.computeSecret(own.share));
  assertEquals(toBigInt(own.secret), toBigInt(secret));
});

Deno.test("diffieHellman() refuses numbers out of range, without a computation", async () => {
  const { p, g } = modpGroup(18);
  const group = diffieHellman({ p, g });

  for (const number of [0n, 1n, p - 1n, p, p + 1n, p * p]) {
    // A computation would let the event loop turn.
    let turned = false;
    const turn = setTimeout(() => turned = true);
    await assertRejects(() => group.respond(toBytes(number)), ProtocolError);
    clearTimeout(turn);
    assertEquals(turned, false);
  }
  const { finish } = await diffieHellman(modpGroup(14)).initiate();
  for (const number of [0n, 1n, modpGroup(14).p - 1n]) {
    await assertRejects(() => finish(toBytes(number)), ProtocolError);
  }
});

Deno.test("modpGroup() has the groups of RFC 3526", () => {
  // The formula of the RFC, 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + c).
  const additions = {
    14: 124476n,
    15: 1690314n,
    16: 240904n,
    17: 929484n,
    18: 4743158n,
  };
  for (const number of [14, 15, 16, 17, 18] as ModpGroupNumber[]) {
    const n = BigInt(modpGroupBits[number]);
    const { p, g } = modpGroup(number);
    assertEquals(g, 2n);
    assertEquals(
      p,
      2n ** n - 2n ** (n - 64n) - 1n +
        2n ** 64n * (floorOfPi(n - 130n) + additions[number]),
    );
  }
});

Deno.test("diffieHellman() works in a group that is not of RFC 3526", async () => {
  const p = createDiffieHellman(256).getPrime();
  const group = diffieHellman({ p: toBigInt(new Uint8Array(p)), g: 2n });
  const first = await group.initiate();
  const second = await group.respond(first.share);

  assertEquals(await first.finish(second.share), second.secret);
});

/** `2 ** bits * pi`, rounded down, by Machin's formula. */
function floorOfPi(bits: bigint): bigint {
  const guard = 64n;
  const one = 1n << (bits + guard);
  const arctanOfInverse = (x: bigint) => {
    let sum = 0n;
    for (let n = 1n, power = one / x; power !== 0n; n += 2n, power /= x * x) {
      sum += n % 4n === 1n ? power / n : -(power / n);
    }
    return sum;
  };
  return (4n * (4n * arctanOfInverse(5n) - arctanOfInverse(239n))) >> guard;
}
