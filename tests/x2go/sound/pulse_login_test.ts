import { pulseLogin } from "../../../src/x2go/sound/pulse_login.ts";
import { assertEquals } from "../../assert.ts";
import { auth, refusal } from "./pulse_client.ts";

const cookie = crypto.getRandomValues(new Uint8Array(256));
const other = crypto.getRandomValues(new Uint8Array(256));

Deno.test("pulseLogin finds the cookie in an AUTH packet and nowhere else", () => {
  assertEquals(auth(cookie).length, pulseLogin.size);
  assertEquals(pulseLogin.cookie(auth(cookie)), cookie);

  assertEquals(pulseLogin.cookie(auth(cookie).subarray(1)), undefined);
  // Length, channel, command, and each value's type and size.
  for (const at of [0, 3, 4, 7, 20, 24, 25, 30, 35, 38]) {
    const packet = auth(cookie);
    packet[at]! ^= 1;
    assertEquals(pulseLogin.cookie(packet), undefined, `byte ${at}`);
  }
});

Deno.test("pulseLogin puts the other cookie in, and takes the offer of shared memory out", () => {
  for (const offer of [0xc0000023, 0x80000023, 0x40000023, 0xffff0023, 0x23]) {
    assertEquals(
      pulseLogin.withCookie(auth(cookie, offer), other),
      auth(other, 0x23),
    );
  }
});

Deno.test("pulseLogin passes nothing on of an AUTH packet's offset and flags", () => {
  const packet = auth(cookie, 0x23);
  packet.fill(255, 8, 20);
  assertEquals(pulseLogin.withCookie(packet, other), auth(other, 0x23));
});

Deno.test("pulseLogin refuses as PulseAudio does", () => {
  const login = auth(cookie);
  assertEquals(pulseLogin.refusal(login, "access-denied"), refusal(1));
  assertEquals(pulseLogin.refusal(login, "connection-refused"), refusal(6));
});
