/** Which files and lines lookUpKnownHost() reads, and what it refuses. */
import { join } from "node:path";
import { ArgumentError } from "../../../../src/errors.ts";
import { silentLogger } from "../../../../src/logger.ts";
import { lookUpKnownHost } from "../../../../src/ssh/host_keys/known_hosts/known_hosts.ts";
import { assertEquals, assertMatch, assertRejects } from "../../../assert.ts";
import {
  ed25519Key,
  keepingLogger,
  testDirectory,
} from "../host_key_fixture.ts";
import { check, checkElsewhere } from "./check_known_hosts.ts";

const key = ed25519Key(1);

Deno.test("lookUpKnownHost() refuses an alias that would be more than a name in known_hosts", async () => {
  for (const alias of ["", "*", "[a]:22", "a b", "a\n*"]) {
    const error = await assertRejects(
      () => check({ text: "", alias }),
      ArgumentError,
    );
    assertEquals(error.argument, "hostKeys.alias");
  }
});

Deno.test("lookUpKnownHost() requires the files that are named", async () => {
  await using dir = await testDirectory();
  const missing = join(dir.path, "missing");
  const there = await dir.file("there");
  for (
    const options of [
      { files: [missing] },
      { files: [there, missing], acceptNew: true },
      { files: [dir.path] },
    ]
  ) {
    const error = await assertRejects(() => check(options), ArgumentError);
    assertEquals(error.argument, "hostKeys.files");
    assertMatch(error.message, new RegExp(options.files.at(-1)!));
  }
});

Deno.test("lookUpKnownHost() stops reading an endless file, and refuses a directory", async () => {
  for (
    const [file, reason] of [
      ["/dev/zero", "it has more than 256 MiB"],
      ["/tmp", "Is a directory (os error 21)"],
    ] as const
  ) {
    const { message } = await assertRejects(
      () => lookUpKnownHost({ files: [file] }, "host", 22, silentLogger),
      ArgumentError,
    );
    assertEquals(
      message,
      `hostKeys.files: Cannot read the known_hosts file ${file}: ${reason}`,
    );
  }
});

Deno.test("lookUpKnownHost() refuses a host that would be more than a name in known_hosts", async () => {
  for (
    const host of ["", "*", "a,b", "!a", "#a", "|1|a", "@revoked", "[a]", "a b"]
      .concat("a\n*", "a\0")
  ) {
    const error = await assertRejects(
      () => check({ text: "", acceptNew: true }, { hostname: host }),
      ArgumentError,
    );
    assertEquals(error.argument, "hostname");
  }
});

Deno.test("lookUpKnownHost() skips bad lines", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("k", "bad", `example.org ${key.text}`, "@bad");
  const logger = keepingLogger();

  await check({ files: [file] }, { logger });

  assertEquals(logger.messages, [
    `warn: ${file}:1: skipped, not a known_hosts line (1 more like it)`,
  ]);
});

Deno.test("lookUpKnownHost() reads ~/.ssh/known_hosts by default, which may be missing", async () => {
  await using home = await testDirectory();
  const flags = ["--allow-env=HOME", `--allow-read=${home.path},/etc/ssh`];

  assertEquals(await checkElsewhere(home.path, flags), "host-key-unknown");
  await Deno.mkdir(join(home.path, ".ssh"));
  await home.file(".ssh/known_hosts", `example.org ${key.text}`);
  assertEquals(await checkElsewhere(home.path, flags), "accepted");
});

Deno.test("lookUpKnownHost() names the missing permission", async () => {
  await using home = await testDirectory();
  const files = `${home.path}/.ssh/known_hosts,/etc/ssh/ssh_known_hosts`;
  for (
    const [flags, expected] of [
      [[], /run deno with --allow-env=HOME, or name the known_hosts files/],
      [["--allow-env=HOME"], new RegExp(`--allow-read=${files}`)],
      [
        ["--allow-env=HOME", `--allow-read=${home.path}`],
        new RegExp(
          `read the known_hosts file /etc/ssh/ssh_known_hosts; run deno with --allow-read=${files}$`,
        ),
      ],
      [
        ["--allow-env=HOME", "--allow-read"],
        new RegExp(`write access to "${home.path}/.+--allow-write`),
      ],
      [
        [
          ...["--allow-env=HOME", "--allow-read"],
          `--allow-write=${home.path}/.ssh/known_hosts`,
        ],
        new RegExp(`write access to "${home.path}/.ssh".+--allow-write`),
      ],
    ] as const
  ) {
    const message = await checkElsewhere(home.path, flags, { acceptNew: true });
    assertMatch(message, /^permission-denied /);
    assertMatch(message, expected);
  }
});

Deno.test("lookUpKnownHost() requires named files without a home directory", async () => {
  const message = await checkElsewhere("", [
    "--allow-env=HOME",
    "--allow-read",
  ]);
  assertMatch(message, /^invalid-argument hostKeys.files: .*HOME is not set/);
});
