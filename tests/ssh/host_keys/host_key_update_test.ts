import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { ProtocolError } from "../../../src/errors.ts";
import { hashName } from "../../../src/ssh/host_keys/known_hosts/known_hosts_file.ts";
import {
  PROVE_REQUEST,
  updateHostKeys,
} from "../../../src/ssh/host_keys/host_key_update.ts";
import type {
  HostKeyChanges,
  HostKeyUpdateVerifier,
} from "../../../src/ssh/host_keys/host_key.ts";
import { localKey } from "../../../src/ssh/keys/private/local_key.ts";
import type { SigningKey } from "../../../src/ssh/keys/private/signing_key.ts";
import { signatureAlgorithms } from "../../../src/ssh/keys/public/verify_signature.ts";
import { WireReader, WireWriter } from "../../../src/ssh/wire.ts";
import { generateJwk } from "../keys/public/jwk.ts";
import { signCertificate } from "../keys/public/sign_certificate.ts";
import { keepingLogger, testDirectory } from "./host_key_fixture.ts";

const HOST = "example.org";
const types = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa", "ssh-ed25519"];
const [shown, other, rsa, gone] = await Promise.all(
  types.map((type) => localKey(generateJwk(type))),
) as [SigningKey, SigningKey, SigningKey, SigningKey];
const sessionId = crypto.getRandomValues(new Uint8Array(32));

const line = (key: SigningKey, hosts = HOST) => {
  const type = new WireReader(key.blob).text();
  return `${hosts} ${type} ${key.blob.toBase64()}`;
};

const strings = (...all: Uint8Array[]) => {
  const writer = new WireWriter();
  for (const bytes of all) writer.string(bytes);
  return writer.bytes().slice();
};

/** Signs as a server does that has those keys. */
function prover(keys: SigningKey[], signedSession = sessionId) {
  const asked: number[] = [];
  return {
    asked,
    async prove(request: Uint8Array): Promise<Uint8Array | undefined> {
      const reader = new WireReader(request);
      const signatures: Uint8Array[] = [];
      while (reader.left > 0) {
        const blob = reader.string();
        const key = keys.find((key) => key.blob.toHex() === blob.toHex());
        if (!key) return undefined;
        signatures.push(
          await key.sign(
            key.algorithms[0]!,
            new WireWriter().string(PROVE_REQUEST).string(signedSession)
              .string(blob).bytes(),
          ),
        );
      }
      asked.push(signatures.length);
      return strings(...signatures);
    },
  };
}

interface Case {
  /** The lines of the files before and after. */
  files: string[][];
  after: string[][];
  /** The keys that the server announces; by default those it has. */
  keys: Uint8Array[];
  hashed?: boolean;
  algorithms?: string[];
  prove?: (data: Uint8Array) => Promise<Uint8Array | undefined>;
  acceptUpdate?: HostKeyUpdateVerifier;
}

async function update(test: Omit<Case, "after">) {
  await using dir = await testDirectory();
  const files = await Promise.all(
    test.files.map((lines, index) => dir.file(`known${index}`, ...lines)),
  );
  const logger = keepingLogger();
  const { asked, prove } = prover([shown, other, rsa]);
  let error: unknown;
  await updateHostKeys(strings(...test.keys), {
    name: HOST,
    files,
    hashed: test.hashed ?? false,
    algorithms: test.algorithms ?? Object.keys(signatureAlgorithms),
    sessionId,
    prove: test.prove ?? prove,
    acceptUpdate: test.acceptUpdate,
    signal: new AbortController().signal,
    logger,
  }).catch((it) => error = it);
  const after = await Promise.all(files.map(async (file) => {
    const text = await Deno.readTextFile(file);
    return text.split("\n").slice(0, -1);
  }));
  return { after, asked, error, messages: logger.messages };
}

const all = [shown.blob, other.blob, rsa.blob];
const cases: Record<string, Case & { asked?: number[] }> = {
  "learns further keys": {
    files: [["# mine", line(shown)]],
    keys: all,
    after: [["# mine", line(shown), line(other), line(rsa)]],
    asked: [2],
  },
  "changes nothing where all keys are known": {
    files: [[line(shown), line(other), line(rsa)]],
    keys: all,
    after: [[line(shown), line(other), line(rsa)]],
  },
  "adds keys to the first file only": {
    files: [[], [line(shown)]],
    keys: all,
    after: [[line(other), line(rsa)], [line(shown)]],
    asked: [2],
  },
  "forgets keys that the server no longer has": {
    files: [["# a", line(gone), "", line(shown)]],
    keys: [shown.blob],
    after: [["# a", "", line(shown)]],
  },
  "replaces keys": {
    files: [[line(gone), line(shown)], [line(gone)]],
    keys: [shown.blob, other.blob],
    after: [[line(shown), line(other)], []],
    asked: [1],
  },
  "counts only keys whose algorithms may be used": {
    files: [[line(shown), line(other), line(rsa)]],
    keys: all,
    algorithms: ["ssh-ed25519", "rsa-sha2-256"],
    after: [[line(shown), line(rsa)]],
  },
  "leaves certificates and unknown types out": {
    files: [[line(shown)]],
    keys: [
      shown.blob,
      await signCertificate(rsa, other.blob, HOST),
      new WireWriter().string("ssh-new").string("key").bytes(),
      new Uint8Array(2),
    ],
    after: [[line(shown)]],
  },
  "leaves lines of patterns alone": {
    files: [[line(shown, "*.org")]],
    keys: all,
    after: [[line(shown, "*.org")]],
  },
  "leaves lines of several names alone": {
    files: [[line(shown, `${HOST},a,b`)]],
    keys: all,
    after: [[line(shown, `${HOST},a,b`)]],
  },
  "takes lines of a name and an address": {
    files: [[line(shown, `${HOST},192.0.2.1`)]],
    keys: [shown.blob, other.blob],
    after: [[line(shown, `${HOST},192.0.2.1`), line(other)]],
    asked: [1],
  },
  "leaves lines with markers alone": {
    files: [[line(shown), `@cert-authority ${line(rsa)}`]],
    keys: all,
    after: [[line(shown), `@cert-authority ${line(rsa)}`]],
  },
  "leaves keys alone that are known by another name": {
    files: [[line(shown), line(other, "other.org")]],
    keys: all,
    after: [[line(shown), line(other, "other.org")]],
  },
  "forgets no key that is known by another name": {
    files: [[line(shown), line(gone), line(gone, "other.org")]],
    keys: [shown.blob],
    after: [[line(shown), line(gone), line(gone, "other.org")]],
  },
  "learns nothing that the server does not prove": {
    files: [[line(shown), line(gone)]],
    keys: all,
    prove: () => Promise.resolve(undefined),
    after: [[line(shown), line(gone)]],
  },
};

for (const [what, test] of Object.entries(cases)) {
  Deno.test(`updateHostKeys() ${what}`, async () => {
    const { after, asked, error } = await update(test);
    assertEquals(error, undefined);
    assertEquals(after, test.after);
    assertEquals(asked, test.asked ?? []);
  });
}

Deno.test("updateHostKeys() says what it learned and forgot", async () => {
  const { messages } = await update({
    files: [[line(shown), line(gone)]],
    keys: [shown.blob, other.blob],
  });
  assertEquals(messages.length, 2);
  assertMatch(
    messages[0]!,
    /^info: Learned a new host key of example.org: ecdsa-sha2-nistp256 SHA256:/,
  );
  assertMatch(
    messages[1]!,
    /^info: Forgot an obsolete host key of example.org: ssh-ed25519 SHA256:/,
  );
});

Deno.test("updateHostKeys() changes what acceptUpdate() accepts, and nothing else", async () => {
  const seen: HostKeyChanges[] = [];
  const before = [line(shown), line(gone)];
  const answer = (accepted: unknown) =>
    update({
      files: [before],
      keys: [shown.blob, other.blob],
      acceptUpdate: (changes) => {
        seen.push(changes);
        return accepted as boolean;
      },
    });
  assertEquals((await answer(false)).after, [before]);
  assertEquals((await answer("yes")).after, [before]);
  assertEquals((await answer(true)).after, [[line(shown), line(other)]]);
  const [{ host, learned, forgotten }] = seen as [HostKeyChanges];
  assertEquals(host, HOST);
  assertEquals(learned.map(({ type }) => type), ["ecdsa-sha2-nistp256"]);
  assertEquals(forgotten.map(({ type }) => type), ["ssh-ed25519"]);
  assertMatch(learned[0]!.fingerprint, /^SHA256:/);
});

Deno.test("updateHostKeys() hashes names if it should", async () => {
  const salt = new Uint8Array(20);
  const hashed = line(shown, hashName(HOST, salt));
  const { after } = await update({
    files: [[hashed]],
    keys: [shown.blob, other.blob],
    hashed: true,
  });

  assertEquals(after[0]![0], hashed);
  assertMatch(after[0]![1]!, /^\|1\|\S+\|\S+ ecdsa-sha2-nistp256 /);
});

Deno.test("updateHostKeys() learns nothing from a proof that is not valid", async () => {
  const { prove } = prover([shown, other, rsa]);
  const proofs =
    (change: (bytes: Uint8Array) => Uint8Array) => async (data: Uint8Array) =>
      change((await prove(data))!);
  const sha1 = async (data: Uint8Array) => {
    const reader = new WireReader((await prove(data))!);
    const first = reader.string();
    return strings(
      first,
      new WireWriter().string("ssh-rsa").string("x").bytes(),
    );
  };
  for (
    const bad of [
      proofs((bytes) => bytes.subarray(0, -1)),
      proofs((bytes) => Uint8Array.of(...bytes, 0)),
      proofs((bytes) => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1)),
      () => Promise.resolve(new Uint8Array()),
      prover([shown, other, rsa], new Uint8Array(32)).prove,
      sha1,
    ]
  ) {
    const { after, error } = await update({
      files: [[line(shown), line(gone)]],
      keys: all,
      prove: bad,
    });
    assertEquals(error instanceof ProtocolError, true);
    assertEquals(after, [[line(shown), line(gone)]]);
  }
});

Deno.test("updateHostKeys() refuses a key that is shown twice, and more than a server can have", async () => {
  const many = Array.from(
    { length: 65 },
    (_, index) =>
      new WireWriter().string("ssh-ed25519").string(
        new Uint8Array(32).fill(index),
      ).bytes().slice(),
  );
  for (const keys of [[shown.blob, other.blob, shown.blob], many]) {
    const { error, after } = await update({ files: [[line(shown)]], keys });
    await assertRejects(() => Promise.reject(error), ProtocolError);
    assertEquals(after, [[line(shown)]]);
  }
});
