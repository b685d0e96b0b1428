import { defaultAlgorithms } from "../../../src/ssh/ssh2/ssh2_algorithms.ts";
import { assertEquals } from "../../assert.ts";

Deno.test("defaultAlgorithms has no group exchange, whose modulus the server chooses", () => {
  assertEquals(
    defaultAlgorithms.kex.filter((name) => name.includes("exchange")),
    [],
  );
});
