import fc from "fast-check";
import { damaged, fuzz } from "../../../fuzz.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { kexMethods } from "../../../../src/ssh/native/kex/kex_methods.ts";

/** One of each kind but groups of numbers, which are too slow for that. */
const methods = [
  "mlkem768x25519-sha256",
  "sntrup761x25519-sha512",
  "curve25519-sha256",
  "ecdh-sha2-nistp256",
];

for (const name of methods) {
  const method = kexMethods.get(name)!;
  const client = method.client();
  const opening = await client.start();
  const answer = await method.server().receive(opening);
  const reply = "send" in answer
    ? answer.send
    : answer.reply(new Uint8Array(51), new Uint8Array(83));

  fuzz(
    `${name} takes what comes from a client, or refuses it with a typed error`,
    [fc.oneof(fc.uint8Array(), damaged(opening))],
    (message) => settles(() => method.server().receive(message)),
  );

  fuzz(
    `${name} takes what comes from a server, or refuses it with a typed error`,
    [fc.oneof(fc.uint8Array(), damaged(reply))],
    (message) => settles(() => client.receive(message)),
  );
}

const { client, server } = kexMethods.get(
  "diffie-hellman-group-exchange-sha256",
)!;
const request = await client().start();
const group = await server().receive(request);

fuzz(
  "group exchange takes what comes first, or refuses it with a typed error",
  [
    fc.oneof(fc.uint8Array(), damaged(request)),
    // Damage to the modulus itself would only be found out by the hash.
    fc.oneof(fc.uint8Array(), damaged((group as { send: Uint8Array }).send)),
  ],
  async (fromClient, fromServer) => {
    await settles(() => server().receive(fromClient));
    const running = client();
    await running.start();
    if (fromServer.length < 500) {
      await settles(() => running.receive(fromServer));
    }
  },
);

async function settles(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}
