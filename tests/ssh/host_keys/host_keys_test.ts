import { ConnectError, HostKeyError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import { fingerprint } from "../../../src/ssh/keys/public/key_blob.ts";
import type {
  HostKey,
  HostKeyVerifier,
} from "../../../src/ssh/host_keys/host_key.ts";
import {
  preferKnownKeys,
  prepareHostKeys,
} from "../../../src/ssh/host_keys/host_keys.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { ed25519Key, keepingLogger, testKey } from "./host_key_fixture.ts";

const key = ed25519Key(1);

Deno.test("verify() accepts what the verifier accepts, and shows it the whole key", async () => {
  let shown: HostKey | undefined;
  const check = await prepareHostKeys(
    (key) => {
      shown = key;
      return Promise.resolve(true);
    },
    "example.org",
    2222,
    silentLogger,
  );

  const accepted = await check.verify(key.data);

  assertEquals(accepted, {
    hostname: "example.org",
    port: 2222,
    type: "ssh-ed25519",
    fingerprint: fingerprint(key.data),
    data: key.data,
  });
  assertEquals(shown, accepted);
  assertEquals(check.keyTypes, []);
});

Deno.test("verify() rejects what the verifier does not accept", async () => {
  const sloppy = (() => "yes") as unknown as HostKeyVerifier;
  for (const verifier of [() => false, () => Promise.resolve(false), sloppy]) {
    const check = await prepareHostKeys(verifier, "host", 22, silentLogger);

    const error = await assertRejects(
      () => check.verify(key.data),
      HostKeyError,
    );

    assertEquals(error.code, "host-key-rejected");
    assertEquals(error.reason, "rejected");
    assertEquals(error.fingerprint, fingerprint(key.data));
    assertEquals(error.keyType, "ssh-ed25519");
    assertEquals(error.locations, []);
    assertEquals(error.cause, undefined);
    assertEquals(
      error.message,
      `The host key verifier did not accept the ssh-ed25519 key ${error.fingerprint} of host.`,
    );
  }
});

Deno.test("verify() keeps what the verifier threw as the cause", async () => {
  const cause = new Error("the list of keys is out of reach");
  for (const verifier of [() => Promise.reject(cause), throws(cause)]) {
    const check = await prepareHostKeys(verifier, "host", 22, silentLogger);

    const error = await assertRejects(
      () => check.verify(key.data),
      HostKeyError,
    );

    assertEquals(error.reason, "rejected");
    assertEquals(error.cause, cause);
    assertMatch(error.message, /threw on the ssh-ed25519 key SHA256:/);
  }
});

Deno.test("verify() asks again only about another key", async () => {
  const asked: string[] = [];
  const check = await prepareHostKeys(
    (key) => {
      asked.push(key.fingerprint);
      return asked.length === 1;
    },
    "host",
    22,
    silentLogger,
  );
  const other = ed25519Key(2);

  await check.verify(key.data);
  await check.verify(key.data.slice());
  await assertRejects(() => check.verify(other.data), HostKeyError);
  await check.verify(key.data);

  assertEquals(asked, [fingerprint(key.data), fingerprint(other.data)]);
});

Deno.test("verify() keeps a copy of the key, not the transport's buffer", async () => {
  const check = await prepareHostKeys(() => true, "host", 22, silentLogger);
  const buffer = key.data.slice();

  const accepted = await check.verify(buffer);
  buffer.fill(0);

  assertEquals(accepted.data, key.data);
});

Deno.test('verify() accepts any key if told "insecure-accept-any", and warns', async () => {
  const logger = keepingLogger();
  const check = await prepareHostKeys(
    "insecure-accept-any",
    "host",
    2222,
    logger,
  );

  assertEquals((await check.verify(key.data)).data, key.data);

  const fp = fingerprint(key.data);
  assertEquals(logger.messages, [
    `warn: Accepting the ssh-ed25519 key ${fp} of host port 2222 without verification`,
  ]);
});

Deno.test("verify() treats a missing policy as the usual known_hosts, never as no verification", async () => {
  const host = `${crypto.randomUUID()}.invalid`;
  const check = await prepareHostKeys(undefined, host, 22, silentLogger);

  const error = await assertRejects(() => check.verify(key.data), HostKeyError);

  assertEquals(error.reason, "unknown");
  assertMatch(
    error.message,
    /\.ssh\/known_hosts or \/etc\/ssh\/ssh_known_hosts/,
  );
});

Deno.test("verify() checks against the known_hosts it is given", async () => {
  const check = await prepareHostKeys(
    { text: `host ${key.text}` },
    "host",
    22,
    silentLogger,
  );

  assertEquals(check.keyTypes, ["ssh-ed25519"]);
  await check.verify(key.data);
  const error = await assertRejects(
    () => check.verify(ed25519Key(2).data),
    HostKeyError,
  );
  assertEquals(error.reason, "changed");
});

Deno.test("verify() takes a key without a type for a server that does not speak SSH", async () => {
  for (
    const policy of [() => true, "insecure-accept-any", { text: "" }] as const
  ) {
    const check = await prepareHostKeys(policy, "host", 2222, silentLogger);

    const error = await assertRejects(
      () => check.verify(testKey("no\nname").data),
      ConnectError,
    );

    assertEquals(error.code, "protocol-error");
    assertEquals([error.hostname, error.port], ["host", 2222]);
    assert(!error.message.includes("\n"));
  }
});

Deno.test("preferKnownKeys() puts the algorithms of known keys first, each part in its order", () => {
  const algorithms = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
  ];
  assertEquals(preferKnownKeys(algorithms, ["ssh-dss"]), algorithms);
  assertEquals(
    preferKnownKeys(algorithms, ["ssh-rsa", "ecdsa-sha2-nistp256"]),
    [
      "ecdsa-sha2-nistp256",
      "rsa-sha2-512",
      "rsa-sha2-256",
      "ssh-rsa",
      "ssh-ed25519",
    ],
  );
});

function throws(error: Error): () => never {
  return () => {
    throw error;
  };
}
