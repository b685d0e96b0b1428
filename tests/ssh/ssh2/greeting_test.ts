import { Greeting } from "../../../src/ssh/ssh2/greeting.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

const text = new TextDecoder();
const bytes = (said: string) => new TextEncoder().encode(said);

const greetings = [
  "SSH-2.0-OpenSSH_9.2p1 Debian\r\n",
  "SSH-2.0-dropbear\n",
  "Welcome to this server\r\nIt is SSH-2.0\r\nSSH-2.0-x\r\n",
];

for (const size of [1, 2, 7, 1000]) {
  Deno.test(`Greeting puts together what comes in pieces of ${size}`, () => {
    for (const said of greetings) {
      const greeting = new Greeting();
      const whole = bytes(`${said}\x00\x01packet`);
      let seen = "";
      for (let at = 0; at < whole.length; at += size) {
        const taken = greeting.take(whole.subarray(at, at + size));
        if (seen === "" && taken) {
          assertEquals(text.decode(taken).startsWith(said), true);
        }
        seen += taken ? text.decode(taken) : "";
      }
      assertEquals(seen, `${said}\x00\x01packet`);
    }
  });
}

Deno.test("Greeting passes on what comes after it as it is", () => {
  const greeting = new Greeting();
  greeting.take(bytes("SSH-2.0-x\r\n"));
  const packet = bytes("packet");
  assertEquals(greeting.take(packet) === packet, true);
});

Deno.test("Greeting keeps the first line, as far as it came", () => {
  const greeting = new Greeting();
  assertEquals(greeting.firstLine, "");
  greeting.take(bytes("HTTP/1.1 4"));
  greeting.take(bytes("00 Bad Request\r\nServer: x\r\n"));
  assertEquals(greeting.firstLine, "HTTP/1.1 400 Bad Request\r");
});

Deno.test("Greeting has an end", () => {
  const greeting = new Greeting();
  const line = bytes("welcome\r\n");
  assertThrows(() => {
    for (let i = 0; i < 10_000; i++) greeting.take(line);
  }, Error);
});
