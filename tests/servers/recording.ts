import { within } from "../within.ts";
import { FRAME, hear, type Heard, isLoud, RATE } from "./tone.ts";

/** A recording that runs until it is disposed. */
export class Recording implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #pcm = new Uint8Array();

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#reader = child.stdout.getReader();
  }

  /** Starts the recording. */
  static async start(
    source: string,
    env: Record<string, string>,
  ): Promise<Recording> {
    const child = new Deno.Command("parec", {
      args: [
        ...["--latency-msec=20", "--raw", "-d", source],
        ...["--format=s16le", `--rate=${RATE}`, "--channels=2"],
      ],
      env: { ...env, DISPLAY: "" }, // libpulse would ask it first
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const recording = new Recording(child);
    // The null sink never stops, so silence comes at once.
    await within(20_000, "silence to record", recording.#read());
    return recording;
  }

  /**
   * Waits for sound and then for its end: three tenths of a second without any.
   * What it heard is not heard again.
   *
   * @throws the signal's reason, if it is silent until then.
   */
  async hear(
    signal: AbortSignal = AbortSignal.timeout(20_000),
  ): Promise<Heard> {
    const enough = 0.3 * RATE * FRAME;
    let heard = false;
    const expired = Promise.withResolvers<never>();
    const expire = () => expired.reject(signal.reason);
    signal.addEventListener("abort", expire, { once: true });
    expired.promise.catch(() => {});
    try {
      for (;;) {
        heard ||= isLoud(this.#pcm);
        if (heard && !isLoud(this.#pcm.subarray(-enough))) break;
        await Promise.race([this.#read(), expired.promise]);
      }
    } finally {
      signal.removeEventListener("abort", expire);
    }
    const result = hear(this.#pcm);
    this.#pcm = new Uint8Array();
    return result;
  }

  async #read(): Promise<void> {
    const { done, value } = await this.#reader.read();
    if (done) throw new Error("parec ended; PulseAudio may be gone");
    const pcm = new Uint8Array(this.#pcm.length + value.length);
    pcm.set(this.#pcm);
    pcm.set(value, this.#pcm.length);
    this.#pcm = pcm;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
    await this.#child[Symbol.asyncDispose]();
  }
}
