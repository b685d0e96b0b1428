import { assertEquals } from "../assert.ts";
import { SOUND_RATE, SoundPlayer } from "./sound.ts";

/** Adds pieces of 10 ms at these times. */
function play(times: number[]): SoundPlayer {
  const player = new SoundPlayer();
  for (const time of times) player.add(10 * SOUND_RATE, time);
  return player;
}

Deno.test("SoundPlayer has no gap where sound comes in time, or late by less than its buffer", () => {
  const { gaps, silentMs } = play([0, 10, 20, 30, 40, 90, 90, 90, 90, 90, 100]);
  assertEquals([gaps, silentMs], [0, 0]);
});

Deno.test("SoundPlayer falls silent when its buffer is empty, until it is full again", () => {
  const { gaps, silentMs } = play([0, 0, 0, 0, 0, 60, 70, 80, 90, 100, 110]);
  assertEquals([gaps, silentMs], [1, 50]);
});
