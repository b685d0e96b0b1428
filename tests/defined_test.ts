import { defined } from "../src/defined.ts";
import { assertEquals } from "./assert.ts";

Deno.test("defined() leaves out what is undefined, and nothing else", () => {
  const text = (): string | undefined => undefined;
  const record: { a: number; b?: string; c: null; d?: false } = defined({
    ...{ a: 0, b: text(), c: null },
    d: false as false | undefined,
  });
  assertEquals(record, { a: 0, c: null, d: false });
  assertEquals("b" in record, false);
});
