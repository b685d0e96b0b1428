/** Which methods connect() logs in with, and what it reports when the login fails. */
import { join } from "node:path";
import {
  AuthenticationError,
  ConnectError,
  RForwardError,
} from "../../../src/errors.ts";
import type { Logger } from "../../../src/logger.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { generateKeyPair } from "../../../src/ssh/keys/private/key_pair.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { serverOptions } from "../../servers/login_options.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import { startSshd } from "../../servers/openssh.ts";
import { startProxy } from "../../servers/proxy.ts";
import { run } from "../../servers/run.ts";
import { startScriptedServer } from "../scripted_server.ts";

serverTest(
  ["sshd", "useradd"],
  "connect() logs in to sshd with a password",
  async () => {
    await using server = await startSshd({ passwordUser: true });
    await using connection = await connect(
      serverOptions(server, { password: server.password! }),
    );
    assertEquals(connection.server.user, server.user);
  },
);

serverTest(
  "dropbear",
  "connect() logs in to dropbear with a password, and with a key",
  async () => {
    await using server = await startDropbear();
    const { password, keyFile } = server;
    await using _ = await connect(
      serverOptions(server, { password: password! }),
    );
    await using connection = await connect(
      serverOptions(server, { privateKeys: [{ file: keyFile }] }),
    );
    assertEquals(connection.server.user, server.user);
  },
);

serverTest(
  ["sshd", "useradd"],
  "connect() logs in where the server requires a key and then a password",
  async () => {
    await using server = await startSshd({
      passwordUser: true,
      config: ["AuthenticationMethods publickey,password"],
    });
    const privateKeys = [{ file: server.keyFile }];
    await using connection = await connect(
      serverOptions(server, { privateKeys, password: server.password! }),
    );
    assertEquals(connection.server.user, server.user);

    const error = await assertRejects(
      () => connect(serverOptions(server, { privateKeys })),
      AuthenticationError,
    );
    assertEquals(error.acceptable, ["password"]);
    assertMatch(
      error.message,
      /tried: publickey SHA256:.*; it accepts: password$/,
    );
  },
);

serverTest(
  ["sshd", "useradd"],
  "connect() logs in where the server requires two keys",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-auth-" });
    try {
      const file = join(dir, "second");
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
      await using server = await startSshd({
        config: ["AuthenticationMethods publickey,publickey"],
        authorizedKeys: [(await Deno.readTextFile(`${file}.pub`)).trim()],
      });
      await using connection = await connect(
        serverOptions(server, {
          privateKeys: [{ file: server.keyFile }, { file }],
        }),
      );
      assertEquals(connection.server.user, server.user);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

serverTest(
  ["sshd", "useradd"],
  "connect() reports what was tried, in the documented order, and no secret",
  async () => {
    await using server = await startSshd({ passwordUser: true });
    const dir = await Deno.makeTempDir({ prefix: "rforward-auth-" });
    try {
      const [first, second] = [join(dir, "first"), join(dir, "second")];
      for (const file of [first, second]) {
        await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
      }
      const fingerprint = async (file: string) =>
        (await run("ssh-keygen", ["-l", "-f", file])).split(" ")[1];

      const error = await assertRejects(
        () =>
          connect(serverOptions(server, {
            password: "the wrong password",
            privateKeys: [{ file: second }, { file: first }],
          })),
        AuthenticationError,
      );

      assertEquals(error.code, "authentication-failed");
      assertEquals(error.tried, [
        `publickey ${await fingerprint(second)}`,
        `publickey ${await fingerprint(first)}`,
        "password",
      ]);
      assertEquals(error.acceptable, ["publickey", "password"]);
      assert(error.message.includes(server.user));
      assert(!Deno.inspect(error, { depth: 10 }).includes("wrong password"));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

serverTest(
  "sshd",
  "connect() passes on why the server cut it off",
  async () => {
    await using server = await startSshd({ config: ["MaxAuthTries 2"] });
    const keys = await Promise.all([1, 2, 3, 4].map(() => generateKeyPair()));
    const error = await assertRejects(
      () =>
        connect(serverOptions(server, {
          privateKeys: keys.map(({ privateKey }) => ({ text: privateKey })),
        })),
      AuthenticationError,
    );
    assertMatch(error.message, /: Too many authentication failures; tried: /);
  },
);

serverTest(
  "sshd",
  "connect() without anything to log in with says what the server accepts",
  async () => {
    await using server = await startSshd();
    const error = await assertRejects(
      () => connect(serverOptions(server, {})),
      AuthenticationError,
    );
    assertEquals(error.tried, []);
    assertEquals(error.acceptable, ["publickey"]);
    assertMatch(
      error.message,
      /tried: nothing that the server offers; it accepts: publickey; provide a key, an agent or a password that it accepts$/,
    );
  },
);

serverTest(
  "sshd",
  "connect() does not send a password where the server offers no such thing",
  async () => {
    await using server = await startSshd();
    const error = await assertRejects(
      () => connect(serverOptions(server, { password: "a secret" })),
      AuthenticationError,
    );
    assertEquals(error.tried, []);
  },
);

/** Reasons of a DISCONNECT (RFC 4253 section 11.1) that do not depend on the user. */
const notNow = {
  PROTOCOL_ERROR: 2,
  KEY_EXCHANGE_FAILED: 3,
  MAC_ERROR: 5,
  SERVICE_NOT_AVAILABLE: 7,
  CONNECTION_LOST: 10,
  BY_APPLICATION: 11,
  TOO_MANY_CONNECTIONS: 12,
};
/** Those that refuse the user. */
const refused = {
  HOST_NOT_ALLOWED_TO_CONNECT: 1,
  AUTH_CANCELLED_BY_USER: 13,
  NO_MORE_AUTH_METHODS_AVAILABLE: 14,
  ILLEGAL_USER_NAME: 15,
};

Deno.test("connect() distinguishes a server that cannot log anyone in now from one that refuses the login", async () => {
  for (const [name, reason] of Object.entries({ ...notNow, ...refused })) {
    const code = name in refused ? "authentication-failed" : "protocol-error";
    await using server = await startScriptedServer({
      onAuthentication: (_, protocol) => protocol.disconnect(reason),
    });
    const error = await assertRejects(
      () => connect({ ...server.options, password: "open sesame" }),
      RForwardError,
    );
    assertEquals(error.code, code, `${name}: ${error.message}`);
    assertEquals(
      error.message.includes("refused the login of alice"),
      name in refused,
    );
  }
});

for (const whose of ["client", "server"]) {
  Deno.test(`connect() does not say that the login was refused when a bit of the ${whose}'s was flipped`, async () => {
    await using server = await startScriptedServer({
      onAuthentication(request) {
        if (request.method === "password") proxy.corrupt();
        request.reject(["password"]);
      },
    });
    await using proxy = startProxy({
      hostname: server.options.hostname,
      port: server.options.port!,
    });
    const error = await assertRejects(
      () =>
        connect({
          ...server.options,
          port: proxy.port,
          hostKeys: "insecure-accept-any",
          password() {
            if (whose === "client") proxy.corrupt();
            return "open sesame";
          },
        }),
      ConnectError,
    );
    assertEquals(error.code, "protocol-error");
    assertMatch(error.message, /^the login to \S+ broke off: /);
    assert(!error.message.includes("refused the login"), error.message);
  });
}

serverTest(
  "sshd",
  "connect() says where it looked for keys if it found none",
  async () => {
    await using server = await startSshd();
    const files = ["/nowhere/id_rsa", "/nowhere/id_ed25519"];
    const privateKeys = files.map((file) => ({ file, optional: true }));
    const { message } = await assertRejects(
      () => connect(serverOptions(server, { privateKeys })),
      AuthenticationError,
    );
    assertMatch(
      message,
      /no private key could be read; looked for \/nowhere\/id_rsa, \/nowhere\/id_ed25519/,
    );
  },
);

Deno.test("connect() and its connection show no secret, neither to a logger nor when they are inspected", async () => {
  await using server = await startTestServer({
    exec: () => Promise.resolve(0),
  });
  const shown: string[] = [];
  const keep = (...args: unknown[]) =>
    shown.push(Deno.inspect(args, { depth: 10 }));
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
  const { password } = server;
  const { privateKey } = await generateKeyPair();
  const options = serverOptions(server, {
    password,
    privateKeys: [{ text: privateKey }],
    logger,
  });

  const connection = await connect(options);
  const process = await connection.exec("true");
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const channel = await connection.openDirect("127.0.0.1", listener.addr.port);
  (await listener.accept()).close();
  keep(connection, channel, process, await process.output());
  await server.disconnectAll();
  keep(await connection.closed);

  for (const secret of [password, ...privateKey.split("\n").slice(1, 3)]) {
    assert(!shown.some((text) => text.includes(secret)));
  }
  // Nor the transport, which has the session's keys.
  assert(!shown.some((text) => /cipher\w*Key|_protocol|_kex/i.test(text)));
});

serverTest(
  "sshd",
  "connect() passes on sshd's banner without control characters",
  async () => {
    const dir = await Deno.makeTempDir({ prefix: "rforward-auth-" });
    try {
      const file = join(dir, "banner");
      await Deno.writeTextFile(
        file,
        "\n  Staff only.\n\x1b[2JAll is logged.\n",
      );
      await using server = await startSshd({ config: [`Banner ${file}`] });
      const privateKeys = [{ file: server.keyFile }];
      const said: string[] = [];
      await using _ = await connect(
        serverOptions(server, {
          privateKeys,
          onBanner: (text) => said.push(text),
        }),
      );
      assertEquals(said, ["\n  Staff only.\nAll is logged."]);

      const error = new Error("we do not agree");
      const onBanner = () => {
        throw error;
      };
      assertEquals(
        await assertRejects(
          () => connect(serverOptions(server, { privateKeys, onBanner })),
          Error,
        ),
        error,
      );
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
