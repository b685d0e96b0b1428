/** New host keys: who accepts them, and how known_hosts remembers them. */
import { join } from "node:path";
import type { HostKey } from "../../../../src/ssh/host_keys/host_key.ts";
import { fingerprint } from "../../../../src/ssh/keys/public/key_blob.ts";
import type { KnownHostsOptions } from "../../../../src/ssh/host_keys/known_hosts/known_hosts_options.ts";
import { assertEquals, assertMatch } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { run } from "../../../servers/run.ts";
import {
  ed25519Key,
  keepingLogger,
  testDirectory,
  type TestKey,
} from "../host_key_fixture.ts";
import { check, checkElsewhere, rejection } from "./check_known_hosts.ts";

const key = ed25519Key(1);
const other = ed25519Key(2);
const fp = (key: TestKey) => fingerprint(key.data);

Deno.test("check() remembers a new key in the first file, and no other", async () => {
  await using dir = await testDirectory();
  const first = join(dir.path, "new", "known_hosts");
  const second = await dir.file("second", `[example.com]:2222 ${key.text}`);
  const options = { files: [first, second], acceptNew: true };
  const logger = keepingLogger();

  await check(options, { hostname: "Example.ORG", port: 2222, logger });

  const line = `[example.org]:2222 ${key.text}\n`;
  assertEquals(await Deno.readTextFile(first), line);
  assertEquals(logger.messages, [
    `info: [example.org]:2222 is new: accepted its ssh-ed25519 key ${
      fp(key)
    } and added it to ${first}`,
  ]);

  await check(options, { port: 2222 });
  const changed = await rejection(options, { port: 2222, key: other });
  assertEquals(changed.code, "host-key-changed");
  assertEquals(changed.locations, [{ file: first, line: 1 }]);
  assertEquals(await Deno.readTextFile(first), line);
});

serverTest(
  "ssh",
  "check() remembers a new key as ssh-keygen finds it",
  async () => {
    await using dir = await testDirectory();
    const file = join(dir.path, "known_hosts");
    await Deno.writeTextFile(file, `unfinished ${other.text}`);
    for (const [host, port] of [["::1", 2222], ["Example.org", 22]] as const) {
      await check({ files: [file], acceptNew: true }, { hostname: host, port });
    }

    for (
      const [name, line] of [["[::1]:2222", 2], ["example.org", 3]] as const
    ) {
      assertEquals(
        await run("ssh-keygen", ["-F", name, "-f", file]),
        `# Host ${name} found: line ${line} \n${name} ${key.text}\n`,
      );
    }
  },
);

Deno.test("check() accepts a new key for this connection only where there is no file", async () => {
  const logger = keepingLogger();

  await check({ text: "", acceptNew: true }, { logger });

  assertEquals(logger.messages, [
    `info: example.org is new: accepted its ssh-ed25519 key ${fp(key)}`,
  ]);
});

Deno.test("check() asks acceptNew about an unknown key, and about no other", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("known_hosts");
  const asked: HostKey[] = [];
  let answer: () => boolean | Promise<boolean> = () => false;
  const options: KnownHostsOptions = {
    files: [file],
    acceptNew: (key) => {
      asked.push(key);
      return answer();
    },
  };
  const cause = new Error("no terminal");
  for (
    const [no, because] of [
      [() => false, undefined],
      [() => "yes" as unknown as boolean, undefined],
      [() => Promise.reject(cause), cause],
    ] as const
  ) {
    answer = no;
    const error = await rejection(options, { port: 2222 });
    assertEquals(error.code, "host-key-rejected");
    assertEquals(error.cause, because);
    assertEquals(await Deno.readTextFile(file), "");
  }

  answer = () => Promise.resolve(true);
  await check(options, { port: 2222 });

  const line = `[example.org]:2222 ${key.text}\n`;
  assertEquals(await Deno.readTextFile(file), line);
  assertEquals(asked.length, 4);
  assertEquals(asked[3], {
    ...{ hostname: "example.org", port: 2222, type: key.type, data: key.data },
    fingerprint: fp(key),
  });

  await check(options, { port: 2222 });
  const changed = await rejection(options, { port: 2222, key: other });
  assertEquals(changed.code, "host-key-changed");
  await dir.file("known_hosts", `@revoked * ${key.text}`);
  const revoked = await rejection(options, { port: 2222 });
  assertEquals(revoked.code, "host-key-revoked");
  assertEquals(asked.length, 4);
});

Deno.test("check() remembers a new key that acceptNew accepts in a file that was missing", async () => {
  await using dir = await testDirectory();
  const file = join(dir.path, "new", "known_hosts");
  await check({ files: [file], acceptNew: () => true });
  assertEquals(await Deno.readTextFile(file), `example.org ${key.text}\n`);
});

serverTest(
  "ssh",
  "check() remembers a new key without the host's name where that is asked, as ssh-keygen finds it",
  async () => {
    await using dir = await testDirectory();
    const file = join(dir.path, "known_hosts");
    const options = { files: [file], acceptNew: true, hashed: true };
    const hosts = [["example.org", 2222], ["Example.org", 22]] as const;
    for (const [host, port] of hosts) {
      await check(options, { hostname: host, port });
    }

    const text = await Deno.readTextFile(file);
    assertMatch(text, /^(\|1\|\S{28}\|\S{28} ssh-ed25519 \S+\n){2}$/);
    assertEquals(new Set(text.match(/\|1\|\S+/g)).size, 2);
    for (
      const [name, line] of [["[example.org]:2222", 1], ["example.org", 2]]
    ) {
      const found = await run("ssh-keygen", ["-F", `${name}`, "-f", file]);
      assertMatch(found, new RegExp(`found: line ${line} \n`));
    }
    for (const [host, port] of hosts) {
      await check({ files: [file] }, { hostname: host, port });
      const error = await rejection(options, {
        hostname: host,
        port,
        key: other,
      });
      assertEquals(error.code, "host-key-changed");
    }
  },
);

Deno.test("check() accepts a new key whose file cannot be written, and remembers it", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("file");
  const unwritable = join(file, "known_hosts"); // below what is no directory
  for (const acceptNew of [true, () => true]) {
    const host = `host${crypto.randomUUID()}`;
    const options = { files: [unwritable], acceptNew };
    const logger = keepingLogger();
    await check(options, { hostname: host, logger });
    assertMatch(
      logger.messages[0]!,
      /^warn: Cannot write the known_hosts file .*; the new key is remembered until this process ends$/,
    );
    assertMatch(
      logger.messages[1]!,
      /^info: \S+ is new: accepted its \S+ key \S+$/,
    );

    const later = keepingLogger();
    await check(options, { hostname: host, logger: later });
    assertEquals(later.messages, []);
    const error = await rejection(options, { hostname: host, key: other });
    assertEquals(error.reason, "changed");
  }
});

/** Runs a program with a file system of its own at a directory, of one page. */
const ON_FULL_DISK = ["unshare", "--user", "--map-root-user", "--mount", "sh"];

Deno.test({
  name: "check() leaves no partial line behind when the disk is full",
  // Not every machine lets one mount something.
  ignore: !await new Deno.Command("env", {
    args: [
      ...ON_FULL_DISK,
      "-c",
      "mount -t tmpfs -o size=4k none /mnt",
    ],
    stderr: "null",
  }).output().then(({ success }) => success, () => false),
  async fn() {
    await using dir = await testDirectory();
    const options = { files: ["/mnt/known_hosts"], acceptNew: true };
    const [first, second] = [4090, 4096].map((size) => {
      const line = `example.net ${other.text}\n`;
      return `${line}${"#".repeat(size - line.length - 1)}\n`;
    });
    for (const text of [first!, second!]) {
      const before = await dir.file("before", text.trimEnd());
      const after = join(dir.path, "after");
      const outcome = await checkElsewhere(
        dir.path,
        ["--allow-all"],
        options,
        [
          ...ON_FULL_DISK,
          "-c",
          `mount -t tmpfs -o size=4k none /mnt && cp '${before}' /mnt/known_hosts && "$@"; cp /mnt/known_hosts '${after}'`,
          "sh",
        ],
      );
      assertEquals(outcome, "accepted");
      assertEquals(await Deno.readTextFile(after), text);
    }
  },
});

Deno.test("check() remembers a new key in ~/.ssh/known_hosts by default", async () => {
  await using home = await testDirectory();
  const verdict = await checkElsewhere(
    home.path,
    [
      "--allow-env=HOME",
      `--allow-read=${home.path},/etc/ssh`,
      `--allow-write=${home.path}`,
    ],
    { acceptNew: true },
  );

  assertEquals(verdict, "accepted");
  assertEquals(
    await Deno.readTextFile(join(home.path, ".ssh", "known_hosts")),
    `example.org ${key.text}\n`,
  );
});
