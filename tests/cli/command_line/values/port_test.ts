import { parsePort } from "../../../../src/cli/command_line/values/port.ts";
import { assertEquals } from "../../../assert.ts";

Deno.test("parsePort() reads numbers as strtonum(3) does", () => {
  for (const text of ["80", "080", "+80", " 80"]) {
    assertEquals(parsePort(text), 80, text);
  }
  assertEquals(parsePort("-0"), 0);
  for (const text of ["", "-1", "65536", "80 ", "0x50", "8e1", "80.0"]) {
    assertEquals(parsePort(text), undefined, text);
  }
});

Deno.test({
  name: "parsePort() knows no services where /etc/services may not be read",
  permissions: { read: false },
  fn() {
    assertEquals(parsePort("http"), undefined);
  },
});
