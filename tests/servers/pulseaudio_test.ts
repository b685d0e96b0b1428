import { assert, assertEquals, assertRejects } from "../assert.ts";
import { serverTest } from "./availability.ts";
import { startPulseAudio } from "./pulseaudio.ts";
import { run } from "./run.ts";
import { toneWav } from "./tone.ts";

serverTest(
  "pulseaudio",
  "startPulseAudio() starts one that lets in who has the cookie, and records what is played",
  async () => {
    await using pulse = await startPulseAudio();
    await using recording = await pulse.record();
    const wav = `${pulse.home}/tone.wav`;
    await Deno.writeFile(wav, toneWav({ seconds: 1 }));
    const by = (server: string, cookie: string) => [
      ...["-u", "DISPLAY", `PULSE_COOKIE=${cookie}`, `PULSE_SERVER=${server}`],
      ...["paplay", wav],
    ];

    for (const server of [`unix:${pulse.socket}`, `127.0.0.1:${pulse.port}`]) {
      await run("env", by(server, pulse.cookieFile));
      const { seconds, rms, frequency, gaps } = await recording.hear();

      assert(Math.abs(seconds - 1) < 0.05, `${seconds} s`);
      assert(Math.abs(frequency - 440) < 2, `${frequency} Hz`);
      assert(Math.abs(rms - 12_000 / Math.SQRT2) < 100, `rms ${rms}`);
      assertEquals(gaps, 0);
    }

    await Deno.writeFile(`${pulse.home}/wrong`, new Uint8Array(256));
    await assertRejects(
      () => run("env", by(`127.0.0.1:${pulse.port}`, `${pulse.home}/wrong`)),
      Error,
    );
  },
);
