import { FieldReader, Status } from "../../src/sftp/protocol/sftp_protocol.ts";
import { SftpReplies } from "../../src/sftp/sftp_replies.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { concat, packet, string, uint32, uint64 } from "./sftp_client.ts";

Deno.test("SftpReplies puts replies one behind the other until they are taken", () => {
  const replies = new SftpReplies();
  replies.handle(1, 7);
  replies.data(2, Uint8Array.of(1, 2, 3));
  replies.status(3, Status.failure, "Failure");
  replies.path(4, "/é");
  replies.numbers(5, [2 ** 40]);

  assertEquals(
    replies.take().slice(),
    concat(
      packet(102, uint32(1), string(uint32(7))),
      packet(103, uint32(2), string(Uint8Array.of(1, 2, 3))),
      packet(101, uint32(3), uint32(4), string("Failure"), string("en")),
      ...[
        packet(
          104,
          uint32(4),
          uint32(1),
          string("/é"),
          string("/é"),
          uint32(0),
        ),
      ],
      packet(201, uint32(5), uint64(2 ** 40)),
    ),
  );
  assertEquals(replies.take().length, 0);
});

Deno.test("SftpReplies leaves nothing of a reply that does not fit", () => {
  const replies = new SftpReplies();
  replies.ok(1);
  const before = replies.take().length;
  replies.ok(1);
  assertThrows(() => replies.path(2, "é".repeat(100_000)), RangeError);
  assertEquals(replies.take().length, before);
});

Deno.test("SftpReplies.attributes() fits times into version 3", async () => {
  const replies = new SftpReplies();
  const info = await Deno.stat(".");
  const times = (mtime: Date | null) => {
    replies.attributes(1, { ...info, atime: null, mtime });
    const reader = new FieldReader(replies.take().slice(4));
    reader.uint8();
    reader.uint32();
    return reader.attributes().times;
  };

  assertEquals(times(new Date(1500)), { accessed: 0, modified: 1 });
  assertEquals(times(new Date(-5000)), { accessed: 0, modified: 0 });
  assertEquals(times(null), { accessed: 0, modified: 0 });
  assertEquals(times(new Date(8.64e15)), {
    accessed: 0,
    modified: 2 ** 32 - 1,
  });
});
