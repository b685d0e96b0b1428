import { createHash } from "node:crypto";
import fc from "fast-check";
import { assertEquals, assertMatch, assertThrows } from "../../assert.ts";
import { damaged, fuzz } from "../../fuzz.ts";
import { ProtocolError } from "../../../src/errors.ts";
import type { Certificate } from "../../../src/ssh/keys/public/certificate.ts";
import { Krl } from "../../../src/ssh/host_keys/krl.ts";
import { WireWriter } from "../../../src/ssh/wire.ts";

/** The types of a list's sections (OpenSSH's PROTOCOL.krl). */
const Section = {
  CERTIFICATES: 1,
  EXPLICIT_KEY: 2,
  SHA1: 3,
  SIGNATURE: 4,
  SHA256: 5,
  EXTENSION: 255,
} as const;
/** The types of the sections within `CERTIFICATES`. */
const CertificateSection = {
  SERIAL_LIST: 0x20,
  SERIAL_RANGE: 0x21,
  SERIAL_BITMAP: 0x22,
  KEY_ID: 0x23,
  EXTENSION: 0x39,
} as const;

const key = new WireWriter().string("ssh-ed25519").string("key").bytes();
const other = new WireWriter().string("ssh-ed25519").string("other").bytes();
const authority = new WireWriter().string("ssh-ed25519").string("ca").bytes();

Deno.test("Krl finds keys, and keys by their digests", () => {
  const digest = (name: string) =>
    new Uint8Array(createHash(name).update(key).digest());
  for (
    const section of [
      new WireWriter().byte(Section.EXPLICIT_KEY).string(strings(other, key)),
      new WireWriter().byte(Section.SHA1).string(strings(digest("sha1"))),
      new WireWriter().byte(Section.SHA256).string(strings(digest("sha256"))),
    ]
  ) {
    const krl = new Krl(list(section.bytes()));
    assertEquals(krl.find(key), { what: undefined });
    assertEquals(krl.find(key, certificate({})), { what: undefined });
    assertEquals(krl.find(authority), undefined);
  }
});

Deno.test("Krl finds certificates by their authority, serial number and key ID", () => {
  const serials = section(
    CertificateSection.SERIAL_LIST,
    new WireWriter().uint64(5n).uint64(9n),
  );
  const range = section(
    CertificateSection.SERIAL_RANGE,
    new WireWriter().uint64(100n).uint64(200n),
  );
  const bitmap = section(
    CertificateSection.SERIAL_BITMAP,
    new WireWriter().uint64(1000n).mpint(Uint8Array.of(0x80, 0x01)),
  );
  const id = section(
    CertificateSection.KEY_ID,
    new WireWriter().string("bad").string("worse"),
  );
  const krl = new Krl(list(
    certificates(authority, serials, range, bitmap),
    certificates(new Uint8Array(), id),
  ));
  const found = (parts: Partial<Certificate>) =>
    krl.find(key, certificate(parts))?.what;

  for (const serial of [5n, 9n, 100n, 150n, 200n, 1000n, 1015n]) {
    assertMatch(found({ serial }) ?? "", new RegExp(`number ${serial},`));
    assertEquals(found({ serial, authority: other }), undefined);
  }
  for (const serial of [0n, 6n, 99n, 201n, 999n, 1001n, 1014n, 1016n]) {
    assertEquals(found({ serial }), undefined);
  }
  assertMatch(found({ keyId: "worse" }) ?? "", /by its key ID/);
  assertMatch(found({ keyId: "bad", authority: other }) ?? "", /by its key ID/);
  assertEquals(found({ keyId: "ba" }), undefined);
  assertEquals(krl.find(key), undefined);
});

Deno.test("Krl does not count serial number 0, which stands for none", () => {
  const all = section(
    CertificateSection.SERIAL_RANGE,
    new WireWriter().uint64(0n).uint64(2n ** 64n - 1n),
  );
  const krl = new Krl(list(certificates(authority, all)));
  assertEquals(krl.find(key, certificate({ serial: 0n })), undefined);
  assertMatch(
    krl.find(key, certificate({ serial: 1n }))?.what ?? "",
    /number 1/,
  );
});

Deno.test("Krl finds the authority of a certificate among the keys", () => {
  const krl = new Krl(
    list(
      new WireWriter().byte(Section.EXPLICIT_KEY).string(strings(authority))
        .bytes(),
    ),
  );
  assertEquals(krl.find(key, certificate({})), {
    what: "its certificate's authority",
  });
  assertEquals(krl.find(key), undefined);
});

Deno.test("Krl ignores extensions that are not critical", () => {
  const extension = new WireWriter().string("new").boolean(false).string("x");
  const krl = new Krl(list(
    new WireWriter().byte(Section.EXTENSION).string(extension.bytes()).bytes(),
    certificates(
      authority,
      section(CertificateSection.EXTENSION, extension),
      section(CertificateSection.SERIAL_LIST, new WireWriter().uint64(5n)),
    ),
  ));
  assertMatch(
    krl.find(key, certificate({ serial: 5n }))?.what ?? "",
    /number 5/,
  );
});

const critical = new WireWriter().string("new").boolean(true).string("");
for (
  const [what, bytes, reason] of [
    ["nothing", new Uint8Array(), /not a key revocation list/],
    [
      "keys as lines",
      new TextEncoder().encode("ssh-ed25519 AAAA"),
      /not a key revocation list/,
    ],
    [
      "another format",
      list().map((byte, index) => index === 11 ? 2 : byte),
      /format is 2/,
    ],
    [
      "a signature",
      list(new WireWriter().byte(Section.SIGNATURE).string("key").bytes()),
      /is signed/,
    ],
    [
      "an unknown section",
      list(new WireWriter().byte(6).string("").bytes()),
      /unknown type 6/,
    ],
    [
      "an unknown section of certificates",
      list(certificates(authority, section(0x24, new WireWriter()))),
      /unknown type 36/,
    ],
    [
      "a critical extension",
      list(
        new WireWriter().byte(Section.EXTENSION).string(critical.bytes())
          .bytes(),
      ),
      /critical extension/,
    ],
    [
      "a critical extension of certificates",
      list(
        certificates(
          authority,
          section(CertificateSection.EXTENSION, critical),
        ),
      ),
      /critical extension/,
    ],
    [
      "a short digest",
      list(
        new WireWriter().byte(Section.SHA256).string(
          strings(new Uint8Array(20)),
        ).bytes(),
      ),
      /digest of 20 bytes/,
    ],
    [
      "half a number",
      list(
        certificates(
          authority,
          section(CertificateSection.SERIAL_LIST, new WireWriter().uint32(5)),
        ),
      ),
      /cut short/,
    ],
    [
      "a range that ends before it begins",
      list(
        certificates(
          authority,
          section(
            CertificateSection.SERIAL_RANGE,
            new WireWriter().uint64(2n).uint64(1n),
          ),
        ),
      ),
      /empty range/,
    ],
    [
      "a range with something behind it",
      list(
        certificates(
          authority,
          section(
            CertificateSection.SERIAL_RANGE,
            new WireWriter().uint64(2n).uint64(3n).byte(0),
          ),
        ),
      ),
      /too many/,
    ],
  ] as const
) {
  Deno.test(`Krl cannot be made of ${what}`, () => {
    const { message } = assertThrows(() => new Krl(bytes), ProtocolError);
    assertMatch(message, reason);
  });
}

fuzz(
  "Krl reads what comes, or refuses it with a typed error",
  [fc.oneof(
    fc.uint8Array(),
    fc.uint8Array({ minLength: 1 }).map((bytes) => list(bytes)),
    damaged(list(
      new WireWriter().byte(Section.EXPLICIT_KEY).string(strings(key)).bytes(),
      certificates(
        authority,
        section(CertificateSection.SERIAL_LIST, new WireWriter().uint64(5n)),
        section(
          CertificateSection.SERIAL_BITMAP,
          new WireWriter().uint64(2n ** 64n - 1n).mpint(Uint8Array.of(5)),
        ),
        section(CertificateSection.KEY_ID, new WireWriter().string("id")),
      ),
    )),
  )],
  (bytes) => {
    try {
      new Krl(bytes).find(key, certificate({ serial: 5n }));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  },
);

function list(...sections: Uint8Array[]): Uint8Array {
  const writer = new WireWriter().raw(new TextEncoder().encode("SSHKRL\n\0"))
    .uint32(1).uint64(1n).uint64(0n).uint64(0n).string("").string("comment");
  for (const section of sections) writer.raw(section);
  return writer.bytes();
}

function certificates(
  authority: Uint8Array,
  ...sections: Uint8Array[]
): Uint8Array {
  const content = new WireWriter().string(authority).string("");
  for (const section of sections) content.raw(section);
  return new WireWriter().byte(Section.CERTIFICATES).string(content.bytes())
    .bytes();
}

function section(type: number, content: WireWriter): Uint8Array {
  return new WireWriter().byte(type).string(content.bytes()).bytes();
}

function strings(...all: Uint8Array[]): Uint8Array {
  const writer = new WireWriter();
  for (const bytes of all) writer.string(bytes);
  return writer.bytes();
}

/** What a list looks at of a certificate. */
function certificate(parts: Partial<Certificate>): Certificate {
  return { serial: 1n << 40n, keyId: "id", authority, ...parts } as Certificate;
}
