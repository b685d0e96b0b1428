import { serverKind } from "../../src/ssh/server_kind.ts";
import { assertEquals } from "../assert.ts";

Deno.test("serverKind() goes by how the software calls itself", () => {
  for (
    const [software, kind] of [
      ["OpenSSH_9.2p1", "openssh"],
      ["OpenSSH_for_Windows_8.1", "openssh"],
      ["dropbear_2022.83", "dropbear"],
      ["dropbear", "dropbear"],
      ["Go", "go"],
      ["AsyncSSH_2.10.1", "other"],
      ["not OpenSSH", "other"],
      ["", "other"],
    ] as const
  ) assertEquals(serverKind({ software }), kind, software);
});
