import { ArgumentError } from "../../src/errors.ts";
import { connect } from "../../src/ssh/connect.ts";
import { nativeEngine } from "../../src/ssh/native/native_engine.ts";
import { ssh2 } from "../../src/ssh/ssh2/mod.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { startSshd } from "../servers/openssh.ts";

serverTest(
  "sshd",
  "connect() exchanges keys with each curve that it says it supports",
  async () => {
    for (const engine of [nativeEngine, ssh2]) {
      const names = engine.supportedAlgorithms.kex.filter((name) =>
        /^(curve|ecdh)/.test(name)
      );
      assert(names.length >= 4, `${names}`);
      await using server = await startSshd({
        config: [`KexAlgorithms ${names}`],
      });
      for (const name of names) {
        await using connection = await connect({
          ...{
            hostname: server.hostname,
            port: server.port,
            user: server.user,
          },
          hostKeys: { text: server.knownHosts },
          privateKeys: [{ file: server.keyFile }],
          algorithms: { kex: [name] },
          engine,
        });
        assertEquals(connection.server.user, server.user, name);
        assertEquals(connection.server.negotiated.kex, name);
      }
    }
  },
);

const { supportedAlgorithms } = nativeEngine;

Deno.test("connect() refuses an algorithm that is not available, and lists those that are", async () => {
  for (
    const [list, name] of [
      ["kex", "rot13"],
      ["cipher", "none"],
      ["mac", "umac-64@openssh.com"],
      ["serverHostKey", "ssh-foo"],
      ["userKey", "ssh-foo"],
    ] as const
  ) {
    const error = await assertRejects(
      () =>
        connect({
          ...{ hostname: "127.0.0.1", port: 1, user: "alice" },
          algorithms: { [list]: [supportedAlgorithms[list][0]!, name] },
        }),
      ArgumentError,
    );
    assertEquals(
      error.message,
      `algorithms.${list}: ${JSON.stringify(name)} is not supported; use ${
        supportedAlgorithms[list].join(", ")
      }`,
    );
  }
});
