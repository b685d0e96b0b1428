import fc from "fast-check";
import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../../assert.ts";
import { damaged, fuzz } from "../../../fuzz.ts";
import { serverTest } from "../../../servers/availability.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import {
  certificateType,
  isCertificateType,
  parseCertificate,
  plainType,
} from "../../../../src/ssh/keys/public/certificate.ts";
import { verifySignature } from "../../../../src/ssh/keys/public/verify_signature.ts";
import { WireWriter } from "../../../../src/ssh/wire.ts";
import { certificateRig } from "./certificate_rig.ts";

Deno.test("certificateType() and plainType() turn names into each other", () => {
  for (
    const [plain, certified] of [
      ["ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"],
      ["rsa-sha2-512", "rsa-sha2-512-cert-v01@openssh.com"],
      ["sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com"],
    ] as const
  ) {
    assertEquals(certificateType(plain), certified);
    assertEquals(plainType(certified), plain);
    assertEquals(plainType(plain), plain);
    assertEquals([plain, certified].map(isCertificateType), [false, true]);
  }
});

serverTest(
  "ssh",
  "parseCertificate() reads what ssh-keygen signed, with every type of key and authority",
  async () => {
    await using rig = await certificateRig();
    const keys = [
      await rig.key("ed25519"),
      await rig.key("p256", "-t", "ecdsa"),
      await rig.key("p384", "-t", "ecdsa", "-b", "384"),
      await rig.key("p521", "-t", "ecdsa", "-b", "521"),
      await rig.key("rsa", "-t", "rsa", "-b", "2048"),
    ];
    for (const [index, key] of keys.entries()) {
      const authority = keys[(index + 1) % keys.length]!;
      const { blob } = await rig.certify(authority, key, [
        ...["-h", "-n", "one.example.org,two", "-z", "18446744073709551615"],
        ...["-V", "20240101000000Z:20340101000000Z"],
      ]);
      const certificate = parseCertificate(blob);
      const [keyType] = key.line.split(" ");

      assertEquals(certificate.key, key.blob);
      assertEquals(certificate.keyType, keyType!);
      assertEquals(certificate.type, `${keyType}-cert-v01@openssh.com`);
      assertEquals(certificate.authority, authority.blob);
      assertEquals(certificate.role, "host");
      assertEquals(certificate.principals, ["one.example.org", "two"]);
      assertEquals(certificate.serial, 2n ** 64n - 1n);
      assertEquals(certificate.keyId, "key id");
      assertEquals(Number(certificate.validAfter), Date.UTC(2024) / 1000);
      assertEquals(Number(certificate.validBefore), Date.UTC(2034) / 1000);
      assertEquals([
        certificate.criticalOptions.size,
        certificate.extensions.size,
      ], [0, 0]);
      const { signatureAlgorithm, signed, signature } = certificate;
      await verifySignature(
        signatureAlgorithm,
        authority.blob,
        signed,
        signature,
      );
    }
  },
);

serverTest(
  "ssh",
  "parseCertificate() reads the options of a user's certificate",
  async () => {
    await using rig = await certificateRig();
    const { blob } = await rig.certify(
      await rig.key("ca"),
      await rig.key("user"),
      [
        ...["-n", "alice", "-O", "force-command=/bin/true"],
        ...["-O", "no-pty", "-O", "extension:hello@example.org=world"],
      ],
    );
    const { role, criticalOptions, extensions, serial, validBefore } =
      parseCertificate(blob);

    assertEquals(role, "user");
    assertEquals([...criticalOptions.keys()], ["force-command"]);
    assertEquals(
      criticalOptions.get("force-command"),
      new WireWriter().string("/bin/true").bytes(),
    );
    assertEquals(extensions.has("permit-port-forwarding"), true);
    assertEquals(extensions.has("permit-pty"), false);
    assertEquals(extensions.has("hello@example.org"), true);
    assertEquals([serial, validBefore], [0n, 2n ** 64n - 1n]);
  },
);

serverTest(
  "ssh",
  "parseCertificate() refuses what is cut, too long, or has no meaning",
  async () => {
    await using rig = await certificateRig();
    const key = await rig.key("key");
    const { blob } = await rig.certify(key, key, ["-h", "-n", "host"]);

    for (let size = 0; size < blob.length; size++) {
      assertThrows(
        () => parseCertificate(blob.subarray(0, size)),
        ProtocolError,
      );
    }
    assertThrows(
      () => parseCertificate(Uint8Array.of(...blob, 0)),
      ProtocolError,
    );
    assertThrows(() => parseCertificate(key.blob), ProtocolError);
    const chained = certificate({ authority: blob });
    assertThrows(() => parseCertificate(chained), ProtocolError);
    for (
      const [parts, reason] of [
        [{ role: 0 }, /neither for users nor for hosts/],
        [{ role: 3 }, /neither for users nor for hosts/],
        [
          { principals: new Array(257).fill("host") },
          /more than 256 principals/,
        ],
        [{ options: ["a", "a"] }, /option twice/],
        [{ point: new Uint8Array(31) }, /31 bytes/],
      ] as const
    ) {
      const { message } = assertThrows(
        () => parseCertificate(certificate(parts)),
        ProtocolError,
      );
      assertMatch(message, reason);
    }
    assertEquals(parseCertificate(certificate({})).principals, ["host"]);
  },
);

serverTest(
  "ssh",
  "verifySignature() takes a certificate's key for the algorithms of certificates alone",
  async () => {
    await using rig = await certificateRig();
    const key = await rig.key("key");
    const { blob } = await rig.certify(key, key, ["-h", "-n", "host"]);
    const { signed, signature } = parseCertificate(blob);
    // Self-signed: its own key made the signature.
    await verifySignature(
      "ssh-ed25519-cert-v01@openssh.com",
      blob,
      signed,
      signature,
    );
    for (
      const [algorithm, publicKey] of [
        ["ssh-ed25519", blob],
        ["ssh-ed25519-cert-v01@openssh.com", key.blob],
        ["rsa-sha2-512-cert-v01@openssh.com", blob],
        ["ecdsa-sha2-nistp256-cert-v01@openssh.com", blob],
      ] as const
    ) {
      await assertRejects(
        () => verifySignature(algorithm, publicKey, signed, signature),
        ProtocolError,
      );
    }
  },
);

fuzz(
  "parseCertificate() reads what comes, or refuses it with a typed error",
  [fc.oneof(fc.uint8Array(), damaged(certificate({ options: ["a", "b"] })))],
  (bytes) => {
    try {
      assertEquals(parseCertificate(bytes).signature.length > 0, true);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  },
);

/** A certificate with an empty signature. */
function certificate(
  parts: {
    role?: number;
    principals?: readonly string[];
    options?: readonly string[];
    point?: Uint8Array;
    authority?: Uint8Array;
  },
): Uint8Array {
  const {
    role = 2,
    principals = ["host"],
    options = [],
    point = new Uint8Array(32),
  } = parts;
  const list = new WireWriter();
  for (const name of principals) list.string(name);
  const named = new WireWriter();
  for (const name of options) named.string(name).string("");
  const authority = parts.authority ??
    new WireWriter().string("ssh-ed25519").string(new Uint8Array(32)).bytes();
  return new WireWriter().string("ssh-ed25519-cert-v01@openssh.com")
    .string("nonce").string(point).uint64(7n).uint32(role).string("id")
    .string(list.bytes()).uint64(0n).uint64(2n ** 64n - 1n)
    .string(named.bytes()).string("").string("").string(authority)
    .string(new WireWriter().string("ssh-ed25519").string("").bytes()).bytes();
}
