import { join } from "node:path";
import { ArgumentError, HostKeyError } from "../../../../src/errors.ts";
import { type Logger, silentLogger } from "../../../../src/logger.ts";
import type { HostKey } from "../../../../src/ssh/host_keys/host_key.ts";
import { fingerprint } from "../../../../src/ssh/keys/public/key_blob.ts";
import { lookUpKnownHost } from "../../../../src/ssh/host_keys/known_hosts/known_hosts.ts";
import type { KnownHostsOptions } from "../../../../src/ssh/host_keys/known_hosts/known_hosts_options.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { run } from "../../../servers/run.ts";
import {
  ed25519Key,
  keepingLogger,
  rsaKey,
  testDirectory,
  type TestKey,
} from "../host_key_fixture.ts";

const key = ed25519Key(1);
const other = ed25519Key(2);
const rsa = rsaKey();
const fp = (key: TestKey) => fingerprint(key.data);

Deno.test("check() accepts a key that any line holds for the host", async () => {
  for (
    const [line, host, port] of [
      [`example.org ${key.text}`, "example.org", 22],
      [`example.org ${key.text}`, "EXAMPLE.org", 22],
      [`[example.org]:2222 ${key.text}`, "example.org", 2222],
      [`a,*.org ${other.text}\nexample.org ${key.text}`, "example.org", 22],
      [`::1 ${key.text}`, "::1", 22],
      [`[::1]:2222 ${key.text}`, "::1", 2222],
      [`example.org ${key.text}`, "example.org", 2222],
      [`@revoked * ${other.text}\n* ${key.text}`, "example.org", 22],
    ] as const
  ) {
    await check({ text: line }, { hostname: host, port });
  }
});

Deno.test("check() says where it looked for an unknown host, and how to add its key", async () => {
  await using dir = await testDirectory();
  const first = await dir.file("first", `[example.org]:22 ${key.text}`);
  const second = await dir.file("it's", `[example.org]:2223 ${key.text}`);

  const error = await rejection({ files: [first, second] }, { port: 2222 });

  assertEquals(error.code, "host-key-unknown");
  assertEquals(error.locations, []);
  assertEquals(error.keyType, "ssh-ed25519");
  assertEquals(error.fingerprint, fp(key));
  assertEquals(
    error.message,
    `The host key of [example.org]:2222 is not known: it showed the ssh-ed25519 key ${
      fp(key)
    }, and no line of ${first} or ${second} names it. Ask the server's administrator for the fingerprint of its key; only if it is the one shown, add the key (run: ssh-keyscan -p 2222 'example.org' >> '${first}') or set acceptNew to accept what an unknown host shows.`,
  );
});

Deno.test("check() says that no certificate came where an authority is known", async () => {
  const error = await rejection({ text: `@cert-authority * ${key.text}` });

  assertEquals(error.code, "host-key-unknown");
  assertMatch(
    error.message,
    /No certificate came with it, of the authority at \(text\):1\./,
  );
});

Deno.test("check() tells of a changed key which lines hold the old ones, and how to forget them", async () => {
  await using dir = await testDirectory();
  const file = await dir.file(
    "it's",
    "# the servers",
    `[example.org]:2222 ${other.text}`,
    `example.org ${key.text}`,
    `[*]:2222 ${rsa.text}`,
  );

  const error = await rejection({ files: [file] }, { port: 2222 });

  assertEquals(error.code, "host-key-changed");
  assertEquals(error.locations, [{ file, line: 2 }, { file, line: 4 }]);
  assertEquals(
    error.message,
    `The host key of [example.org]:2222 has CHANGED: it showed the ssh-ed25519 key ${
      fp(key)
    }, but known is ${file}:2 (ssh-ed25519 ${fp(other)}), ${file}:4 (ssh-rsa ${
      fp(rsa)
    }). This may be an attack: someone may have come between you and the server. Ask the server's administrator for the fingerprint of its present key; only if it is the one shown, forget the old key (run: ssh-keygen -R '[example.org]:2222' -f '${dir.path}/it'"'"'s') and add the new one.`,
  );
});

Deno.test("check() takes a key of another type for a changed one", async () => {
  const error = await rejection({ text: `example.org ${rsa.text}` });

  assertEquals(error.code, "host-key-changed");
  assertEquals(error.locations, [{ file: "(text)", line: 1 }]);
  assertMatch(error.message, /\(correct the known_hosts text\)/);
});

Deno.test("check() lets a revoked key not pass, whatever else holds it", async () => {
  await using dir = await testDirectory();
  const file = await dir.file(
    "known_hosts",
    `[example.org]:2222 ${key.text}`,
    `@revoked *.org ${key.text}`,
    `@revoked * ${other.text}`,
    `@revoked * ${key.text}`,
    `@revoked example.com ${key.text}`,
  );

  const error = await rejection(
    { files: [file], acceptNew: true },
    { port: 2222 },
  );

  assertEquals(error.code, "host-key-revoked");
  assertEquals(error.locations, [{ file, line: 2 }, { file, line: 4 }]);
  assertEquals(
    error.message,
    `[example.org]:2222 showed the ssh-ed25519 key ${
      fp(key)
    }, which is REVOKED at ${file}:2, ${file}:4. Whoever stole that key can pose as the server. Do not connect before the server's administrator has given it a new one.`,
  );
});

Deno.test("check() looks at a revocation without the port on every port", async () => {
  const text = `@revoked example.org ${key.text}`;
  const error = await rejection({ text, acceptNew: true }, { port: 2222 });
  assertEquals(error.code, "host-key-revoked");
});

Deno.test("keyTypes has the types of keys that could be accepted", async () => {
  const keyTypes = async (text: string, port = 22) =>
    (await lookUpKnownHost({ text }, "example.org", port, silentLogger))
      .keyTypes;
  const keys = [
    `example.org ${key.text}`,
    `example.org ${rsa.text}`,
    `example.org ${other.text}`,
  ].join("\n");

  assertEquals(await keyTypes(keys), ["ssh-ed25519", "ssh-rsa"]);
  assertEquals(await keyTypes(keys, 2222), ["ssh-ed25519", "ssh-rsa"]);
  assertEquals(
    await keyTypes(`${keys}\n[example.org]:2222 ${rsa.text}`, 2222),
    ["ssh-rsa"],
  );
  assertEquals(
    await keyTypes(`${keys}\n@revoked * ${rsa.text}`),
    ["ssh-ed25519"],
  );
  const certified = await keyTypes(
    `@cert-authority * ${key.text}\nexample.org ${rsa.text}`,
  );
  assertEquals(certified[0], "ssh-ed25519-cert-v01@openssh.com");
  assert(certified.includes("rsa-sha2-512-cert-v01@openssh.com"));
  assertEquals(certified.at(-1), "ssh-rsa");
  assertEquals(await keyTypes(""), []);
});

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

Deno.test("check() looks keys up and remembers them under the alias, on every port", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("known_hosts", `example.org ${other.text}`);
  const options = { files: [file], alias: "Cluster" };

  const unknown = await rejection(options, { port: 2222 });
  assertEquals(unknown.code, "host-key-unknown");
  assertMatch(unknown.message, /^The host key of cluster is not known: /);
  assertMatch(
    unknown.message,
    new RegExp(`add the key \\(as a line: cluster ${key.text.slice(0, 40)}`),
  );

  await check({ ...options, acceptNew: true }, { port: 2222 });
  assertEquals(
    await Deno.readTextFile(file),
    `example.org ${other.text}\ncluster ${key.text}\n`,
  );
  await check(options, { hostname: "elsewhere", port: 22 });

  const changed = await rejection(options, { key: other });
  assertEquals(changed.locations, [{ file, line: 2 }]);
  assertMatch(changed.message, /ssh-keygen -R 'cluster'/);
});

Deno.test("lookUpKnownHost() takes no alias that would be more than a name in known_hosts", async () => {
  for (const alias of ["", "*", "[a]:22", "a b", "a\n*"]) {
    const error = await assertRejects(
      () => check({ text: "", alias }),
      ArgumentError,
    );
    assertEquals(error.argument, "hostKeys.alias");
  }
});

Deno.test("check() goes on with a new key whose file cannot be written, and remembers it", async () => {
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
  name: "check() leaves no half a line behind where the disk is full",
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

Deno.test("lookUpKnownHost() wants the files that it is told of", async () => {
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

Deno.test("lookUpKnownHost() ends at a file that does not, and at a directory", async () => {
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

Deno.test("lookUpKnownHost() takes no host that would be more than a name in known_hosts", async () => {
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

Deno.test("lookUpKnownHost() goes on after bad lines", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("k", "bad", `example.org ${key.text}`, "@bad");
  const logger = keepingLogger();

  await check({ files: [file] }, { logger });

  assertEquals(logger.messages, [
    `warn: ${file}:1: skipped, not a known_hosts line (1 more like it)`,
  ]);
});

serverTest(["sshd", "ssh"], "check() decides as ssh does", async () => {
  await using sshd = await startSshd();
  const [, type = "", base64 = ""] = sshd.knownHosts.trim().split(" ");
  const shown = {
    type,
    data: Uint8Array.fromBase64(base64),
    text: `${type} ${base64}`,
  };
  const { hostname, port } = sshd;
  const name = `[${hostname}]:${port}`;
  const known = join(sshd.dir, "known");

  for (
    const lines of [
      [],
      [`${name} ${shown.text}`],
      [`${name} ${other.text}`],
      [`${name} ${rsa.text}`],
      [`${name} ${other.text}`, `${name} ${shown.text}`],
      [`${name} ${other.text}`, `${hostname} ${shown.text}`],
      [`${hostname} ${shown.text}`],
      [`${hostname} ${other.text}`],
      [`[${hostname}]:22 ${shown.text}`],
      [`* ${shown.text}`],
      [`*,!${name} ${shown.text}`],
      [`*,!${hostname} ${shown.text}`],
      [`*,!${name} ${other.text}`],
      [`*,!*${hostname}* ${shown.text}`],
      [`@revoked * ${shown.text}`],
      [`@revoked ${name} ${shown.text}`, `${name} ${shown.text}`],
      [`@revoked * ${other.text}`, `${name} ${shown.text}`],
      [`@revoked * ${other.text}`],
      [`@revoked * ${other.text}`, `${hostname} ${shown.text}`],
      [`@cert-authority * ${other.text}`],
      [`@cert-authority * ${other.text}`, `${hostname} ${shown.text}`],
      [`${name} ssh-rsa ${base64}`],
    ]
  ) {
    for (const acceptNew of [false, true]) {
      const write = () => Deno.writeTextFile(known, `${lines.join("\n")}\n`);
      await write();
      const theirs = await sshVerdict(port, known, { acceptNew });
      const theirFile = await Deno.readTextFile(known);
      await write();
      const ours = await check(
        { files: [known], acceptNew },
        { hostname, port, key: shown },
      ).then(() => "accepted", (error) => error.reason);

      assertEquals(
        ours,
        theirs,
        `${lines.join("\n")}\nacceptNew: ${acceptNew}`,
      );
      assertEquals(await Deno.readTextFile(known), theirFile);
    }
  }
});

serverTest(["sshd", "ssh"], "check() takes an alias as ssh does", async () => {
  await using sshd = await startSshd();
  const [, type = "", base64 = ""] = sshd.knownHosts.trim().split(" ");
  const text = `${type} ${base64}`;
  const shown = { type, data: Uint8Array.fromBase64(base64), text };
  const { hostname, port } = sshd;
  const known = join(sshd.dir, "known");
  for (
    const lines of [
      [],
      [`cluster ${shown.text}`],
      [`cluster ${other.text}`],
      [`[cluster]:${port} ${shown.text}`],
      [`[${hostname}]:${port} ${shown.text}`],
      [`@revoked cluster ${shown.text}`],
    ]
  ) {
    for (const acceptNew of [false, true]) {
      const write = () => Deno.writeTextFile(known, `${lines.join("\n")}\n`);
      const alias = "Cluster";
      await write();
      const theirs = await sshVerdict(port, known, { acceptNew, alias });
      const theirFile = await Deno.readTextFile(known);
      await write();
      const ours = await check(
        { files: [known], acceptNew, alias },
        { hostname, port, key: shown },
      ).then(() => "accepted", (error) => error.reason);

      assertEquals(ours, theirs, lines.join("\n"));
      assertEquals(await Deno.readTextFile(known), theirFile);
    }
  }
});

/** What ssh makes of the host key of a server on loopback. */
async function sshVerdict(
  port: number,
  knownHosts: string,
  { acceptNew, alias }: { acceptNew: boolean; alias?: string },
): Promise<string> {
  const { stderr } = await new Deno.Command("ssh", {
    args: [
      ...["-F", "none", "-p", `${port}`],
      ...["-o", `UserKnownHostsFile=${knownHosts}`],
      ...["-o", "GlobalKnownHostsFile=/dev/null"],
      ...["-o", `StrictHostKeyChecking=${acceptNew ? "accept-new" : "yes"}`],
      ...["-o", "BatchMode=yes", "-o", "PreferredAuthentications=none"],
      ...alias === undefined ? [] : ["-o", `HostKeyAlias=${alias}`],
      "nobody@127.0.0.1",
    ],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stderr);
  if (text.includes("HOST IDENTIFICATION HAS CHANGED")) return "changed";
  if (text.includes("REVOKED HOST KEY")) return "revoked";
  if (text.includes("Host key verification failed")) return "unknown";
  assertMatch(text, /Permission denied/); // it came as far as logging in
  return "accepted";
}

Deno.test("lookUpKnownHost() reads ~/.ssh/known_hosts by default, and needs no file to be there", async () => {
  await using home = await testDirectory();
  const flags = ["--allow-env=HOME", `--allow-read=${home.path},/etc/ssh`];

  assertEquals(await checkElsewhere(home.path, flags), "host-key-unknown");
  await Deno.mkdir(join(home.path, ".ssh"));
  await home.file(".ssh/known_hosts", `example.org ${key.text}`);
  assertEquals(await checkElsewhere(home.path, flags), "accepted");
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

Deno.test("lookUpKnownHost() tells which permission it lacks", async () => {
  await using home = await testDirectory();
  const files = `${home.path}/.ssh/known_hosts,/etc/ssh/ssh_known_hosts`;
  for (
    const [flags, expected] of [
      [[], /run deno with --allow-env=HOME, or name the known_hosts files/],
      [["--allow-env=HOME"], new RegExp(`--allow-read=${files}`)],
      [
        ["--allow-env=HOME", `--allow-read=${home.path}`],
        new RegExp(`/etc/ssh/ssh_known_hosts: .*--allow-read=${files}`),
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

Deno.test("lookUpKnownHost() wants files to be named where there is no home", async () => {
  const message = await checkElsewhere("", [
    "--allow-env=HOME",
    "--allow-read",
  ]);
  assertMatch(message, /^invalid-argument hostKeys.files: .*HOME is not set/);
});

/** Runs `check()` in a process with these permissions; returns what came of it. */
async function checkElsewhere(
  home: string,
  flags: readonly string[],
  options: KnownHostsOptions = {},
  through: readonly string[] = ["env"],
): Promise<string> {
  await using dir = await testDirectory();
  const source = new URL(
    "../../../../src/ssh/host_keys/known_hosts/known_hosts.ts",
    import.meta.url,
  );
  const script = await dir.file(
    "script.ts",
    `import { lookUpKnownHost } from ${JSON.stringify(source)};`,
    `const logger = { debug() {}, info() {}, warn() {}, error() {} };`,
    `const key = { hostname: "example.org", port: 22, type: "${key.type}",`,
    `  fingerprint: "", data: Uint8Array.fromBase64("${key.data.toBase64()}") };`,
    `const options = ${JSON.stringify(options)};`,
    `try {`,
    `  const known = await lookUpKnownHost(options, key.hostname, key.port, logger);`,
    `  await known.check(key);`,
    `  console.log("accepted");`,
    `} catch ({ code, message }) {`,
    `  console.log(code === "host-key-unknown" ? code : code + " " + message);`,
    `}`,
  );
  const [program, ...args] = [
    ...through,
    ...[Deno.execPath(), "run", "--no-prompt", "--no-config", "--no-lock"],
    ...[...flags, script],
  ];
  const { stdout } = await new Deno.Command(program!, {
    args,
    clearEnv: true,
    env: {
      HOME: home,
      DENO_DIR: dir.path,
      NO_COLOR: "1",
      PATH: Deno.env.get("PATH") ?? "",
    },
  }).output();
  return new TextDecoder().decode(stdout).trimEnd();
}

/** Looks the host up and checks the key, by default one of `example.org` on port 22. */
async function check(
  options: KnownHostsOptions,
  given: {
    hostname?: string;
    port?: number;
    key?: TestKey;
    logger?: Logger;
  } = {},
): Promise<void> {
  const { hostname = "example.org", port = 22, logger = silentLogger } = given;
  const { type, data } = given.key ?? key;
  const shown: HostKey = {
    ...{ hostname, port, type, data },
    fingerprint: fingerprint(data),
  };
  const known = await lookUpKnownHost(options, hostname, port, logger);
  await known.check(shown);
}

function rejection(
  ...args: Parameters<typeof check>
): Promise<HostKeyError> {
  return assertRejects(() => check(...args), HostKeyError);
}
