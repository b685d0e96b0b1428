import { join } from "node:path";
import type { SigningKey } from "../../../src/ssh/keys/private/signing_key.ts";
import type {
  AlgorithmLists,
  Negotiated,
} from "../../../src/ssh/message_transport.ts";
import { packetCiphers } from "../../../src/ssh/cipher/packet_ciphers.ts";
import { supportedAlgorithms } from "../../../src/ssh/native/exchange/negotiation.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { type Sshd, startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { randomBytes } from "../ssh2_crypto.ts";
import { startSshd10 } from "../../servers/openssh10.ts";
import { concat } from "../../../src/streams/concat.ts";
import { certifiedKey } from "../../../src/ssh/login/user_keys/certified_key.ts";
import { localKey } from "../../../src/ssh/keys/private/local_key.ts";
import { signCertificate } from "../keys/public/sign_certificate.ts";
import { startLoggedIn } from "./transport_pair.ts";
import {
  authorizedKey,
  MessageQueue,
  newEd25519Key,
  throughCat,
} from "./message_session.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";

const { CHANNEL_DATA } = MessageNumber;

const SIZE = 200_000;
const all = supportedAlgorithms();

/** What OpenSSH has never had. */
const notInOpenSsh = [
  "diffie-hellman-group15-sha512",
  "diffie-hellman-group17-sha512",
];
/** What OpenSSH has from 9.9 on: tried with OpenSSH 10. */
const newer = ["mlkem768x25519-sha256"];

interface Row {
  name: string;
  lists: AlgorithmLists;
}

/** Each algorithm alone in its list, ciphers that need a MAC with those that are named for them. */
function rows(
  offered: (list: keyof AlgorithmLists) => string[],
  macsFor: (cipher: string) => string[],
): Row[] {
  const row = (name: string, lists: Partial<AlgorithmLists>): Row => ({
    name,
    lists: { ...all, compression: ["none"], ...lists },
  });
  const isAead = (name: string) => packetCiphers.get(name)!.isAuthenticated;
  return [
    ...offered("kex").map((name) => row(name, { kex: [name] })),
    ...offered("hostKey").map((name) => row(name, { hostKey: [name] })),
    ...offered("cipher").flatMap((cipher) =>
      isAead(cipher)
        ? [row(cipher, { cipher: [cipher] })]
        : macsFor(cipher).map((mac) =>
          row(`${cipher} ${mac}`, { cipher: [cipher], mac: [mac] })
        )
    ),
    row("zlib@openssh.com", { compression: ["zlib@openssh.com"] }),
  ];
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  return new Uint8Array(digest).toHex();
}

/** Sends bytes through `cat` and back; returns what was negotiated and how long the keys took. */
async function roundTrip(sshd: Sshd, key: SigningKey, lists: AlgorithmLists) {
  const began = performance.now();
  const input = randomBytes(SIZE);
  let ms = 0;
  let negotiated: Negotiated | undefined;
  const output = await throughCat(sshd, key, input, {
    algorithms: lists,
    onReady(transport) {
      ms = performance.now() - began;
      negotiated = transport.negotiated;
    },
  });
  assertEquals(await sha256(output), await sha256(input));
  return { ms, negotiated: negotiated! };
}

serverTest(
  "sshd",
  "each algorithm alone carries 200 kB each way with sshd",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-keys-" });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const authority = join(dir, "authority");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", authority]);
    const hostKeys: string[] = [];
    for (
      const [type, bits] of [
        ["rsa", "2048"],
        ["ed25519", "256"],
        ["ecdsa", "256"],
        ["ecdsa", "384"],
        ["ecdsa", "521"],
      ] as const
    ) {
      const file = join(dir, `${type}${bits}`);
      const options = ["-q", "-t", type, "-b", bits, "-N", "", "-f", file];
      await run("ssh-keygen", options);
      await run("ssh-keygen", ["-q", "-s", authority, "-h", "-I", type, file]);
      hostKeys.push(`HostKey ${file}`, `HostCertificate ${file}-cert.pub`);
    }
    const key = await newEd25519Key();
    const sshd = stack.use(
      await startSshd({
        config: [...hostKeys, "Compression yes", "LogLevel ERROR"],
        authorizedKeys: [authorizedKey(key)],
      }),
    );
    const has = async (query: string) =>
      (await run("ssh", ["-Q", query])).trim().split("\n");
    const known = [
      ...await has("kex"),
      ...await has("cipher"),
      ...await has("mac"),
      ...await has("HostKeyAlgorithms"),
    ];
    const offered = (list: keyof AlgorithmLists) =>
      all[list].filter((name) =>
        known.includes(name) && !name.startsWith("sk-")
      );
    for (const list of ["kex", "cipher", "mac", "hostKey"] as const) {
      const missing = all[list].filter((name) => !offered(list).includes(name));
      assertEquals(
        missing.filter((name) =>
          !notInOpenSsh.includes(name) && !newer.includes(name) &&
          !name.startsWith("sk-")
        ),
        [],
      );
    }

    const table: string[] = [];
    // Each MAC with one cipher; all pairs are tried between both roles.
    const macsFor = (cipher: string) =>
      cipher === "aes256-ctr" ? offered("mac") : [offered("mac")[0]!];
    for (const { name, lists } of rows(offered, macsFor)) {
      const { ms, negotiated } = await roundTrip(sshd, key, lists);
      const used = [negotiated.kex, negotiated.hostKey];
      for (const direction of [negotiated.toServer, negotiated.toClient]) {
        used.push(direction.cipher, direction.mac, direction.compression);
      }
      assert(name.split(" ").every((part) => used.includes(part)), name);
      table.push(`${name.padEnd(50)} keys in ${ms.toFixed(0).padStart(4)} ms`);
    }
    console.log(table.join("\n"));
  },
);

serverTest(
  "sshd10",
  "mlkem768x25519-sha256 carries 200 kB each way with OpenSSH 10",
  async () => {
    const key = await newEd25519Key();
    await using sshd = await startSshd10({
      authorizedKeys: [authorizedKey(key)],
    });
    const { negotiated } = await roundTrip(sshd, key, {
      ...all,
      compression: ["none"],
    });
    assertEquals(negotiated.kex, "mlkem768x25519-sha256");
    assert(negotiated.strictKex);
  },
);

Deno.test("each algorithm alone carries 200 kB each way between both roles", async () => {
  const hostKeys = await Promise.all(
    [
      { name: "Ed25519" },
      { name: "ECDSA", namedCurve: "P-256" },
      { name: "ECDSA", namedCurve: "P-384" },
      { name: "ECDSA", namedCurve: "P-521" },
      {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: 2048,
        publicExponent: Uint8Array.of(1, 0, 1),
        hash: "SHA-512",
      },
    ].map(newKey),
  );
  const certified = await Promise.all(
    hostKeys.map(async (key) =>
      certifiedKey(key, await signCertificate(hostKeys[0]!, key.blob))
    ),
  );
  const offered = (list: keyof AlgorithmLists) =>
    all[list].filter((name) => !name.startsWith("sk-"));
  const table: string[] = [];
  for (const { name, lists } of rows(offered, () => offered("mac"))) {
    const began = performance.now();
    await using pair = await startLoggedIn({
      algorithms: lists,
      server: { hostKeys: [...hostKeys, ...certified] },
    });
    const ms = performance.now() - began;
    const { client, server } = pair;
    assertEquals(client.negotiated, server.negotiated);
    for (const [from, to] of [[client, server], [server, client]] as const) {
      const queue = new MessageQueue(to);
      const input = randomBytes(SIZE);
      from.send(Uint8Array.of(CHANNEL_DATA), input.subarray(0, SIZE / 2));
      from.send(Uint8Array.of(CHANNEL_DATA), input.subarray(SIZE / 2));
      const [first, second] = [
        await queue.nextOf(CHANNEL_DATA),
        await queue.nextOf(CHANNEL_DATA),
      ];
      const output = concat(first.subarray(1), second.subarray(1));
      assertEquals(await sha256(output), await sha256(input));
    }
    table.push(`${name.padEnd(50)} keys in ${ms.toFixed(0).padStart(4)} ms`);
  }
  console.log(table.join("\n"));
});

async function newKey(algorithm: Algorithm): Promise<SigningKey> {
  const { privateKey } = await crypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  return localKey(await crypto.subtle.exportKey("jwk", privateKey));
}
