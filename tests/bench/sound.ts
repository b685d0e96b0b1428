/** Bytes a millisecond of 16-bit stereo at 44 kHz. */
export const SOUND_RATE = 176;
/** How much is buffered before it is played, in milliseconds: what PulseAudio's clients ask for when latency matters. */
const BUFFER_MS = 50;

/** Plays sound as a sound server does, but for the noise: notes when there is nothing to play. */
export class SoundPlayer {
  /** How often the buffer ran dry. */
  gaps = 0;
  /** For how long nothing was played after it had begun, in milliseconds. */
  silentMs = 0;

  #buffered = 0;
  #isPlaying = false;
  #hasBegun = false;
  #last = 0;

  /** Bytes of sound came. */
  add(bytes: number, now: number): void {
    this.#advance(now);
    this.#buffered += bytes;
    if (this.#buffered < SOUND_RATE * BUFFER_MS) return;
    this.#isPlaying = true;
    this.#hasBegun = true;
  }

  #advance(now: number): void {
    const passed = now - this.#last;
    this.#last = now;
    if (!this.#hasBegun) return;
    if (!this.#isPlaying) {
      this.silentMs += passed;
      return;
    }
    this.#buffered -= passed * SOUND_RATE;
    if (this.#buffered >= 0) return;
    this.gaps++;
    this.silentMs += -this.#buffered / SOUND_RATE;
    this.#buffered = 0;
    this.#isPlaying = false;
  }
}
