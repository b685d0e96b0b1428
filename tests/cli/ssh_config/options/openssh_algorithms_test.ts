import { opensshAlgorithms } from "../../../../src/cli/ssh_config/options/openssh_algorithms.ts";
import { nativeEngine } from "../../../../src/ssh/native/native_engine.ts";
import { supportedAlgorithms } from "../../../../src/ssh/ssh2/ssh2_algorithms.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("the command knows the algorithms of npm:ssh2 without loading it", () => {
  const kinds = Object.keys(
    opensshAlgorithms,
  ) as (keyof typeof opensshAlgorithms)[];
  for (const kind of kinds) {
    const known = new Set([
      ...opensshAlgorithms[kind],
      ...nativeEngine.supportedAlgorithms[kind],
    ]);
    const unknown = supportedAlgorithms[kind].filter((it) => !known.has(it));
    assertEquals(unknown, [], kind);
  }
});
