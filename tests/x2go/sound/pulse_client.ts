/** What libpulse 16.1 sends first, byte for byte. */
export function auth(cookie: Uint8Array, version = 0xc0000023): Uint8Array {
  const packet = new Uint8Array(296);
  packet.set([
    ...[0, 0, 1, 20, 255, 255, 255, 255], // 276 bytes, the channel of commands
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0x4c, 0, 0, 0, 8], // AUTH
    ...[0x4c, 0, 0, 0, 7], // the request's number
    ...[0x4c, 0, 0, 0, 0], // the version, below
    ...[0x78, 0, 0, 1, 0], // 256 bytes
    ...cookie,
  ]);
  new DataView(packet.buffer).setUint32(31, version);
  return packet;
}

/** What PulseAudio answers to {@linkcode auth} if it refuses. */
export function refusal(error: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0, 0, 0, 15, 255, 255, 255, 255],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0x4c, 0, 0, 0, 0], // ERROR
    ...[0x4c, 0, 0, 0, 7],
    ...[0x4c, 0, 0, 0, error],
  ]);
}
