import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  verify,
} from "node:crypto";
import { join } from "node:path";
import { AuthenticationError } from "../../../../src/errors.ts";
import { silentLogger } from "../../../../src/logger.ts";
import { connect } from "../../../../src/ssh/connect.ts";
import { keyType } from "../../../../src/ssh/keys/public/key_blob.ts";
import { generateKeyPair } from "../../../../src/ssh/keys/private/key_pair.ts";
import { openSshKey } from "../../keys/private/openssh_key.ts";
import type { PrivateKey } from "../../../../src/ssh/connect_options.ts";
import {
  type LoadedKey,
  loadPrivateKey,
} from "../../../../src/ssh/login/user_keys/private_keys.ts";
import { LockedKey } from "../../../../src/ssh/login/user_keys/locked_key.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { run } from "../../../servers/run.ts";
import { WireReader } from "../../../../src/ssh/wire.ts";
import { keepingLogger } from "../../host_keys/host_key_fixture.ts";

const passphrase = "sesame öffne dich";

const ed25519 = generateKeyPairSync("ed25519").privateKey;

const keys: [string, KeyObject, string | undefined][] = [
  ["ed25519", ed25519, undefined],
  ...([[256, "sha256"], [384, "sha384"], [521, "sha512"]] as const).map(
    ([bits, hash]): [string, KeyObject, string] => [
      `ecdsa ${bits}`,
      generateKeyPairSync("ec", { namedCurve: `P-${bits}` }).privateKey,
      hash,
    ],
  ),
  [
    "rsa",
    generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    "sha512",
  ],
];

/** The two numbers of an ECDSA signature (RFC 5656 section 3.1.2) at their full length. */
function joined(signature: Uint8Array, size: number): Uint8Array {
  const reader = new WireReader(signature);
  const both = new Uint8Array(2 * size);
  for (const end of [size, 2 * size]) {
    const digits = reader.mpint();
    both.set(digits, end - digits.length);
  }
  return both;
}

/** A key in each form that node:crypto writes, and how it is encrypted. */
function* forms(key: KeyObject): Generator<[string, string, string?]> {
  const write = (type: "pkcs8" | "sec1" | "pkcs1", encrypted?: boolean) =>
    key.export({
      type: type as "pkcs8",
      format: "pem",
      ...(encrypted && { cipher: "aes-256-cbc", passphrase }),
    }) as string;
  yield ["OpenSSH", openSshKey(key)!];
  yield ["PKCS#8", write("pkcs8")];
  yield ["encrypted PKCS#8", write("pkcs8", true), passphrase];
  if (key.asymmetricKeyType === "ec") yield ["SEC 1", write("sec1")];
  if (key.asymmetricKeyType === "rsa") yield ["PKCS#1", write("pkcs1")];
}

for (const [kind, key, hash] of keys) {
  for (const [form, text, passphrase] of forms(key)) {
    Deno.test(`loadPrivateKey() reads ${kind} as ${form}, and it signs`, async () => {
      const loaded = await load({
        text,
        ...(passphrase === undefined ? {} : { passphrase }),
      });

      const data = crypto.getRandomValues(new Uint8Array(100));
      const [algorithm] = loaded.key.algorithms;
      const signature = await loaded.key.sign(algorithm!, data);
      const reader = new WireReader(signature);
      assertEquals(reader.text(), algorithm);
      const bytes = key.asymmetricKeyType === "ec"
        ? joined(
          reader.string(),
          loaded.key.blob.length > 150
            ? 66
            : loaded.key.blob.length > 120
            ? 48
            : 32,
        )
        : reader.string();
      const publicKey = createPublicKey(key);
      assert(
        verify(
          hash,
          data,
          { key: publicKey, dsaEncoding: "ieee-p1363" },
          bytes,
        ),
      );
      assertMatch(loaded.fingerprint, /^SHA256:[\w+/]{43}$/);
    });
  }
}

serverTest(
  "sshd",
  "connect() logs in with every kind of key that ssh-keygen makes, with and without a passphrase",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-keys-" });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const kinds = [
      ["ed25519"],
      ...["256", "384", "521"].map((bits) => ["ecdsa", "-b", bits]),
      ["rsa", "-b", "2048"],
    ];
    const files: [string, string][] = [];
    for (const kind of kinds) {
      const name = join(dir, kind.join(""));
      await run("ssh-keygen", ["-q", "-t", ...kind, "-N", "", "-f", name]);
      for (const format of ["RFC4716", "PEM", "PKCS8"]) {
        for (const phrase of ["", passphrase]) {
          const file = `${name} ${format} ${phrase}`;
          await Deno.copyFile(name, file);
          await run("ssh-keygen", [
            ...["-q", "-p", "-P", "", "-N", phrase, "-m", format],
            ...["-Z", "aes256-ctr", "-a", "1", "-f", file],
          ]);
          files.push([file, phrase]);
        }
      }
    }
    const publicKeys = await Promise.all(
      kinds.map((kind) => Deno.readTextFile(join(dir, `${kind.join("")}.pub`))),
    );
    await using server = await startSshd({
      authorizedKeys: publicKeys.map((line) => line.trim()),
    });

    for (const [file, passphrase] of files) {
      const { hostname, port, user } = server;
      await using connection = await connect({
        ...{ hostname, port, user },
        privateKeys: [{ file, ...(passphrase !== "" && { passphrase }) }],
        hostKeys: { text: server.knownHosts },
      });
      assertEquals(connection.server.user, user, file);
    }
  },
);

/** Loads a key that is required, without asking for a passphrase. */
async function load(source: PrivateKey): Promise<LoadedKey> {
  const key = await loadPrivateKey(source, silentLogger);
  assert(key && "key" in key);
  return key;
}

Deno.test("loadPrivateKey() leaves a key locked whose passphrase is to be asked for", async () => {
  for (const [form, text, encrypted] of forms(ed25519)) {
    const key = await loadPrivateKey({
      text,
      passphrase: () => {
        throw new Error("asked");
      },
    }, silentLogger);
    assertEquals(key instanceof LockedKey, encrypted !== undefined, form);
  }
});

Deno.test("loadPrivateKey() continues without a key that is optional", async () => {
  const logger = keepingLogger();
  const optional = true;
  const missing = { file: `/tmp/${crypto.randomUUID()}`, optional };
  assertEquals(await loadPrivateKey(missing, logger), undefined);
  assertEquals(logger.messages, []);

  for (const source of [{ text: "garbage" }, { file: "/tmp" }]) {
    const key = await loadPrivateKey({ ...source, optional }, logger);
    assertEquals(key, undefined);
  }
  assertEquals(logger.messages.length, 2);
  assertMatch(
    logger.messages[0]!,
    /^warn: Going on without a key: private key: .* is not a private key/,
  );
});

/** Fails unless the key is unusable for the reason given, and nothing of the error gives it away. */
async function assertUnusable(
  source: PrivateKey,
  reason: RegExp,
  secrets: string[] = [],
): Promise<void> {
  const error = await assertRejects(
    () => loadPrivateKey(source, silentLogger),
    AuthenticationError,
  );
  assertEquals(error.code, "key-unreadable");
  assertMatch(error.message, reason);
  const shown = Deno.inspect(error, { depth: 10 });
  for (const secret of secrets) assert(!shown.includes(secret), shown);
}

Deno.test("loadPrivateKey() says that a passphrase is missing or wrong, and not which", async () => {
  for (const [, text, encrypted] of forms(ed25519)) {
    if (!encrypted) continue;
    const secrets = ["a wrong guess", ...text.split("\n").slice(1, 3)];
    await assertUnusable(
      { text },
      /is encrypted; give its passphrase/,
      secrets,
    );
    for (const passphrase of ["a wrong guess", ""]) {
      await assertUnusable(
        { text, passphrase },
        /cannot be decrypted; is the passphrase right/,
        secrets,
      );
    }
  }
});

Deno.test("loadPrivateKey() asks about the passphrase even if a wrong one leaves padding that looks right", async () => {
  const text = pemEncryptedWith("right");
  for (let guess = 0; guess < 2000; guess++) {
    await assertUnusable(
      { text, passphrase: `wrong ${guess}` },
      /cannot be decrypted; is the passphrase right\?/,
    );
  }
});

/** An encrypted key in PEM's older form, whose passphrase is checked quickly. */
function pemEncryptedWith(passphrase: string): string {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    ...{ type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase },
  }) as string;
}

serverTest(
  "ssh",
  "loadPrivateKey() reports that of OpenSSH's own formats, too",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-keys-" });
    try {
      for (const format of ["RFC4716", "PEM"]) {
        const file = join(dir, format);
        await run("ssh-keygen", [
          ...["-q", "-t", "ecdsa", "-m", format, "-a", "1"],
          ...["-N", passphrase, "-f", file],
        ]);
        await assertUnusable({ file }, /: .*RFC4716|PEM is encrypted/);
        await assertUnusable(
          { file, passphrase: "a wrong guess" },
          /cannot be decrypted/,
          ["a wrong guess"],
        );
        await assertUnusable({ file: `${file}.pub` }, /is a public key/);
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

Deno.test("loadPrivateKey() distinguishes a public key from garbage", async () => {
  const pem = createPublicKey(ed25519).export({ type: "spki", format: "pem" });
  await assertUnusable({ text: pem as string }, /is a public key/);
  await assertUnusable(
    { text: (await generateKeyPair()).publicKey },
    /is a public key/,
  );

  const openSsh = openSshKey(ed25519)!;
  const pkcs8 = ed25519.export({ type: "pkcs8", format: "pem" }) as string;
  const garbage = [
    "",
    "\n",
    "hello",
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    openSsh.slice(0, 200),
    openSsh.replace(/\n.{70}/, "\n"),
    openSsh.replace(/[a-z]/g, "A"),
    pkcs8.slice(0, 60),
    pkcs8.replace("PRIVATE", "EC PRIVATE"),
    pkcs8.replace(/[a-z]/g, "A"),
    pkcs8.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"),
    generateKeyPairSync("x25519").privateKey
      .export({ type: "pkcs8", format: "pem" }) as string,
  ];
  for (const text of garbage) {
    const secrets = text.split("\n").filter((line) => line.length > 50);
    await assertUnusable(
      { text, passphrase },
      /is not a private key that can be used|cannot be decrypted|is empty|has no -----END line|is damaged|lines that do not match|not in OpenSSH's format|of the kind x25519/,
      secrets,
    );
  }
});

Deno.test("loadPrivateKey() says which file it cannot read, and why", async () => {
  const file = `/tmp/${crypto.randomUUID()}`;
  await assertUnusable({ file }, new RegExp(`${file} cannot be read: No such`));
  await assertUnusable(
    { file: "/tmp" },
    /\/tmp cannot be read: Is a directory/,
  );
  await assertUnusable(
    { file: "/dev/zero" },
    /\/dev\/zero cannot be read: it has more than 1 MiB/,
  );
});

serverTest(
  "ssh",
  "loadPrivateKey() decrypts whatever ssh-keygen -Z encrypts with",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-keys-" });
    try {
      const { stdout } = await new Deno.Command("ssh", {
        args: ["-Q", "cipher"],
      }).output();
      const ciphers = new TextDecoder().decode(stdout).trim().split("\n");
      assert(ciphers.includes("chacha20-poly1305@openssh.com"));
      assert(ciphers.includes("aes192-cbc"));
      for (const cipher of ciphers) {
        const file = join(dir, cipher);
        await run("ssh-keygen", [
          ...["-q", "-t", "ed25519", "-Z", cipher, "-a", "1"],
          ...["-N", passphrase, "-f", file],
        ]);
        const { key } = await load({ file, passphrase });
        const [, base64] = (await Deno.readTextFile(`${file}.pub`)).split(" ");
        assertEquals(key.blob.toBase64(), base64, cipher);
        for (const passphrase of ["a wrong guess", ""]) {
          await assertUnusable(
            { file, passphrase },
            /cannot be decrypted; is the passphrase right/,
          );
        }
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

Deno.test("loadPrivateKey() finds a key among other things", async () => {
  const certificate =
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  for (const [form, text] of forms(keys[1]![1])) {
    for (
      const all of [
        ...[`${text}${certificate}`, `Bag Attributes\n${text}`],
        `\uFEFF${text}`, // as Windows editors begin files
      ]
    ) {
      const { key } = await load({ text: all, passphrase });
      assertEquals(keyType(key.blob), "ecdsa-sha2-nistp256", form);
    }
  }
  const { key } = await load({
    text: openSshKey(ed25519)!.replaceAll("\n", "\r\n"),
  });
  assertEquals(keyType(key.blob), "ssh-ed25519");
});

Deno.test("loadPrivateKey() names what is wrong with a key, and the remedy", async () => {
  const openSsh = openSshKey(ed25519)!;
  const pkcs8 = ed25519.export({ type: "pkcs8", format: "pem" }) as string;
  for (
    const [text, reason] of [
      ["", /is empty$/],
      [
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
        /is a PuTTY key; .*-O private-openssh/,
      ],
      [
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n",
        /ssh\.com; .*-O private-openssh/,
      ],
      [openSsh.replaceAll("\n", " "), /has lost its line ends, .*printf/],
      [openSsh.replaceAll("\n", ""), /has lost its line ends/],
      [openSsh.replaceAll("\n", "\\n"), /has lost its line ends/],
      [pkcs8.replaceAll("\n", " "), /has lost its line ends/],
      [openSsh.slice(0, -40), /has no -----END line, .*copy it again/],
      [pkcs8.slice(0, -20), /has no -----END line/],
      [openSsh.replace(/\n.{70}/, "\n"), /is damaged|not in OpenSSH's format/],
      ["hello", /is not a private key that can be used/],
      [openSsh.replaceAll(/./g, "$&\0"), /is not text in UTF-8.*UTF-16/],
      [
        generateKeyPairSync("dsa" as "rsa", { modulusLength: 1024 }).privateKey
          .export({ type: "pkcs8", format: "pem" }) as string,
        /is a DSA key in PEM, which is not supported; .*ssh-keygen -p -f/,
      ],
    ] as const
  ) {
    for (const passphrase of [undefined, "any"]) {
      const source = { text, ...passphrase !== undefined && { passphrase } };
      const secrets = text.split("\n").filter((line) => line.length > 50);
      await assertUnusable(source, reason, secrets);
    }
  }
});

Deno.test("loadPrivateKey() does not ask whether the passphrase is right of a key without one", async () => {
  const text = openSshKey(ed25519)!.replace(/\n.{70}\n/, "\n");
  const error = await assertRejects(
    () => loadPrivateKey({ text, passphrase }, silentLogger),
    AuthenticationError,
  );
  assert(!error.message.includes("passphrase"), error.message);
});
