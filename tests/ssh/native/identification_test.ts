import fc from "fast-check";
import { IdentificationError } from "../../../src/ssh/message_transport.ts";
import {
  IdentificationReader,
  OUR_IDENTIFICATION,
} from "../../../src/ssh/native/identification.ts";
import { PacketReader } from "../../../src/ssh/native/packets/packet_reader.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { fuzz } from "../../fuzz.ts";

/** Feeds bytes in pieces of that size; returns the identification once it is complete. */
function identify(
  bytes: Uint8Array | string,
  peer: "client" | "server" = "server",
  size = Infinity,
): string | undefined {
  const data = typeof bytes === "string"
    ? new TextEncoder().encode(bytes)
    : bytes;
  const reader = new PacketReader();
  const identification = new IdentificationReader(peer);
  for (let at = 0; at < data.length;) {
    const room = reader.room();
    const part = data.subarray(at, at + Math.min(room.length, size));
    room.set(part);
    reader.advance(part.length);
    at += part.length;
    const line = identification.read(reader);
    if (line) return new TextDecoder().decode(line);
  }
  return undefined;
}

Deno.test("our identification is one that we take", () => {
  for (const peer of ["client", "server"] as const) {
    assertEquals(
      identify(`${OUR_IDENTIFICATION}\r\n`, peer),
      OUR_IDENTIFICATION,
    );
  }
});

Deno.test("an identification may end with LF alone, be of 1.99, and have comments", () => {
  for (
    const line of [
      "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
      "SSH-1.99-x",
      "SSH-2.0-",
    ]
  ) {
    for (const end of ["\n", "\r\n"]) {
      for (const size of [1, 7, Infinity]) {
        assertEquals(identify(line + end, "server", size), line);
      }
    }
  }
});

Deno.test("a server may say lines before its identification, a client may not", () => {
  const text = "Hello\r\n\r\nyou\nSSH-2.0-x\r\n";
  assertEquals(identify(text, "server", 3), "SSH-2.0-x");
  const { firstLine } = assertThrows(
    () => identify(text, "client"),
    IdentificationError,
  );
  assertEquals(firstLine, "Hello");
});

Deno.test("what does not identify itself as SSH 2 is refused, with its first line", () => {
  for (
    const [text, first] of [
      ["SSH-1.5-old\n", "SSH-1.5-old"],
      ["SSH-2.0\n", "SSH-2.0"],
      ["SSH-2.0-a\tb\n", "SSH-2.0-a\tb"],
      [`SSH-2.0-${"x".repeat(246)}\r\n`, `SSH-2.0-${"x".repeat(246)}`],
      ["220 mail\n".repeat(1024), "220 mail"],
      ["z".repeat(8193), "z".repeat(255)],
    ] as const
  ) {
    const error = assertThrows(() => identify(text), IdentificationError);
    assertEquals(error.firstLine, first);
  }
  assertEquals(identify("220 mail\n".repeat(1023)), undefined);
  assertEquals(identify("z".repeat(8192)), undefined);
});

fuzz(
  "IdentificationReader throws nothing but an IdentificationError for any bytes",
  [
    fc.oneof(
      fc.uint8Array({ maxLength: 600 }),
      fc.string({ maxLength: 300 }).map((text) => `SSH-2.0-${text}\n`),
    ),
    fc.integer({ min: 1, max: 100 }),
  ],
  (bytes, size) => {
    try {
      const line = identify(bytes, "server", size);
      assert(line === undefined || /^SSH-(2\.0|1\.99)-/.test(line));
    } catch (error) {
      assert(error instanceof IdentificationError, String(error));
    }
  },
);
