import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { toBytes } from "../../../../src/ssh/big_integer.ts";
import { groupExchange } from "../../../../src/ssh/native/kex/group_exchange.ts";
import { modpGroup } from "../../../../src/ssh/native/kex/modp_groups.ts";
import { WireReader, WireWriter } from "../../../../src/ssh/wire.ts";

const GROUP = 31;
const REPLY = 33;
const REQUEST = 34;

const request = (min: number, preferred: number, max: number) =>
  new WireWriter().byte(REQUEST).uint32(min).uint32(preferred).uint32(max)
    .bytes();
const group = (p: bigint, g: bigint) =>
  new WireWriter().byte(GROUP).mpint(toBytes(p)).mpint(toBytes(g)).bytes();

Deno.test("groupExchange asks for 2048 to 8192 bits", async () => {
  assertEquals(await groupExchange.client().start(), request(2048, 4096, 8192));
});

const { p } = modpGroup(14);
for (
  const [what, message] of [
    ["a group of 2047 bits", group(p >> 1n, 2n)],
    ["a group of 8193 bits", group(modpGroup(18).p * 2n + 1n, 2n)],
    ["a modulus of 32768 bits", group(2n ** 32768n - 1n, 2n)],
    ["an even modulus", group(p - 1n, 2n)],
    ["generator 0", group(p, 0n)],
    ["generator 1", group(p, 1n)],
    ["generator p-1", group(p, p - 1n)],
    ["generator p", group(p, p)],
  ] as const
) {
  Deno.test(`groupExchange refuses ${what} at once`, async () => {
    const client = groupExchange.client();
    await client.start();
    // A computation would let the event loop turn.
    let turned = false;
    const turn = setTimeout(() => turned = true);
    await assertRejects(() => client.receive(message), ProtocolError);
    clearTimeout(turn);
    assertEquals(turned, false);
  });
}

Deno.test("groupExchange refuses a value of the server's that is out of range", async () => {
  for (const value of [0n, 1n, p - 1n, p]) {
    const client = groupExchange.client();
    await client.start();
    await client.receive(group(p, 2n));
    const reply = new WireWriter().byte(REPLY).string("key")
      .mpint(toBytes(value)).string("signature").bytes();
    const error = await assertRejects(
      () => client.receive(reply),
      ProtocolError,
    );
    assertMatch(error.message, /out of its range/);
  }
});

for (
  const [min, preferred, max, bits] of [
    [2048, 3072, 8192, 3072],
    [2048, 2049, 8192, 3072],
    [1024, 1024, 8192, 2048],
    [2048, 8192, 8192, 8192],
    [2048, 5000, 5000, 4096],
  ] as const
) {
  Deno.test(`groupExchange serves ${min} to ${max}, preferably ${preferred} bits, with ${bits}`, async () => {
    const answer = await groupExchange.server().receive(
      request(min, preferred, max),
    );

    assert("send" in answer);
    const reader = new WireReader(answer.send, 1);
    assertEquals(reader.mpint().length * 8, bits);
    assertEquals(reader.mpint(), Uint8Array.of(2));
  });
}

Deno.test("groupExchange serves no group that is too small, and no nonsense", async () => {
  const nonsense: [number, number, number][] = [
    [1024, 1024, 1024],
    [4096, 2048, 8192],
    [8193, 9000, 9000],
    [3000, 3000, 2000],
  ];
  for (const sizes of nonsense) {
    await assertRejects(
      () => groupExchange.server().receive(request(...sizes)),
      ProtocolError,
    );
  }
});
