import { createPrivateKey, sign } from "node:crypto";
import { assertEquals, assertMatch, assertRejects } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { run } from "../../../servers/run.ts";
import { concat } from "../../../../src/streams/concat.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { localKey } from "../../../../src/ssh/keys/private/local_key.ts";
import { verifySignature } from "../../../../src/ssh/keys/public/verify_signature.ts";
import { WireReader, WireWriter } from "../../../../src/ssh/wire.ts";
import { generateJwk } from "./jwk.ts";
import { rsa8192 } from "./rsa_8192.ts";

const types = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
];
const keys = new Map(
  await Promise.all(
    types.map(async (type) =>
      [type, await localKey(generateJwk(type))] as const
    ),
  ),
);
const data = new TextEncoder().encode("signed");

for (const [type, key] of keys) {
  // SHA-1 is only for servers that know nothing else.
  const algorithms = key.algorithms.filter((it) => it !== "ssh-rsa");
  for (const algorithm of algorithms) {
    Deno.test(`verifySignature() accepts what a ${type} key signed with ${algorithm}, and nothing else`, async () => {
      const signature = await key.sign(algorithm, data);
      await verifySignature(algorithm, key.blob, data, signature);

      const changed = signature.slice();
      changed[changed.length - 1]! ^= 1;
      await refused(algorithm, key.blob, data, changed, /not valid/);
      await refused(
        algorithm,
        key.blob,
        data.subarray(1),
        signature,
        /not valid/,
      );
      await refused(
        algorithm,
        key.blob,
        data,
        Uint8Array.of(...signature, 0),
        /too many/,
      );
      await refused(
        algorithm,
        key.blob,
        data,
        signature.subarray(0, -1),
        /cut short/,
      );
      await refused(
        algorithm,
        Uint8Array.of(...key.blob, 0),
        data,
        signature,
        /too many/,
      );
      await refused(
        algorithm,
        key.blob.subarray(0, -1),
        data,
        signature,
        /cut short/,
      );
    });
  }
}

Deno.test("verifySignature() takes only the algorithm that was agreed on", async () => {
  const rsa = keys.get("ssh-rsa")!;
  const signature = await rsa.sign("rsa-sha2-256", data);
  await refused(
    "rsa-sha2-512",
    rsa.blob,
    data,
    signature,
    /not of the algorithm rsa-sha2-512/,
  );
  const ed25519 = keys.get("ssh-ed25519")!;
  await refused(
    "ssh-ed25519",
    rsa.blob,
    data,
    signature,
    /a ssh-rsa key cannot sign with ssh-ed25519/,
  );
  await refused(
    "rsa-sha2-256",
    ed25519.blob,
    data,
    signature,
    /cannot sign with rsa-sha2-256/,
  );
  for (
    const algorithm of ["ssh-rsa", "ssh-dss", "", "constructor", "__proto__"]
  ) {
    await refused(algorithm, rsa.blob, data, signature, /cannot be verified/);
  }
});

Deno.test("verifySignature() refuses small RSA keys, 2048 bits being enough by default", async () => {
  const small = await localKey(generateJwk("ssh-rsa", 1536));
  const signature = await small.sign("rsa-sha2-256", data);
  await refused(
    "rsa-sha2-256",
    small.blob,
    data,
    signature,
    /has 1536 bits, at least 2048/,
  );
  await verifySignature("rsa-sha2-256", small.blob, data, signature, {
    minRsaBits: 1024,
  });
  const rsa = keys.get("ssh-rsa")!;
  const error = await assertRejects(
    async () =>
      await verifySignature(
        "rsa-sha2-256",
        rsa.blob,
        data,
        await rsa.sign("rsa-sha2-256", data),
        { minRsaBits: 3072 },
      ),
    ProtocolError,
  );
  assertMatch(error.message, /has 2048 bits, at least 3072/);
});

Deno.test("verifySignature() takes RSA signatures that begin with zeros, with and without them", async () => {
  const key = keys.get("ssh-rsa")!;
  // RFC 8332 section 3 has no leading zeros cut off; OpenSSH takes both.
  for (let counter = 0;; counter++) {
    const data = Uint8Array.of(counter >> 8, counter);
    const reader = new WireReader(await key.sign("rsa-sha2-256", data));
    const algorithm = reader.text();
    const bytes = reader.string();
    if (bytes[0] !== 0) continue;
    const short = new WireWriter().string(algorithm).string(bytes.subarray(1))
      .bytes();
    await verifySignature(algorithm, key.blob, data, short);
    const long = new WireWriter().string(algorithm).string(
      concat(Uint8Array.of(0), bytes),
    ).bytes();
    await refused(algorithm, key.blob, data, long, /not valid/);
    return;
  }
});

Deno.test("verifySignature() refuses RSA keys and numbers that cannot be", async () => {
  const jwk = generateJwk("ssh-rsa");
  const n = Uint8Array.fromBase64(jwk.n!, { alphabet: "base64url" });
  const blob = (e: Uint8Array, n: Uint8Array) =>
    new WireWriter().string("ssh-rsa").mpint(e).mpint(n).bytes();
  const signature = (bytes: Uint8Array) =>
    new WireWriter().string("rsa-sha2-256").string(bytes).bytes();
  const zeros = signature(new Uint8Array(256));
  const e = Uint8Array.of(1, 0, 1);

  for (const bad of [[], [1], [2], [1, 0, 0]]) {
    await refused(
      "rsa-sha2-256",
      blob(Uint8Array.from(bad), n),
      data,
      zeros,
      /cannot be/,
    );
  }
  const huge = new Uint8Array(9).fill(0xff);
  await refused(
    "rsa-sha2-256",
    blob(huge, n),
    data,
    zeros,
    /more than 64 bits/,
  );
  await refused(
    "rsa-sha2-256",
    blob(e, new Uint8Array(2049).fill(0xff)),
    data,
    zeros,
    /more than 16384 bits/,
  );
  const even = n.slice();
  even[255]! &= 0xfe;
  await refused("rsa-sha2-256", blob(e, even), data, zeros, /cannot be/);
  await refused("rsa-sha2-256", blob(e, n), data, zeros, /not valid/);
  await refused("rsa-sha2-256", blob(e, n), data, signature(n), /not valid/);
});

Deno.test("verifySignature() refuses RSA paddings other than the one of RFC 8017", async () => {
  const jwk = generateJwk("ssh-rsa");
  const key = await localKey(jwk);
  const privateKey = createPrivateKey({
    key: { ...jwk },
    format: "jwk",
  });
  const pss = sign("sha256", data, { key: privateKey, padding: 6 });
  const wrong = new WireWriter().string("rsa-sha2-256").string(pss).bytes();
  await refused("rsa-sha2-256", key.blob, data, wrong, /not valid/);
});

Deno.test("verifySignature() takes ECDSA numbers in one encoding only", async () => {
  const key = keys.get("ecdsa-sha2-nistp256")!;
  const reader = new WireReader(await key.sign("ecdsa-sha2-nistp256", data));
  const algorithm = reader.text();
  const numbers = new WireReader(reader.string());
  const [r, s] = [numbers.mpint(), numbers.mpint()];
  const signature = (...parts: [Uint8Array, Uint8Array, ...number[]]) => {
    const [r, s, ...rest] = parts;
    const inner = new WireWriter().string(r).string(s).raw(
      Uint8Array.from(rest),
    ).bytes();
    return new WireWriter().string(algorithm).string(inner).bytes();
  };
  const positive = (digits: Uint8Array) =>
    digits[0]! >= 0x80 ? concat(Uint8Array.of(0), digits) : digits;
  await verifySignature(
    algorithm,
    key.blob,
    data,
    signature(positive(r), positive(s)),
  );

  const zero = new Uint8Array();
  const order = Uint8Array.fromHex(
    "00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
  );
  await refused(
    algorithm,
    key.blob,
    data,
    signature(concat(Uint8Array.of(0), positive(r)), positive(s)),
    /superfluous zero/,
  );
  await refused(
    algorithm,
    key.blob,
    data,
    signature(Uint8Array.of(0xff), positive(s)),
    /negative/,
  );
  await refused(
    algorithm,
    key.blob,
    data,
    signature(positive(r), positive(s), 0),
    /too many/,
  );
  await refused(
    algorithm,
    key.blob,
    data,
    signature(new Uint8Array(33).fill(1), positive(s)),
    /more than 256 bits/,
  );
  for (
    const [a, b] of [[zero, positive(s)], [positive(r), zero], [zero, zero], [
      order,
      order,
    ]] as const
  ) {
    await refused(algorithm, key.blob, data, signature(a, b), /not valid/);
  }
});

Deno.test("verifySignature() refuses points that are not on the curve of the key", async () => {
  for (const type of types.slice(1, 4)) {
    const key = keys.get(type)!;
    const signature = await key.sign(type, data);
    const off = key.blob.slice();
    off[off.length - 1]! ^= 1;
    await assertRejects(
      () => verifySignature(type, off, data, signature),
      ProtocolError,
    );
    const compressed = key.blob.slice();
    compressed[
      compressed.length - (compressed.length - 4 - type.length - 4 - 8 - 4)
    ]! = 2;
    await refused(type, compressed, data, signature, /not a point/);
  }
  const [p256, p384] = [keys.get(types[1]!)!, keys.get(types[2]!)!];
  const reader = new WireReader(p384.blob);
  reader.text();
  const other = new WireWriter().string(types[1]!).raw(reader.rest()).bytes();
  await refused(
    types[1]!,
    other,
    data,
    await p256.sign(types[1]!, data),
    /not on nistp256/,
  );
});

Deno.test("verifySignature() verifies FIDO signatures (PROTOCOL.u2f)", async () => {
  const sha256 = async (bytes: Uint8Array<ArrayBuffer>) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const application = new TextEncoder().encode("ssh:");
  const counted = Uint8Array.of(1, 0, 0, 0, 7);
  for (const plain of ["ssh-ed25519", "ecdsa-sha2-nistp256"]) {
    const key = keys.get(plain)!;
    const algorithm = `sk-${plain}@openssh.com`;
    const signed = concat(
      await sha256(application),
      counted,
      await sha256(data),
    );
    const inner = new WireReader(await key.sign(plain, signed));
    inner.text();
    const fields = new WireReader(key.blob);
    fields.text();
    const blob = new WireWriter().string(algorithm).raw(fields.rest()).string(
      application,
    ).bytes();
    const bytes = inner.string();
    const signature = (rest: Uint8Array) =>
      new WireWriter().string(algorithm).string(bytes).raw(rest).bytes();

    await verifySignature(algorithm, blob, data, signature(counted));
    await refused(
      algorithm,
      blob,
      data,
      signature(Uint8Array.of(0, 0, 0, 0, 7)),
      /not valid/,
    );
    await refused(
      algorithm,
      blob,
      data,
      signature(counted.subarray(1)),
      /cut short/,
    );
    await refused(
      algorithm,
      blob,
      data,
      signature(Uint8Array.of(...counted, 0)),
      /too many/,
    );
  }
});

Deno.test("verifySignature() verifies signatures of RSA keys with 8192 bits", async () => {
  const blob = new WireWriter().string("ssh-rsa").mpint(Uint8Array.of(1, 0, 1))
    .mpint(rsa8192.n).bytes();
  const signature = new WireWriter().string("rsa-sha2-512")
    .string(rsa8192.signature).bytes();
  await verifySignature("rsa-sha2-512", blob, data, signature);
  await refused("rsa-sha2-512", blob, data.subarray(1), signature, /not valid/);
});

serverTest(
  "ssh",
  "verifySignature() verifies what OpenSSH signed",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-signature-" });
    try {
      for (const [type, file] of [["ed25519", "a"], ["rsa", "b"]] as const) {
        await run("ssh-keygen", [
          "-q",
          "-t",
          type,
          "-N",
          "",
          "-f",
          `${dir}/${file}`,
        ]);
        const [, base64 = ""] = (await Deno.readTextFile(`${dir}/${file}.pub`))
          .split(" ");
        const armored = await run("ssh-keygen", [
          "-q",
          "-Y",
          "sign",
          "-n",
          "test",
          "-f",
          `${dir}/${file}`,
        ], "signed");
        // PROTOCOL.sshsig: what is signed is not the message itself.
        const reader = new WireReader(
          Uint8Array.fromBase64(armored.replace(/-----[^-]+-----|\s/g, "")),
          6 + 4,
        );
        reader.string(); // the key
        const [namespace, reserved, hash] = [
          reader.string(),
          reader.string(),
          reader.text(),
        ];
        assertEquals(hash, "sha512");
        const digest = new Uint8Array(
          await crypto.subtle.digest("SHA-512", data),
        );
        const signed = new WireWriter().raw(new TextEncoder().encode("SSHSIG"))
          .string(namespace)
          .string(reserved).string(hash).string(digest).bytes();
        const algorithm = type === "rsa" ? "rsa-sha2-512" : "ssh-ed25519";
        await verifySignature(
          algorithm,
          Uint8Array.fromBase64(base64),
          signed,
          reader.string(),
        );
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

async function refused(
  algorithm: string,
  publicKey: Uint8Array,
  data: Uint8Array,
  signature: Uint8Array,
  reason: RegExp,
): Promise<void> {
  const error = await assertRejects(
    () => verifySignature(algorithm, publicKey, data, signature),
    ProtocolError,
  );
  assertMatch(error.message, reason);
}
