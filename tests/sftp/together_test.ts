import { Packet } from "../../src/sftp/protocol/sftp_protocol.ts";
import { together } from "../../src/sftp/together.ts";
import { assertEquals } from "../assert.ts";

const request = (type: number) => Uint8Array.of(type);
const types = (groups: Iterable<Iterable<unknown>>) =>
  Array.from(
    groups,
    (group) =>
      Array.from(group, (step) => step instanceof Uint8Array ? step[0] : step),
  );

Deno.test("together() groups questions that follow each other, and leaves the order of all else", () => {
  const { lstat, stat, open, setstat } = Packet;
  const transfer = { type: Packet.read };
  const steps = [
    ...[lstat, stat, open, lstat, setstat, setstat].map(request),
    ...[transfer, request(lstat)],
  ];
  assertEquals(types(together(steps)), [
    ...[[lstat, stat], [open], [lstat], [setstat], [setstat]],
    ...[[transfer], [lstat]],
  ]);
});

Deno.test("together() groups no more than 16, whose replies fit one buffer", () => {
  const many = Array.from({ length: 40 }, () => request(Packet.realpath));
  assertEquals(types(together(many)).map((group) => group.length), [16, 16, 8]);
});
