/** Passwords that are asked for: how often, when, and what follows when the user cancels. */
import { ArgumentError, AuthenticationError } from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { serverOptions } from "../../servers/login_options.ts";
import { startSshd } from "../../servers/openssh.ts";
import { startScriptedServer } from "../scripted_server.ts";
import { ask } from "./ask.ts";

serverTest(
  ["sshd", "useradd"],
  "connect() asks for the password until it is right, up to a limit",
  async () => {
    await using server = await startSshd({ passwordUser: true });
    const password = server.password!;
    {
      const asking = ask("wrong", "wrong too", password);
      await using connection = await connect(
        serverOptions(server, { password: asking.ask }),
      );
      assertEquals(connection.server.user, server.user);
      assertEquals(asking.count, 3);
    }
    for (const [maxPrompts, count] of [[undefined, 3], [2, 2]] as const) {
      const asking = ask("1", "2", "3", password);
      const error = await assertRejects(
        () =>
          connect(serverOptions(server, {
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
  "connect() asks for no password where the server accepts none",
  async () => {
    await using server = await startSshd();
    const asking = ask("a secret");
    await assertRejects(
      () => connect(serverOptions(server, { password: asking.ask })),
      AuthenticationError,
    );
    await using _ = await connect(serverOptions(server, {
      password: asking.ask,
      privateKeys: [{ file: server.keyFile }],
    }));
    assertEquals(asking.count, 0);
  },
);

Deno.test("connect() stops asking for a password once the user has cancelled", async () => {
  for (const keyboardInteractive of [false, true]) {
    await using server = await startTestServer({ keyboardInteractive });
    const asking = ask("wrong", undefined);
    const error = await assertRejects(
      () => connect(serverOptions(server, { password: asking.ask })),
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

Deno.test("connect() passes on what the password callback throws, and names an answer of the wrong type", async () => {
  for (const keyboardInteractive of [false, true]) {
    await using server = await startTestServer({ keyboardInteractive });
    const cause = new Error("no terminal");
    const error = await assertRejects(
      () =>
        connect(
          serverOptions(server, { password: () => Promise.reject(cause) }),
        ),
      Error,
    );
    assertEquals(error, cause);

    const bad = (() => 1234) as unknown as () => string;
    const { argument } = await assertRejects(
      () => connect(serverOptions(server, { password: bad })),
      ArgumentError,
    );
    assertEquals(argument, "password");
  }
});

serverTest(
  "sshd",
  "connect() tries the password on sshd after its question was cancelled",
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
