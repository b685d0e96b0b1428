import { ArgumentError } from "../../../mod.ts";
import { AddressRanges } from "../../../src/forward/admission/address_ranges.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

const cases: [range: string, inside: string[], outside: string[]][] = [
  ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], [
    "11.0.0.0",
    "9.255.255.255",
    "::10.0.0.1",
    "a00::",
  ]],
  ["192.0.2.7", ["192.0.2.7", "::ffff:c000:207"], ["192.0.2.8"]],
  ["0.0.0.0/0", ["255.255.255.255", "0.0.0.0"], ["::", "::1"]],
  ["::/0", ["::", "::1", "ffff::"], ["1.2.3.4", "::ffff:1.2.3.4"]],
  ["2001:db8::/32", ["2001:db8::1", "2001:DB8:ffff::"], ["2001:db9::"]],
  ["::1", ["::1", "0:0:0:0:0:0:0:1", "::1%lo"], ["::2", "127.0.0.1"]],
  ["fe80::/10", ["fe80::1%eth0", "febf::1"], ["fec0::1"]],
  ["::ffff:192.0.2.0/120", ["192.0.2.255"], ["192.0.3.0"]],
  ["10.0.0.0/31", ["10.0.0.1"], ["10.0.0.2"]],
];

for (const [range, inside, outside] of cases) {
  Deno.test(`AddressRanges: ${range}`, () => {
    const ranges = new AddressRanges("allow", [range]);
    for (const address of inside) {
      assertEquals(ranges.includes(address), true, address);
    }
    const never = ["", "localhost", "10", "1.2.3", "01.2.3.4", "1.2.3.4.5"];
    for (const address of [...outside, ...never]) {
      assertEquals(ranges.includes(address), false, address);
    }
  });
}

Deno.test("AddressRanges refuses what is no range, or has bits beyond its prefix", () => {
  const bad = [
    "",
    "localhost",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "10.0.0/24",
    "010.0.0.0/8",
    "256.0.0.0",
    "10.0.0.1/8",
    "2001:db8::/129",
    "2001:db8::1/32",
    "2001:db8:::/32",
    "::ffff:10.0.0.0/8",
    "[::1]",
  ];
  for (const range of bad) {
    assertThrows(
      () => new AddressRanges("deny", [range]),
      ArgumentError,
    );
  }
});
