import { Prompts } from "../../../src/cli/terminal/prompts.ts";
import type { Asker } from "../../../src/cli/terminal/terminal.ts";
import type { HostKey } from "../../../src/ssh/host_keys/host_key.ts";
import { assertEquals, assertRejects } from "../../assert.ts";

/** A user who gives prepared answers, and what was shown. */
class Person implements Asker {
  shown = "";
  readonly #answers: string[];

  constructor(...answers: string[]) {
    this.#answers = answers;
  }

  get answersLeft(): number {
    return this.#answers.length;
  }

  write(text: string): void {
    this.shown += text;
  }

  askLine(question: string, signal?: AbortSignal): Promise<string> {
    return this.#ask(question, signal, (answer) => answer);
  }

  askHidden(question: string, signal?: AbortSignal): Promise<string> {
    return this.#ask(question, signal, () => "");
  }

  #ask(
    question: string,
    signal: AbortSignal | undefined,
    echo: (answer: string) => string,
  ): Promise<string> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const answer = this.#answers.shift();
    if (answer === undefined) {
      throw new Error(`no answer is scripted: ${question}`);
    }
    this.shown += `${question}${echo(answer)}\n`;
    return Promise.resolve(answer);
  }
}

const key: HostKey = {
  hostname: "server.example",
  port: 2222,
  type: "ssh-ed25519",
  fingerprint: "SHA256:uNiVztksCsDhcc0u9e8BrlQXsWCn94gG9CQgOdXOFQI",
  data: new Uint8Array(),
};

Deno.test("prompts.confirmHostKey() shows the key and asks until it knows", async () => {
  const person = new Person("maybe", "SHA256:else", "yes");
  assertEquals(await new Prompts(person).confirmHostKey(key), true);
  assertEquals(
    person.shown,
    `The authenticity of host '[server.example]:2222' can't be established.
ED25519 key fingerprint is SHA256:uNiVztksCsDhcc0u9e8BrlQXsWCn94gG9CQgOdXOFQI.
Are you sure you want to continue connecting (yes/no/[fingerprint])? maybe
Please type 'yes', 'no' or the fingerprint: SHA256:else
Please type 'yes', 'no' or the fingerprint: yes
`,
  );
});

Deno.test("prompts.confirmHostKey() takes yes, no and the fingerprint as ssh does", async () => {
  for (
    const [answer, expected] of [
      ["yes", true],
      ["Yes ", true],
      [` ${key.fingerprint}`, true],
      ["no", false],
      ["NO", false],
      ["", false],
    ] as const
  ) {
    const person = new Person(answer);
    assertEquals(await new Prompts(person).confirmHostKey(key), expected);
  }
  for (const answer of ["y", "n", "yes no", key.fingerprint.toLowerCase()]) {
    const person = new Person(answer, "no");
    assertEquals(await new Prompts(person).confirmHostKey(key), false);
    assertEquals(person.answersLeft, 0, answer);
  }
});

Deno.test("prompts.passphrase() asks for which key it is", async () => {
  const file = "/home/alice/.ssh/id_ed25519";
  const person = new Person("secret");
  assertEquals(await new Prompts(person).passphrase(file), "secret");
  assertEquals(person.shown, `Enter passphrase for key '${file}': \n`);
});

Deno.test("prompts.passphrase() gives the key up when nothing is entered", async () => {
  assertEquals(await new Prompts(new Person("")).passphrase("key"), undefined);
});

Deno.test("prompts.newPassword() asks twice, until both are the same", async () => {
  const person = new Person("a", "b", "better", "better");
  const prompts = new Prompts(person);
  const answer = await prompts.newPassword("alice", "host", "It has expired.");
  assertEquals(answer, "better");
  assertEquals(
    person.shown,
    `It has expired.
Enter alice@host's new password: 
Retype alice@host's new password: 
Mismatch; try again.
Enter alice@host's new password: 
Retype alice@host's new password: 
`,
  );
  const reluctant = new Prompts(new Person(""));
  assertEquals(await reluctant.newPassword("a", "b", ""), undefined);
});

Deno.test("prompts.password() asks for whose password it is", async () => {
  const person = new Person("secret");
  const answer = await new Prompts(person).password("alice", "server.example");
  assertEquals(answer, "secret");
  assertEquals(person.shown, "alice@server.example's password: \n");
});

Deno.test("prompts.keyboardInteractive() asks what the server asks, and marks it as the server's", async () => {
  const person = new Person("alice", "123456");
  const answer = new Prompts(person)
    .keyboardInteractive("alice", "server.example");
  const answers = await answer({
    name: "Two factors",
    instruction: "First line\nSecond line\n",
    prompts: [
      { text: "Login: ", echo: true },
      { text: "Code:", echo: false },
    ],
  });
  assertEquals(answers, ["alice", "123456"]);
  assertEquals(
    person.shown,
    `Two factors
First line
Second line
(alice@server.example) Login: alice
(alice@server.example) Code: ` + "\n",
  );
});

Deno.test("prompts.keyboardInteractive() lets a server do nothing to the terminal", async () => {
  const person = new Person("");
  await new Prompts(person).keyboardInteractive("a", "b")({
    name: "\x1b[2J\x1b]0;title\x07",
    instruction: `\u202egnorw\n${"more\n".repeat(1000)}`,
    prompts: [{ text: "\r\x1b[1AEnter passphrase for key 'k':", echo: false }],
  });
  const lines = person.shown.split("\n");
  assertEquals(lines.slice(0, 2), ["gnorw", "more"]);
  assertEquals(lines.slice(19), [
    "more",
    "(a@b) Enter passphrase for key 'k': ",
    "",
  ]);
});

Deno.test("prompts.keyboardInteractive() shows what needs no answer", async () => {
  const person = new Person();
  const answers = await new Prompts(person).keyboardInteractive("a", "b")({
    name: "",
    instruction: "Your password expires tomorrow",
    prompts: [],
  });
  assertEquals(answers, []);
  assertEquals(person.shown, "Your password expires tomorrow\n");
});

Deno.test("prompts aborts a question when the signal aborts", async () => {
  const prompts = new Prompts(new Person("yes"), AbortSignal.abort());
  await assertRejects(() => prompts.confirmHostKey(key), DOMException);
  await assertRejects(() => prompts.password("a", "b"), DOMException);
});
