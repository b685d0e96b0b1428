import { RForwardError } from "../../../src/errors.ts";
import { requireTargetPermission } from "../../../src/forward/targets/target_permission.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

Deno.test("requireTargetPermission() names the flags that are missing", {
  permissions: {
    net: ["127.0.0.1:80", "[::1]:81", "unix:/run/half"],
    read: ["/run/half"],
    write: false,
  },
}, () => {
  requireTargetPermission({ port: 80 });
  requireTargetPermission({ hostname: "::1", port: 81 });
  for (
    const [target, flags] of [
      [{ port: 81 }, "--allow-net=127.0.0.1:81"],
      [{ hostname: "localhost", port: 80 }, "--allow-net=localhost:80"],
      [{ hostname: "::1", port: 80 }, "--allow-net=[::1]:80"],
      [
        { path: "/run/half" },
        "--allow-net=unix:/run/half --allow-read=/run/half --allow-write=/run/half",
      ],
    ] as const
  ) {
    const { code, message } = assertThrows(
      () => requireTargetPermission(target),
      RForwardError,
    );
    assertEquals(code, "permission-denied");
    assertEquals(message.split("run deno with ")[1], flags);
  }
});

Deno.test(
  "requireTargetPermission() leaves a name that Deno cannot look up to the dialling",
  {
    permissions: { net: false },
  },
  () => {
    requireTargetPermission({ hostname: "a b", port: 80 });
  },
);
