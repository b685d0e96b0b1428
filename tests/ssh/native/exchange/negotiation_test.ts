import fc from "fast-check";
import { ProtocolError } from "../../../../src/errors.ts";
import { UnknownAlgorithmError } from "../../../../src/ssh/message_transport.ts";
import {
  type KexInit,
  readKexInit,
  writeKexInit,
} from "../../../../src/ssh/native/exchange/kex_init.ts";
import {
  checkAlgorithms,
  isGuessWrong,
  negotiate,
  offerOf,
  supportedAlgorithms,
} from "../../../../src/ssh/native/exchange/negotiation.ts";
import { assert, assertEquals, assertThrows } from "../../../assert.ts";
import { fuzz } from "../../../fuzz.ts";

const all = supportedAlgorithms();

/** Some of a list, in any order, and names that are not ours. */
function someOf(list: readonly string[]): fc.Arbitrary<string[]> {
  return fc.shuffledSubarray([...list, "x@example.org", "y@example.org"]);
}

const anyDirection = fc.record({
  cipher: someOf(all.cipher),
  mac: someOf(all.mac),
  compression: someOf(all.compression),
}, { noNullPrototype: true });
const anyKexInit: fc.Arbitrary<KexInit> = fc.record({
  kex: someOf([...all.kex, "ext-info-c", "kex-strict-c-v00@openssh.com"]),
  hostKey: someOf(all.hostKey),
  toServer: anyDirection,
  toClient: anyDirection,
  guessFollows: fc.boolean(),
}, { noNullPrototype: true });

fuzz("readKexInit() reads what writeKexInit() wrote", [anyKexInit], (offer) => {
  assertEquals(readKexInit(writeKexInit(offer)), offer);
});

fuzz(
  "readKexInit() throws nothing but a ProtocolError for any bytes",
  [fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    // Also what is nearly right.
    fc.tuple(anyKexInit, fc.nat(), fc.nat(255)).map(([offer, at, byte]) => {
      const message = writeKexInit(offer).slice();
      message[at % message.length] = byte;
      return message;
    }),
  )],
  (message) => {
    try {
      readKexInit(message);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
    }
  },
);

fuzz(
  "negotiate() takes the client's first that the server has, too",
  [anyKexInit, anyKexInit],
  (client, server) => {
    let agreed;
    try {
      agreed = negotiate(client, server);
    } catch (error) {
      assert(error instanceof ProtocolError, String(error));
      return;
    }
    const first = (ours: readonly string[], theirs: readonly string[]) =>
      ours.find((name) => theirs.includes(name));
    const methods = client.kex.filter((name) => all.kex.includes(name));
    assertEquals(agreed.kex, first(methods, server.kex));
    assertEquals(agreed.hostKey, first(client.hostKey, server.hostKey));
    for (const way of ["toServer", "toClient"] as const) {
      const { cipher, mac, compression } = agreed[way];
      const [ours, theirs] = [client[way], server[way]];
      assertEquals(cipher, first(ours.cipher, theirs.cipher));
      assertEquals(compression, first(ours.compression, theirs.compression));
      const needsNone = /gcm|chacha/.test(cipher);
      assertEquals(mac, needsNone ? "" : first(ours.mac, theirs.mac));
    }
  },
);

const offer = (
  kex: string[],
  hostKey: string[] = ["ssh-ed25519"],
): KexInit => ({
  ...offerOf(all, "client", { isFirst: false }),
  kex,
  hostKey,
});

Deno.test("negotiate() says what both sides offer if they have nothing in common", () => {
  const { message } = assertThrows(
    () =>
      negotiate(offer(all.kex.slice()), offer(["diffie-hellman-group1-sha1"])),
    ProtocolError,
  );
  assert(message.includes("no key exchanges in common"), message);
  assert(message.includes("curve25519-sha256"), message);
  assert(message.includes("diffie-hellman-group1-sha1"), message);
});

Deno.test("negotiate() never agrees on a name that only marks what a side can do", () => {
  const both = ["ext-info-c", "kex-strict-c-v00@openssh.com"];
  assertThrows(() => negotiate(offer(both), offer(both)), ProtocolError);
});

Deno.test("isGuessWrong() unless both sides prefer the same key exchange and host key", () => {
  const [a, b] = ["curve25519-sha256", "ecdh-sha2-nistp256"];
  assertEquals(isGuessWrong(offer([a, b]), offer([a])), false);
  assertEquals(isGuessWrong(offer([a, b]), offer([b, a])), true);
  const rsa = ["rsa-sha2-512", "ssh-ed25519"];
  assertEquals(isGuessWrong(offer([a]), offer([a], rsa)), true);
});

Deno.test("offerOf() marks only the first offer, with the side's own names", () => {
  const { kex } = offerOf(all, "server", { isFirst: true });
  const marks = ["ext-info-s", "kex-strict-s-v00@openssh.com"];
  assertEquals(kex, [...all.kex, ...marks]);
  assertEquals(offerOf(all, "server", { isFirst: false }).kex, all.kex);
});

Deno.test("checkAlgorithms() names what the engine does not have, and its list", () => {
  checkAlgorithms(all);
  const error = assertThrows(
    () => checkAlgorithms({ ...all, cipher: ["aes256-cbc"] }),
    UnknownAlgorithmError,
  );
  assertEquals([error.list, error.algorithm], ["cipher", "aes256-cbc"]);
});

Deno.test("readKexInit() refuses lists without end and names that cannot be", () => {
  const names = Array.from({ length: 257 }, (_, i) => `n${i}`);
  for (
    const kex of [names, ["a b"], ["ä"], ["\x1b[2J"], ["x".repeat(65)], [
      "a",
      "",
    ]]
  ) {
    assertThrows(() => readKexInit(writeKexInit(offer(kex))), ProtocolError);
  }
});
