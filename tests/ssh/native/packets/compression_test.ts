import { constants, deflateSync } from "node:zlib";
import fc from "fast-check";
import { ProtocolError } from "../../../../src/errors.ts";
import {
  Compressor,
  Decompressor,
  isCompressionSupported,
} from "../../../../src/ssh/native/packets/compression.ts";
import { assert, assertEquals, assertThrows } from "../../../assert.ts";
import { fuzz } from "../../../fuzz.ts";

/** Both ends, closed when the test ends. */
function pair() {
  const [compressor, decompressor] = [new Compressor(), new Decompressor()];
  return {
    compressor,
    decompressor,
    [Symbol.dispose]() {
      compressor.close();
      decompressor.close();
    },
  };
}

Deno.test("isCompressionSupported() here", () => {
  assert(isCompressionSupported());
});

fuzz(
  "Decompressor restores what Compressor made of message after message",
  [fc.array(
    fc.tuple(
      fc.uint8Array({ minLength: 1, maxLength: 20 }),
      fc.option(fc.uint8Array({ maxLength: 3000 }), { nil: undefined }),
    ),
    { maxLength: 10 },
  )],
  (messages) => {
    using both = pair();
    for (const [head, body] of messages) {
      const packed = both.compressor.compress(head, body).slice();
      const whole = both.decompressor.decompress(packed).slice();
      assertEquals(whole, Uint8Array.from([...head, ...body ?? []]));
    }
  },
);

fuzz(
  "Decompressor throws nothing but a ProtocolError for any bytes",
  [fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 4 })],
  (messages) => {
    using both = pair();
    try {
      for (const message of messages) both.decompressor.decompress(message);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
    }
  },
);

Deno.test("Compressor makes later messages smaller by those before", () => {
  using both = pair();
  const message = crypto.getRandomValues(new Uint8Array(2000));
  const first = both.compressor.compress(message).length;
  const second = both.compressor.compress(message).length;
  assert(first > 1900 && second < 100, `${first} and ${second} bytes`);
});

Deno.test("Decompressor takes a message of 256 KiB, and stops in time where there is more", () => {
  const packed = (size: number) =>
    deflateSync(new Uint8Array(size), {
      finishFlush: constants.Z_PARTIAL_FLUSH,
    });
  using fits = pair();
  assertEquals(
    fits.decompressor.decompress(packed(256 * 1024)).length,
    256 * 1024,
  );
  using bomb = pair();
  const bytes = packed(200 * 1024 * 1024); // 200 kB
  const { message } = assertThrows(
    () => bomb.decompressor.decompress(bytes),
    ProtocolError,
  );
  assert(/more than 262144 bytes/.test(message), message);
});

Deno.test("Decompressor refuses a message that is empty", () => {
  using both = pair();
  assertThrows(
    () => both.decompressor.decompress(Uint8Array.of(0x78, 0x9c)),
    ProtocolError,
  );
});
