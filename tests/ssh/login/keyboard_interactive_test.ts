/** Logins by keyboard-interactive. */
import type { AuthContext } from "ssh2";
import { ArgumentError, AuthenticationError } from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type { KeyboardInteractiveRequest } from "../../../src/ssh/connect_options.ts";
import { startTestServer } from "../../../src/testing/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
} from "../../assert.ts";
import { serverOptions } from "../../servers/login_options.ts";
import { startScriptedServer } from "../scripted_server.ts";
import { ask } from "./ask.ts";

Deno.test("connect() gives the password to a lone question with a hidden answer", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  await using connection = await connect(
    serverOptions(server, { password: server.password }),
  );
  assertEquals(connection.server.user, server.user);

  const error = await assertRejects(
    () => connect(serverOptions(server, { password: "the wrong password" })),
    AuthenticationError,
  );
  assertEquals(error.tried, ["keyboard-interactive"]);
  assert(!Deno.inspect(error, { depth: 10 }).includes("wrong password"));
});

Deno.test("connect() asks keyboardInteractive what the server asks", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  const requests: KeyboardInteractiveRequest[] = [];
  await using connection = await connect(serverOptions(server, {
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
        connect(serverOptions(server, {
          keyboardInteractive: () => answers as unknown as string[],
        })),
      ArgumentError,
    );
    assertEquals(error.argument, "keyboardInteractive");
  }
});

Deno.test("connect() asks keyboardInteractive again if the answer is refused, until the user cancels", async () => {
  await using server = await startTestServer({ keyboardInteractive: true });
  {
    const asking = ask(["wrong"], ["wrong too"], [server.password]);
    await using connection = await connect(
      serverOptions(server, { keyboardInteractive: asking.ask }),
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
      () => connect(serverOptions(server, { keyboardInteractive: asking.ask })),
      AuthenticationError,
    );
    assertEquals(asking.count, count);
    assertEquals(error.tried.length, count);
  }
});

Deno.test("connect() tries keyboard-interactive once where the server refuses it without a question, as sshd without PAM does", async () => {
  const methods: string[] = [];
  await using server = await startScriptedServer({
    onAuthentication(request) {
      methods.push(request.method);
      if (request.method === "password") return request.accept();
      request.reject(["keyboard-interactive", "password"]);
    },
  });
  await using _ = await connect({
    ...server.options,
    keyboardInteractive: () => undefined,
    password: "open sesame",
  });
  assertEquals(methods, ["none", "keyboard-interactive", "password"]);
});

Deno.test("connect() sends no answer where the user cancels a question, and tries the next method", async () => {
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

Deno.test("connect() answers one question after the other, up to a limit", async () => {
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
      () => connect(serverOptions(server, { keyboardInteractive })),
      Error,
    );
    assertEquals(error, cause);
  }
});
