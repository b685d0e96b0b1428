import { statusOf } from "../../../src/sftp/protocol/sftp_status.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

const { errors } = Deno;

Deno.test("statusOf() names the errors that SFTP has words for", () => {
  const cases: [Error, number, string][] = [
    [new errors.NotFound("/secret"), 2, "No such file"],
    [new errors.NotADirectory("/secret"), 2, "No such file"],
    [new errors.FilesystemLoop("/secret"), 2, "No such file"],
    [new errors.PermissionDenied("/secret"), 3, "Permission denied"],
    [new errors.NotCapable("/secret"), 3, "Permission denied"],
    [new errors.InvalidData("/secret"), 5, "Bad message"],
    [
      new errors.InvalidData('"/secret" is not valid UTF-8'),
      8,
      "Names that are not UTF-8 are not supported",
    ],
    [new errors.NotSupported("/secret"), 8, "Operation unsupported"],
    [new errors.AlreadyExists("/secret"), 4, "Failure"],
    [new TypeError("/secret"), 4, "Failure"],
  ];
  for (const [error, code, text] of cases) {
    assertEquals(statusOf(error), { code, text });
  }
});

Deno.test("statusOf() gives the system's error name, not its message", async () => {
  const missing = () => Deno.stat("/there is no such file");
  assertEquals(statusOf(await assertRejects(missing, Error)), {
    code: 2,
    text: "No such file (ENOENT)",
  });
  const full = Object.assign(new Error("/secret"), { code: "ENOSPC" });
  assertEquals(statusOf(full).text, "Failure (ENOSPC)");
  const odd = Object.assign(new Error("/secret"), { code: "/secret" });
  assertEquals(statusOf(odd).text, "Failure");
});
