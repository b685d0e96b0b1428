/** Sound as the tests play and record it: 44100 Hz, two channels, 16 bits, little-endian. */
export const RATE = 44_100;
/** Bytes of one instant: two channels of two bytes. */
export const FRAME = 4;

/** A tone as a WAV file, both channels alike. */
export function toneWav(
  { frequency = 440, seconds = 2, amplitude = 12_000 } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = RATE * seconds * FRAME;
  const file = new DataView(new ArrayBuffer(44 + bytes));
  const text = (at: number, text: string) =>
    [...text].forEach((c, i) => file.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  file.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  file.setUint32(16, 16, true); // length of what describes the format
  file.setUint16(20, 1, true); // PCM
  file.setUint16(22, 2, true); // channels
  file.setUint32(24, RATE, true);
  file.setUint32(28, RATE * FRAME, true);
  file.setUint16(32, FRAME, true);
  file.setUint16(34, 16, true); // bits
  text(36, "data");
  file.setUint32(40, bytes, true);
  for (let i = 0; i < RATE * seconds; i++) {
    const value = amplitude * Math.sin(2 * Math.PI * frequency * i / RATE);
    file.setInt16(44 + i * FRAME, value, true);
    file.setInt16(46 + i * FRAME, value, true);
  }
  return new Uint8Array(file.buffer);
}

/** The audible part of a recording, from the first loud instant to the last. */
export interface Heard {
  /** How long it lasts. */
  seconds: number;
  /** Its energy: for a tone, its amplitude by the square root of two. */
  rms: number;
  /** In Hz, by counting zero crossings. */
  frequency: number;
  /** Places with no sound at all for more than 2 ms. */
  gaps: number;
}

/** Listens to the left channel. */
export function hear(pcm: Uint8Array): Heard {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  const all = Array.from(
    { length: Math.floor(pcm.length / FRAME) },
    (_, i) => view.getInt16(i * FRAME, true),
  );
  const loud = (value: number) => Math.abs(value) > LOUD;
  const samples = all.slice(all.findIndex(loud), all.findLastIndex(loud) + 1);
  const seconds = samples.length / RATE;
  let squares = 0, crossings = 0, silent = 0, gaps = 0;
  samples.forEach((value, i) => {
    squares += value * value;
    if (i > 0 && (value < 0) !== (samples[i - 1]! < 0)) crossings++;
    silent = value === 0 ? silent + 1 : 0;
    if (silent === 100) gaps++;
  });
  return {
    seconds,
    rms: Math.sqrt(squares / samples.length || 0),
    frequency: crossings / 2 / seconds || 0,
    gaps,
  };
}

const LOUD = 200;

/** Whether anything in it is loud. */
export function isLoud(pcm: Uint8Array): boolean {
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  for (let at = 0; at + FRAME <= pcm.length; at += FRAME) {
    if (Math.abs(view.getInt16(at, true)) > LOUD) return true;
  }
  return false;
}
