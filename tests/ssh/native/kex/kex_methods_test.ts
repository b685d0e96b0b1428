import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { ProtocolError } from "../../../../src/errors.ts";
import { kexMethods } from "../../../../src/ssh/native/kex/kex_methods.ts";
import { agree } from "./agree.ts";
import { MessageNumber } from "../../../../src/ssh/messages/message_number.ts";

Deno.test("kexMethods prefers post-quantum exchanges, and numbers last", () => {
  assertEquals([...kexMethods.keys()], [
    "mlkem768x25519-sha256",
    "sntrup761x25519-sha512",
    "sntrup761x25519-sha512@openssh.com",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group17-sha512",
    "diffie-hellman-group15-sha512",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha256",
  ]);
});

for (const [name, method] of kexMethods) {
  Deno.test(`${name}: both roles agree on a secret that is new each time`, async () => {
    const first = await agree(method);
    const second = await agree(method);

    assertEquals(first.client.secret, first.server.secret);
    assertEquals(first.client.publicValues, first.server.publicValues);
    assertEquals(first.client.hostKey, Uint8Array.of(1, 2, 3));
    assertEquals(first.client.signature, Uint8Array.of(4, 5));
    assert(first.client.secret.toHex() !== second.client.secret.toHex());
  });

  Deno.test(`${name}: refuses messages out of turn, cut short or too long`, async () => {
    const client = method.client();
    const opening = await client.start();
    const number = opening[0]!;

    for (
      const message of [
        Uint8Array.of(),
        Uint8Array.of(MessageNumber.USERAUTH_REQUEST),
        Uint8Array.of(...opening, 0),
        opening.subarray(0, -1),
        Uint8Array.of(number + 1, ...opening.subarray(1)),
      ]
    ) {
      await assertRejects(
        () => method.server().receive(message),
        ProtocolError,
      );
    }
    await assertRejects(() => client.receive(opening), ProtocolError);
    await assertRejects(() => client.receive(Uint8Array.of(31)), ProtocolError);
  });
}
