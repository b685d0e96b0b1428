import { join } from "node:path";
import type { AuthContext } from "ssh2";
import {
  ArgumentError,
  AuthenticationError,
  ConnectError,
  RForwardError,
} from "../../../src/errors.ts";
import type { Logger } from "../../../src/logger.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type {
  ConnectOptions,
  KeyboardInteractiveRequest,
} from "../../../src/ssh/connect_options.ts";
import { generateKeyPair } from "../../../src/ssh/keys/private/key_pair.ts";
import { startTestServer, type TestServer } from "../../../src/testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startDropbear } from "../../servers/dropbear.ts";
import { startSshd } from "../../servers/openssh.ts";
import { startProxy } from "../../servers/proxy.ts";
import { run } from "../../servers/run.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { startScriptedServer } from "../scripted_server.ts";

/** Where a server is and what its key is; the rest is for the test to give. */
function optionsFor(
  { hostname, port, user, knownHosts }: SshServer | TestServer,
  more: Partial<ConnectOptions>,
): ConnectOptions {
  return { hostname, port, user, hostKeys: { text: knownHosts }, ...more };
}

serverTest(
  ["sshd", "useradd"],
  "connect() logs in to sshd with a password",
  async () => {
    await using server = await startSshd({ passwordUser: true });
    await using connection = await connect(
      optionsFor(server, { password: server.password! }),
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
      optionsFor(server, { password: password! }),
    );
    await using connection = await connect(
      optionsFor(server, { privateKeys: [{ file: keyFile }] }),
    );
    assertEquals(connection.server.user, server.user);
  },
);

serverTest(
  ["sshd", "useradd"],
  "connect() logs in where the server wants a key and then a password",
  async () => {
    await using server = await startSshd({
      passwordUser: true,
      config: ["AuthenticationMethods publickey,password"],
    });
    const privateKeys = [{ file: server.keyFile }];
    await using connection = await connect(
      optionsFor(server, { privateKeys, password: server.password! }),
    );
    assertEquals(connection.server.user, server.user);

    const error = await assertRejects(
      () => connect(optionsFor(server, { privateKeys })),
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
  "connect() logs in where the server wants two keys",
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
        optionsFor(server, {
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
  "connect() tells what was tried, in the order that is promised, and no secret",
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
          connect(optionsFor(server, {
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
        connect(optionsFor(server, {
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
      () => connect(optionsFor(server, {})),
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
      () => connect(optionsFor(server, { password: "a secret" })),
      AuthenticationError,
    );
    assertEquals(error.tried, []);
  },
);

Deno.test("connect() gives the password to a lone question with a hidden answer", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  await using connection = await connect(
    optionsFor(server, { password: server.password }),
  );
  assertEquals(connection.server.user, server.user);

  const error = await assertRejects(
    () => connect(optionsFor(server, { password: "the wrong password" })),
    AuthenticationError,
  );
  assertEquals(error.tried, ["keyboard-interactive"]);
  assert(!Deno.inspect(error, { depth: 10 }).includes("wrong password"));
});

Deno.test("connect() asks keyboardInteractive what the server asks", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  const requests: KeyboardInteractiveRequest[] = [];
  await using connection = await connect(optionsFor(server, {
    password: "not this one",
    keyboardInteractive: (request) => {
      requests.push(request);
      return [server.password];
    },
  }));
  assertEquals(requests, [{
    name: "",
    instruction: "",
    prompts: [{ text: "Password: ", echo: false }],
  }]);
  assertEquals(connection.server.user, server.user);
});

Deno.test("connect() names a keyboardInteractive that does not answer each prompt", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  for (const answers of [[], ["a", "b"], [1], "x", null]) {
    const error = await assertRejects(
      () =>
        connect(optionsFor(server, {
          keyboardInteractive: () => answers as unknown as string[],
        })),
      ArgumentError,
    );
    assertEquals(error.argument, "keyboardInteractive");
  }
});

/** Gives one answer after the other, and counts how often it was asked. */
function ask<T>(...answers: T[]) {
  const asking = {
    count: 0,
    ask: () => Promise.resolve(answers[asking.count++] as T),
  };
  return asking;
}

serverTest(
  ["sshd", "useradd"],
  "connect() asks for the password until it is right, but not for ever",
  async () => {
    await using server = await startSshd({ passwordUser: true });
    const password = server.password!;
    {
      const asking = ask("wrong", "wrong too", password);
      await using connection = await connect(
        optionsFor(server, { password: asking.ask }),
      );
      assertEquals(connection.server.user, server.user);
      assertEquals(asking.count, 3);
    }
    for (const [maxPrompts, count] of [[undefined, 3], [2, 2]] as const) {
      const asking = ask("1", "2", "3", password);
      const error = await assertRejects(
        () =>
          connect(optionsFor(server, {
            password: asking.ask,
            ...maxPrompts === undefined ? {} : { maxPrompts },
          })),
        AuthenticationError,
      );
      assertEquals(asking.count, count);
      assertEquals(
        error.tried,
        Array.from({ length: count }, () => "password"),
      );
      assertMatch(error.message, new RegExp(`password \\(${count} times\\)`));
    }
  },
);

serverTest(
  "sshd",
  "connect() asks for no password where the server wants none",
  async () => {
    await using server = await startSshd();
    const asking = ask("a secret");
    await assertRejects(
      () => connect(optionsFor(server, { password: asking.ask })),
      AuthenticationError,
    );
    await using _ = await connect(optionsFor(server, {
      password: asking.ask,
      privateKeys: [{ file: server.keyFile }],
    }));
    assertEquals(asking.count, 0);
  },
);

Deno.test("connect() asks no more for a password once the user has given up", async () => {
  for (const keyboardInteractive of [false, true]) {
    await using server = await startTestServer({ keyboardInteractive });
    const asking = ask("wrong", undefined);
    const error = await assertRejects(
      () => connect(optionsFor(server, { password: asking.ask })),
      AuthenticationError,
    );
    assertEquals(asking.count, 2);
    assertEquals(
      error.tried,
      keyboardInteractive
        ? ["keyboard-interactive", "keyboard-interactive"]
        : ["password"],
    );
  }
});

Deno.test("connect() asks keyboardInteractive again if the answer is refused, until the user gives up", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  {
    const asking = ask(["wrong"], ["wrong too"], [server.password]);
    await using connection = await connect(
      optionsFor(server, { keyboardInteractive: asking.ask }),
    );
    assertEquals(connection.server.user, server.user);
  }
  for (
    const [asking, count] of [
      [ask(["wrong"], undefined), 2],
      [ask<string[] | undefined>(["1"], ["2"], ["3"], [server.password]), 3],
    ] as const
  ) {
    const error = await assertRejects(
      () => connect(optionsFor(server, { keyboardInteractive: asking.ask })),
      AuthenticationError,
    );
    assertEquals(asking.count, count);
    assertEquals(error.tried.length, count);
  }
});

Deno.test("connect() passes on what the password callback throws, and names an answer that is none", async () => {
  for (const keyboardInteractive of [false, true]) {
    await using server = await startTestServer({ keyboardInteractive });
    const cause = new Error("no terminal");
    const error = await assertRejects(
      () =>
        connect(optionsFor(server, { password: () => Promise.reject(cause) })),
      Error,
    );
    assertEquals(error, cause);

    const bad = (() => 1234) as unknown as () => string;
    const { argument } = await assertRejects(
      () => connect(optionsFor(server, { password: bad })),
      ArgumentError,
    );
    assertEquals(argument, "password");
  }
});

Deno.test("connect() sends no answer where the user gives up on a question, and goes on to the next method", async () => {
  const answered: unknown[] = [];
  await using server = await startScriptedServer({
    onAuthentication(request) {
      if (request.method === "password") return request.accept();
      if (request.method !== "keyboard-interactive") {
        return request.reject(["keyboard-interactive", "password"]);
      }
      request.prompt(
        [{ prompt: "Password: ", echo: false }],
        (answers: unknown) => answered.push(answers),
      );
    },
  });
  await using _ = await connect({
    ...server.options,
    keyboardInteractive: () => undefined,
    password: "open sesame",
  });
  assertEquals(answered.filter(Array.isArray), []);
});

serverTest(
  "sshd",
  "connect() goes on to the password on sshd after giving up on its question",
  async () => {
    await using sshd = await startSshd({
      passwordUser: true,
      config: ["UsePAM yes", "KbdInteractiveAuthentication yes"],
    });
    let asked = 0;
    await using connection = await connect({
      hostname: sshd.hostname,
      port: sshd.port,
      user: sshd.user,
      hostKeys: { text: sshd.knownHosts },
      keyboardInteractive() {
        asked++;
        return undefined;
      },
      password: sshd.password!,
    });
    assertEquals(asked, 1);
    assertEquals(connection.signal.aborted, false);
  },
);

Deno.test("connect() asks once at a time, however often the server refuses", async () => {
  const password = "open sesame";
  await using server = await startScriptedServer({
    onAuthentication(request, protocol) {
      if (request.method === "password" && request.password === password) {
        return request.accept();
      }
      request.reject(["password"]);
      const { authFailure } = protocol as unknown as {
        authFailure(methods: string[]): void;
      };
      for (let i = 0; i < 3; i++) {
        // As if it had been asked more than once.
        (protocol as unknown as { _authsQueue: string[] })._authsQueue
          .push("none");
        authFailure.call(protocol, ["password"]);
      }
    },
  });
  let asking = 0;
  await using connection = await connect({
    ...server.options,
    async password() {
      assertEquals(++asking, 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return password;
    },
  });
  assertEquals(connection.signal.aborted, false);
});

Deno.test("connect() tells a server that cannot let anybody in now from one that refuses the login", async () => {
  for (
    const [reason, code] of [
      ...[2, 3, 5, 7, 10, 11, 12].map((it) => [it, "protocol-error"] as const),
      ...[1, 13, 14, 15].map((it) => [it, "authentication-failed"] as const),
    ]
  ) {
    await using server = await startScriptedServer({
      onAuthentication: (_, protocol) => protocol.disconnect(reason),
    });
    const error = await assertRejects(
      () => connect({ ...server.options, password: "open sesame" }),
      RForwardError,
    );
    assertEquals(error.code, code, `${reason}: ${error.message}`);
    assertEquals(
      error.message.includes("did not let alice in"),
      code === "authentication-failed",
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
    assert(!error.message.includes("did not let"), error.message);
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
      () => connect(optionsFor(server, { privateKeys })),
      AuthenticationError,
    );
    assertMatch(
      message,
      /no private key could be read; looked for \/nowhere\/id_rsa, \/nowhere\/id_ed25519/,
    );
  },
);

Deno.test("connect() answers questions one after the other, but not for ever", async () => {
  const prompts = ["First: ", "Second: "].map((prompt) => ({
    prompt,
    echo: true,
  }));
  const rounds = (most: number) => (request: AuthContext) => {
    if (request.method !== "keyboard-interactive") {
      return request.reject(["keyboard-interactive"]);
    }
    let asked = 0;
    const ask = () => {
      if (asked++ === most) return request.accept();
      request.prompt(prompts, "Title", "Instruction", ask);
    };
    ask();
  };
  let answered = 0;
  const keyboardInteractive = (request: KeyboardInteractiveRequest) => {
    answered++;
    assertEquals(request, {
      name: "Title",
      instruction: "Instruction",
      prompts: prompts.map(({ prompt }) => ({ text: prompt, echo: true })),
    });
    return ["one", "two"];
  };

  await using patient = await startScriptedServer({
    onAuthentication: rounds(3),
  });
  await using connection = await connect({
    ...patient.options,
    keyboardInteractive,
  });
  assertEquals(connection.signal.aborted, false);
  assertEquals(answered, 3);

  await using endless = await startScriptedServer({
    onAuthentication: rounds(Infinity),
  });
  const error = await assertRejects(
    () => connect({ ...endless.options, keyboardInteractive }),
    AuthenticationError,
  );
  assertMatch(error.message, /asked 100 times/);
});

Deno.test("connect() passes on what keyboardInteractive throws", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  const cause = new Error("no terminal");
  for (
    const keyboardInteractive of [
      () => Promise.reject(cause),
      () => {
        throw cause;
      },
    ]
  ) {
    const error = await assertRejects(
      () => connect(optionsFor(server, { keyboardInteractive })),
      Error,
    );
    assertEquals(error, cause);
  }
});

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
  const options = optionsFor(server, {
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
  // Nor what is behind it: keys of the session are there.
  assert(!shown.some((text) => /cipher\w*Key|_protocol|_kex/i.test(text)));
});

serverTest(
  "sshd",
  "connect() tells what sshd says before the login, and nothing to a terminal",
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
        optionsFor(server, {
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
          () => connect(optionsFor(server, { privateKeys, onBanner })),
          Error,
        ),
        error,
      );
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
