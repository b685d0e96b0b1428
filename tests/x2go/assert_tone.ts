import type { X2GoSession } from "../../src/x2go/session/x2go_session.ts";
import { assert, assertEquals } from "../assert.ts";
import type { PulseAudio } from "../servers/pulseaudio.ts";
import { type Heard, toneWav } from "../servers/tone.ts";
import type { X2GoServer } from "../servers/x2go.ts";
import { exports } from "./client.ts";

/** Has a program in the session play two seconds of 440 Hz, and listens here. */
export async function assertTone(
  session: X2GoSession,
  x2go: X2GoServer,
  pulse: PulseAudio,
): Promise<void> {
  await Deno.writeFile(`${x2go.home}/tone.wav`, toneWav());
  // A busy machine may interrupt the sound, but not each time.
  for (let left = 2;; left--) {
    await using recording = await pulse.record();
    const [heard] = await Promise.all([
      recording.hear(),
      x2go.run(`${exports(session)} timeout 15 paplay ~/tone.wav`),
    ]);
    if (heard.gaps === 0 || left === 0) return assertIsTone(heard);
  }
}

function assertIsTone(heard: Heard): void {
  const text = JSON.stringify(heard);
  assert(heard.seconds > 1.95 && heard.seconds < 2.05, text);
  assert(Math.abs(heard.frequency - 440) < 2, text);
  assert(Math.abs(heard.rms - 12_000 / Math.SQRT2) < 100, text);
  assertEquals(heard.gaps, 0, text);
}
