import { assert, assertEquals } from "../../../assert.ts";
import { modPow } from "../../../../src/ssh/native/kex/mod_pow.ts";
import { modpGroup } from "../../../../src/ssh/native/kex/modp_groups.ts";

Deno.test("modPow() raises to a power", async () => {
  assertEquals(
    await modPow(3n, Uint8Array.of(0x01, 0x23), 1000003n),
    3n ** 0x123n % 1000003n,
  );
  assertEquals(await modPow(7n, new Uint8Array(3), 11n), 1n);
  assertEquals(await modPow(7n, Uint8Array.of(0xff), 11n), 7n ** 255n % 11n);
  assertEquals(
    await modPow(10n ** 40n, Uint8Array.of(2), 97n),
    10n ** 80n % 97n,
  );
});

Deno.test("modPow() lets the event loop turn", async () => {
  const { p } = modpGroup(18);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await modPow(p >> 2n, new Uint8Array(160).fill(0xff), p);
  clearInterval(timer);
  assert(turns >= 3, `${turns} turns`);
});
