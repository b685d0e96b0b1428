import { RekeySchedule } from "../../../../src/ssh/native/exchange/rekey_schedule.ts";
import { assertEquals } from "../../../assert.ts";

const GIB = 2 ** 30;
const chacha20 = direction("chacha20-poly1305@openssh.com");
const aes = direction("aes128-ctr");
const unused = { packets: 0, bytes: 0 };

function direction(cipher: string) {
  return { cipher, mac: "", compression: "none" };
}

function schedule(limit = {}, ciphers = [chacha20, chacha20]): RekeySchedule {
  const schedule = new RekeySchedule(limit, () => {});
  schedule.start(ciphers[0]!, ciphers[1]!);
  return schedule;
}

Deno.test("keys of chacha20 are due after 1 GiB, of AES after 2^32 blocks, each way by itself", () => {
  const rules = schedule({}, [chacha20, aes]);
  const used = (bytes: number) => ({ packets: 1, bytes });
  assertEquals(rules.isDue(used(GIB - 1), used(64 * GIB - 1)), false);
  assertEquals(rules.isDue(used(GIB), unused), true);
  assertEquals(rules.isDue(unused, used(64 * GIB)), true);
});

Deno.test("keys are due after 2^31 packets, whatever the limit", () => {
  const rules = schedule({ bytes: Infinity }, [aes, aes]);
  const used = (packets: number) => ({ packets, bytes: 0 });
  assertEquals(rules.isDue(used(2 ** 31 - 1), used(2 ** 31 - 1)), false);
  assertEquals(rules.isDue(used(2 ** 31), unused), true);
  assertEquals(rules.isDue(unused, used(2 ** 31)), true);
});

Deno.test("a limit of the user's counts if it is less", () => {
  const used = (bytes: number) => ({ packets: 1, bytes });
  assertEquals(schedule({ bytes: 1000 }).isDue(used(1000), unused), true);
  assertEquals(schedule({ bytes: 1000 }).isDue(used(999), unused), false);
  assertEquals(schedule({ bytes: 2 * GIB }).isDue(used(GIB), unused), true);
});

Deno.test("keys are due at their age, counted from the last ones", async () => {
  const due = Promise.withResolvers<void>();
  const rules = new RekeySchedule({ ms: 10 }, due.resolve);
  rules.start(aes, aes);
  rules.start(aes, aes);
  await due.promise;
  rules.stop();
});

Deno.test("an age of months is not taken for none", async () => {
  let isDue = false;
  const rules = new RekeySchedule({ ms: 2 ** 32 }, () => isDue = true);
  rules.start(aes, aes);
  await new Promise((resolve) => setTimeout(resolve, 5));
  rules.stop();
  assertEquals(isDue, false);
});
