import { createHash } from "node:crypto";
import { type ConnectOptions, forward } from "../../../../mod.ts";
import { assertEquals } from "../../../assert.ts";
import { startRig, startService, visit } from "../../../forward/rig.ts";
import { serverTest } from "../../../servers/availability.ts";
import { randomBytes } from "../../ssh2_crypto.ts";
import { protections } from "../transport_pair.ts";

const CONNECTIONS = 200;
const KIB = 1024;
/** All combinations take minutes: `deno task test:rekey`. */
const ALL_COMBINATIONS = Deno.env.has("RFORWARD_ALL_COMBINATIONS");
const data = randomBytes(1024 * KIB);

/** Writes bytes that depend on the seed, and ends; returns their SHA-256. */
async function sendAll(
  conn: Deno.Conn,
  seed: number,
  size: number,
): Promise<string> {
  const hash = createHash("sha256");
  for (let sent = 0; sent < size;) {
    // From another place each time, so that nothing that is lost looks like its neighbour.
    const at = (seed * 4099 + sent) % 65521;
    const piece = data.subarray(at, at + Math.min(200_003, size - sent));
    const n = await conn.write(piece);
    hash.update(piece.subarray(0, n));
    sent += n;
  }
  await conn.closeWrite();
  return hash.digest("hex");
}

/** Reads to the end; returns the SHA-256. */
async function receiveAll(conn: Deno.Conn): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(64 * KIB);
  for (let n; (n = await conn.read(buffer)) !== null;) {
    hash.update(buffer.subarray(0, n));
  }
  return hash.digest("hex");
}

/** Has connections carry bytes both ways at once, and compares every SHA-256. */
async function carry(
  options: Partial<ConnectOptions>,
  rekeyThere: string,
  size: number,
  connections = CONNECTIONS,
): Promise<void> {
  await using rig = await startRig("sshd", {
    sshd: { config: [`RekeyLimit ${rekeyThere}`] },
    ...options,
  });
  // A connection names itself by its first byte pair, so that both ends can be compared.
  const there = Array.from(
    { length: connections },
    () => Promise.withResolvers<string[]>(),
  );
  await using service = startService(async (conn) => {
    const name = new Uint8Array(2);
    for (let got = 0; got < 2;) got += await conn.read(name.subarray(got)) ?? 2;
    const index = name[0]! << 8 | name[1]!;
    const digests = await Promise.all([
      sendAll(conn, 1000 + index, size),
      receiveAll(conn),
    ]);
    there[index]!.resolve(digests);
  });
  await using tunnel = await forward(rig.connection, {
    bind: { port: 0 },
    target: { port: service.port },
  });
  await Promise.all(there.map(async ({ promise }, index) => {
    using client = await visit(tunnel.port);
    await client.write(Uint8Array.of(index >> 8, index & 255));
    const [sent, received] = await Promise.all([
      sendAll(client, index, size),
      receiveAll(client),
    ]);
    const [sentThere, receivedThere] = await promise;
    assertEquals(receivedThere, sent, `connection ${index}, to the target`);
    assertEquals(received, sentThere, `connection ${index}, from the target`);
  }));
}

const limits = [
  { here: 64 * KIB, there: "64K", size: 10 * KIB },
  { here: 64 * KIB, there: "default", size: 10 * KIB },
  { here: undefined, there: "64K", size: 10 * KIB },
  { here: 1024 * KIB, there: "1M", size: 50 * KIB },
  { here: 1024 * KIB, there: "default", size: 50 * KIB },
  { here: undefined, there: "1M", size: 50 * KIB },
];

for (const [i, { here, there, size }] of limits.entries()) {
  for (const [j, algorithms] of protections.entries()) {
    if (!ALL_COMBINATIONS && i + j > 0) continue;
    serverTest(
      "sshd",
      `${CONNECTIONS} connections at once survive key exchanges: ${algorithms.cipher}, ${
        here ?? "default"
      } here, ${there} there`,
      async () => {
        await carry(
          {
            algorithms: { ...algorithms, kex: ["curve25519-sha256"] },
            ...(here !== undefined && { rekey: { bytes: here } }),
          },
          there,
          size,
        );
      },
    );
  }
}

serverTest(
  "sshd",
  "a connection carries 50 MiB each way at once, through a key exchange for each MiB",
  async () => {
    await carry({ rekey: { bytes: 1024 * KIB } }, "1M", 50 * 1024 * KIB, 1);
  },
);
