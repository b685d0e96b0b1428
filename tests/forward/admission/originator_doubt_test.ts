import { originatorDoubt } from "../../../src/forward/admission/originator_doubt.ts";
import { assertEquals, assertMatch } from "../../assert.ts";

const bind = { hostname: "localhost", port: 80 };

Deno.test("originatorDoubt() believes an address, and no name and no bind", () => {
  for (const address of ["192.0.2.1", "::1", "::ffff:10.0.0.1"]) {
    assertEquals(
      originatorDoubt({ bind, originator: { address, port: 5 } }),
      undefined,
    );
  }
  const sish = { bind, originator: { address: "localhost", port: 80 } };
  assertMatch(originatorDoubt(sish)!, /localhost:80, which is the bind/);
  const name = { bind, originator: { address: "a\x1b[2Jb", port: 80 } };
  assertMatch(
    originatorDoubt(name)!,
    /names ab:80, which is not an IP address/,
  );
});
