import { join } from "node:path";
import { silentLogger } from "../../../../src/logger.ts";
import {
  appendKnownHost,
  hashName,
  knownHostsName,
  namesHost,
  parseKnownHosts,
  readKnownHosts,
} from "../../../../src/ssh/host_keys/known_hosts/known_hosts_file.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { randomNumbers } from "../../../random_numbers.ts";
import { serverTest } from "../../../servers/availability.ts";
import { run } from "../../../servers/run.ts";
import {
  ed25519Key,
  keepingLogger,
  rsaKey,
  testDirectory,
} from "../host_key_fixture.ts";

const key = ed25519Key(1);

Deno.test("parseKnownHosts() reads lines with and without marker, whatever parts and ends them", () => {
  const rsa = rsaKey();
  const text = [
    "# a comment",
    "",
    `a,B ${key.text}`,
    ` \t@revoked\t*\t${rsa.text} its comment `,
    `@cert-authority c  ${key.text}\r`,
    "   # another",
    `|1|${"A".repeat(27)}=|${"B".repeat(27)}= ${key.text}`,
  ].join("\n");
  const logger = keepingLogger();

  const lines = parseKnownHosts(text, "file", logger);

  const { type, data } = key;
  assertEquals(lines, [
    { file: "file", line: 3, marker: undefined, hosts: "a,B", type, data },
    {
      file: "file",
      line: 4,
      marker: "@revoked",
      hosts: "*",
      type: "ssh-rsa",
      data: rsa.data,
    },
    {
      file: "file",
      line: 5,
      marker: "@cert-authority",
      hosts: "c",
      type,
      data,
    },
    {
      file: "file",
      line: 7,
      marker: undefined,
      hosts: `|1|${"A".repeat(27)}=|${"B".repeat(27)}=`,
      type,
      data,
    },
  ]);
  assertEquals(logger.messages, []);
});

Deno.test("parseKnownHosts() skips bad lines with one warning, which names the first", () => {
  const base64 = key.data.toBase64();
  const bad = [
    "host",
    "host ssh-ed25519",
    "@revoked ssh-ed25519 " + base64,
    "host ssh-ed25519 !!!!",
    `host ssh-ed25519 ${base64}=`,
    `host ssh-rsa ${base64}`,
    "host ssh-ed25519 AAAA",
    "host ssh-ed25519 AAAAIHNz",
    `@trusted host ${key.text}`,
    `@revoked @revoked host ${key.text}`,
    `|1|c2FsdA==|aGFzaA== ${key.text}`,
    `|2|${"A".repeat(27)}=|${"B".repeat(27)}= ${key.text}`,
    "host 1024 35 1234567890", // the format of SSH 1
  ];
  const logger = keepingLogger();

  const lines = parseKnownHosts(
    [...bad, `good ${key.text}`].join("\n"),
    "/k",
    logger,
  );

  assertEquals(lines.map(({ line, hosts }) => ({ line, hosts })), [
    { line: bad.length + 1, hosts: "good" },
  ]);
  assertEquals(logger.messages, [
    `warn: /k:1: skipped, not a known_hosts line (${
      bad.length - 1
    } more like it)`,
  ]);
});

Deno.test("readKnownHosts() keeps the lines that name the host, and looks at no other key", async () => {
  await using dir = await testDirectory();
  const file = await dir.file(
    "known_hosts",
    "other ssh-ed25519 AAAA!",
    `other ${key.text}`,
    `[host]:2222 ${key.text}`,
    `@revoked * ${key.text}`,
    `${hashName("host")} ${key.text}`,
    "host ssh-ed25519 AAAA!",
    "these words are not a key",
  );
  const logger = keepingLogger();

  const lines = await readKnownHosts(file, ["[host]:2222", "host"], logger);

  assertEquals(lines?.map(({ line }) => line), [3, 4, 5]);
  assertEquals(logger.messages, [
    `warn: ${file}:6: skipped, not a known_hosts line (1 more like it)`,
  ]);
  assertEquals(
    await readKnownHosts(join(dir.path, "none"), ["host"], logger),
    undefined,
  );
});

Deno.test("readKnownHosts() reads a file that is larger than memory", async () => {
  await using dir = await testDirectory();
  const file = join(dir.path, "known_hosts");
  const line = `other.example.org ${key.text}\n`;
  await Deno.writeTextFile(file, line.repeat(20e6 / line.length));
  const script = `
    import { readKnownHosts } from ${
    JSON.stringify(
      import.meta.resolve(
        "../../../../src/ssh/host_keys/known_hosts/known_hosts_file.ts",
      ),
    )
  };
    await readKnownHosts(${JSON.stringify(file)}, ["host"], console);`;

  // In megabytes; with 6 it still runs, with the text alone it would not.
  const limit = "--v8-flags=--max-old-space-size=16";
  await run(Deno.execPath(), ["eval", "-q", limit, script]);
});

Deno.test("readKnownHosts() stops when the signal aborts", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("known_hosts", `host ${key.text}`);
  const signal = AbortSignal.abort(new SyntaxError("stopped"));

  await assertRejects(
    () => readKnownHosts(file, ["host"], silentLogger, signal),
    SyntaxError,
  );
});

Deno.test("knownHostsName() names the port unless it is 22", () => {
  assertEquals(knownHostsName("Example.ORG", 22), "example.org");
  assertEquals(knownHostsName("Example.ORG", 2222), "[example.org]:2222");
  assertEquals(knownHostsName("::1", 22), "::1");
  assertEquals(knownHostsName("::1", 2222), "[::1]:2222");
});

Deno.test("namesHost() ends soon, however many wildcards there are", () => {
  const name = "a".repeat(250);
  assert(!namesHost(`${"*a".repeat(200)}*b`, name));
  assert(namesHost(`${"*a".repeat(200)}*`, name));
});

serverTest(
  "ssh",
  "namesHost() finds the lines that ssh-keygen -F finds",
  async () => {
    await assertAgree(
      [
        "example.org",
        "Example.ORG,other.example.org",
        "[example.org]:2222",
        "[Example.org]:*",
        "[*.example.org]:2222",
        "*",
        "*.example.org",
        "?xample.org",
        "e*m*e.o?g",
        "*.example.org,!other.example.org",
        "!other.example.org,*.example.org",
        "!example.org",
        "!*,example.org",
        "example.org,!EXAMPLE.org",
        "!!example.org",
        ",,example.org,",
        "[example.org]:22",
        "192.0.2.1",
        "192.0.2.?",
        "192.0.2.*,!192.0.2.1",
        "[192.0.2.1]:2222",
        "::1",
        "[::1]:2222",
        "::*",
        "2001:DB8::1",
        "example.org,192.0.2.1,[::1]:2222",
        "example",
        "xample.org",
        "example.orgx",
      ],
      [
        "example.org",
        "EXAMPLE.ORG",
        "other.example.org",
        "[example.org]:2222",
        "[other.example.org]:2222",
        "[example.org]:22",
        "192.0.2.1",
        "192.0.2.12",
        "[192.0.2.1]:2222",
        "::1",
        "[::1]:2222",
        "2001:db8::1",
      ],
    );
  },
);

serverTest(
  "ssh",
  "namesHost() finds what ssh-keygen -F finds in 2000 random lines",
  async () => {
    const next = randomNumbers(20261122);
    const pick = (alphabet: string, atMost: number) =>
      Array.from(
        { length: 1 + next(atMost) },
        () => alphabet[next(alphabet.length)],
      ).join("");
    const hosts = Array.from({ length: 2000 }, () => pick("aaB.**?!,", 9));
    const names = Array.from({ length: 12 }, () => pick("ab.", 5));

    const found = await assertAgree(hosts, names);

    assert(found > 1000, `only ${found} matches: nothing was tried`);
  },
);

serverTest(
  "ssh",
  "namesHost() knows names that ssh-keygen -H hashed",
  async () => {
    await using dir = await testDirectory();
    const names = [
      "example.org",
      "[example.org]:2222",
      "192.0.2.1",
      "[::1]:2222",
    ];
    const file = await dir.file(
      "known_hosts",
      ...names.map((name) => `${name} ${key.text}`),
    );
    await run("ssh-keygen", ["-q", "-H", "-f", file]);

    const lines = parseKnownHosts(
      await Deno.readTextFile(file),
      file,
      silentLogger,
    );

    assert(lines.every(({ hosts }) => hosts.startsWith("|1|")));
    for (const name of [...names, "example.com", "example.org:2222"]) {
      assertEquals(
        lines.filter(({ hosts }) => namesHost(hosts, name)).map((l) => l.line),
        names.includes(name) ? [names.indexOf(name) + 1] : [],
        name,
      );
    }
  },
);

Deno.test("appendKnownHost() makes the file and its directory, for the user alone", async () => {
  await using dir = await testDirectory();
  const file = join(dir.path, ".ssh", "known_hosts");

  await appendKnownHost(file, "example.org", key);

  assertEquals(await Deno.readTextFile(file), `example.org ${key.text}\n`);
  if (Deno.build.os === "windows") return;
  const mode = async (path: string) => (await Deno.stat(path)).mode! & 0o777;
  assertEquals(await mode(file), 0o600);
  assertEquals(await mode(join(dir.path, ".ssh")), 0o700);
});

Deno.test("appendKnownHost() leaves the mode of a file as it is", async () => {
  await using dir = await testDirectory();
  const file = await dir.file("known_hosts", "");
  await Deno.chmod(file, 0o664); // as /dev/null must stay writable for all
  await appendKnownHost(file, "example.org", key);
  assertEquals((await Deno.stat(file)).mode! & 0o777, 0o664);
});

Deno.test("appendKnownHost() ends an unfinished last line first", async () => {
  await using dir = await testDirectory();
  const file = join(dir.path, "known_hosts");
  await Deno.writeTextFile(file, `a ${key.text}`);

  await appendKnownHost(file, "b", key);
  await appendKnownHost(file, "c", key);

  assertEquals(
    await Deno.readTextFile(file),
    `a ${key.text}\nb ${key.text}\nc ${key.text}\n`,
  );
});

/**
 * Fails unless `ssh-keygen -F` finds the same lines for each name.
 *
 * @param hosts The host field of each line.
 * @returns how many matches there were in all.
 */
async function assertAgree(
  hosts: string[],
  names: string[],
): Promise<number> {
  await using dir = await testDirectory();
  const file = await dir.file(
    "known_hosts",
    ...hosts.map((field) => `${field} ${key.text}`),
  );
  let matches = 0;
  for (const name of names) {
    // It exits with 1 if it finds none.
    const output = await run("sh", [
      ...["-c", 'ssh-keygen -F "$1" -f "$2" || [ $? = 1 ]', "sh"],
      ...[name, file],
    ]);
    const theirs = [...output.matchAll(/^# .* found: line (\d+)/gm)]
      .map((match) => Number(match[1]));
    const ours = hosts.flatMap((field, index) =>
      namesHost(field, name.toLowerCase()) ? [index + 1] : []
    );
    assertEquals(ours, theirs, name);
    matches += ours.length;
  }
  return matches;
}
