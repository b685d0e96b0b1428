import { applyAlgorithmList } from "../../../../src/cli/ssh_config/options/algorithm_list.ts";
import { ArgumentError } from "../../../../src/errors.ts";
import { assertEquals, assertMatch, assertThrows } from "../../../assert.ts";

const defaults = ["chacha", "aes128-ctr", "aes256-ctr"];
const supported = [...defaults, "aes128-cbc", "aes256-cbc", "3des-cbc"];

Deno.test("applyAlgorithmList() replaces, adds, takes away and puts first", () => {
  for (
    const [list, expected] of [
      [undefined, ["chacha", "aes128-ctr", "aes256-ctr"]],
      ["aes256-ctr,chacha", ["aes256-ctr", "chacha"]],
      ["aes128-cbc", ["aes128-cbc"]],
      ["+3des-cbc,chacha", ["chacha", "aes128-ctr", "aes256-ctr", "3des-cbc"]],
      ["-aes*", ["chacha"]],
      ["-chacha,unknown", ["aes128-ctr", "aes256-ctr"]],
      ["^aes256-ctr,3des-cbc", [
        "aes256-ctr",
        "3des-cbc",
        "chacha",
        "aes128-ctr",
      ]],
      ["unknown,aes128-ctr", ["aes128-ctr"]],
      ["aes???-cbc", ["aes128-cbc", "aes256-cbc"]],
      ["*-ctr,*", [
        "aes128-ctr",
        "aes256-ctr",
        "chacha",
        "aes128-cbc",
        "aes256-cbc",
        "3des-cbc",
      ]],
    ] as const
  ) {
    assertEquals(
      applyAlgorithmList("Ciphers", list, defaults, supported),
      [...expected],
      list,
    );
  }
});

Deno.test("applyAlgorithmList() refuses a list that leaves nothing", () => {
  for (const list of ["unknown", "-*", "aes128-cbc"]) {
    const error = assertThrows(
      () => applyAlgorithmList("Ciphers", list, defaults),
      ArgumentError,
    );
    assertEquals(error.argument, "Ciphers");
    assertMatch(error.message, /leaves nothing of chacha, aes128-ctr/);
  }
});
