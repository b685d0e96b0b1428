/** Verdicts about host keys by known_hosts, compared with ssh's. */
import { join } from "node:path";
import { silentLogger } from "../../../../src/logger.ts";
import { fingerprint } from "../../../../src/ssh/keys/public/key_blob.ts";
import { lookUpKnownHost } from "../../../../src/ssh/host_keys/known_hosts/known_hosts.ts";
import { assert, assertEquals, assertMatch } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { startSshd } from "../../../servers/openssh.ts";
import {
  ed25519Key,
  rsaKey,
  testDirectory,
  type TestKey,
} from "../host_key_fixture.ts";
import { check, rejection } from "./check_known_hosts.ts";

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

Deno.test("check() reports which lines hold the old keys of a changed one, and how to remove them", async () => {
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

Deno.test("check() reports a key of another type as changed", async () => {
  const error = await rejection({ text: `example.org ${rsa.text}` });

  assertEquals(error.code, "host-key-changed");
  assertEquals(error.locations, [{ file: "(text)", line: 1 }]);
  assertMatch(error.message, /\(correct the known_hosts text\)/);
});

Deno.test("check() refuses a revoked key, whatever other lines hold it", async () => {
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

/** ssh's verdict on the host key of a server on loopback. */
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
