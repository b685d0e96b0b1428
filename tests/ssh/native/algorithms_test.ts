import { join } from "node:path";
import type { SigningKey } from "../../../src/ssh/keys/signing_key.ts";
import type { AlgorithmLists } from "../../../src/ssh/message_transport.ts";
import { packetCiphers } from "../../../src/ssh/cipher/packet_ciphers.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import { supportedAlgorithms } from "../../../src/ssh/native/negotiation.ts";
import { silentLogger } from "../../../src/logger.ts";
import { assert, assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { type Sshd, startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { randomBytes } from "../ssh2_crypto.ts";
import {
  authorizedKey,
  login,
  newEd25519Key,
  runCommand,
} from "./message_session.ts";

const SIZE = 200_000;
const all = supportedAlgorithms();

/** What OpenSSH has never had. */
const notInOpenSsh = [
  "diffie-hellman-group15-sha512",
  "diffie-hellman-group17-sha512",
];
/** What this OpenSSH may be too old, or its FIDO hardware missing, for. */
const maybe = ["mlkem768x25519-sha256", "sk-ssh-ed25519@openssh.com"];

interface Row {
  name: string;
  lists: AlgorithmLists;
}

/** Each algorithm alone in its list, MACs and the ciphers that need one in all pairs. */
function rows(offered: (list: keyof AlgorithmLists) => string[]): Row[] {
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
        : offered("mac").map((mac) =>
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
  const stream = await Deno.connect({ hostname: "127.0.0.1", port: sshd.port });
  const began = performance.now();
  const transport = startNativeTransport({
    role: "client",
    stream,
    algorithms: lists,
    logger: silentLogger,
    verifyHostKey: () => Promise.resolve(),
  });
  try {
    await transport.ready;
    const ms = performance.now() - began;
    const messages = await login(transport, sshd.user, key);
    const input = randomBytes(SIZE);
    const output = await runCommand(transport, messages, "cat", input);
    assertEquals(await sha256(output), await sha256(input));
    return { ms, negotiated: transport.negotiated };
  } finally {
    await transport.close();
  }
}

serverTest(
  "sshd",
  "each algorithm alone carries 200 kB each way with sshd",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-keys-" });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const hostKeys: string[] = [];
    for (
      const [type, bits] of [
        ["rsa", "2048"],
        ["ecdsa", "256"],
        ["ecdsa", "384"],
        ["ecdsa", "521"],
      ] as const
    ) {
      const file = join(dir, `${type}${bits}`);
      const options = ["-q", "-t", type, "-b", bits, "-N", "", "-f", file];
      await run("ssh-keygen", options);
      hostKeys.push(`HostKey ${file}`);
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
          !notInOpenSsh.includes(name) && !maybe.includes(name) &&
          !name.startsWith("sk-")
        ),
        [],
      );
    }

    const table: string[] = [];
    for (const { name, lists } of rows(offered)) {
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
