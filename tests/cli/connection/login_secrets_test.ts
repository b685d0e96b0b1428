import { LoginSecrets } from "../../../src/cli/connection/login_secrets.ts";
import { Secrets } from "../../../src/cli/connection/secrets.ts";
import { assert, assertEquals } from "../../assert.ts";

/** The answers of logins without a terminal, and what was logged. */
function setUp() {
  const secrets = new Secrets(undefined);
  const logged: string[] = [];
  const log = (message: string) => void logged.push(message);
  const login = (server: string) =>
    new LoginSecrets(secrets, {
      user: "alice",
      host: server,
      server,
      prompts: undefined,
      logger: { debug: log, info: log, warn: log, error: log },
    });
  return { login, logged };
}

Deno.test("loginSecrets.keyboardInteractive() needs no terminal where nothing is asked", async () => {
  const { login, logged } = setUp();
  const answers = await login("serveo").keyboardInteractive({
    name: "",
    instruction: "Welcome\x1b[2J\nback",
    prompts: [],
  });
  assertEquals(answers, []);
  assertEquals(logged, ["Welcome", "back"]);
  assert(login("serveo").mayTryKeyboardInteractive);
});

Deno.test("loginSecrets.keyboardInteractive() is not tried again where there was no answer", async () => {
  for (const more of [[], [{ text: "Code:", echo: true }]]) {
    const { login, logged } = setUp();
    const first = login("sshd");
    assert(first.mayTryKeyboardInteractive);
    const prompts = [{ text: "Password:\x07 ", echo: false }, ...more];
    const request = { name: "", instruction: "", prompts };
    assertEquals(await first.keyboardInteractive(request), undefined);
    assertEquals(logged, [
      'the server asks "Password:", and there is no terminal to ask you on',
    ]);
    assert(!login("sshd").mayTryKeyboardInteractive);
    assert(login("another").mayTryKeyboardInteractive);
  }
});
