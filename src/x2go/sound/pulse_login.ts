import type { SoundLogin, SoundRefusal } from "./sound_login.ts";

/** Bytes of a packet's descriptor: length, channel, offset (64 bits), flags. */
const DESCRIPTOR = 20;
/** The channel of commands, as opposed to that of a stream. */
const CONTROL = 0xffffffff;
const COMMAND_ERROR = 0;
const COMMAND_AUTH = 8;
/** A tagged value's type. */
const U32 = "L".charCodeAt(0);
const ARBITRARY = "x".charCodeAt(0);
const COOKIE = 256;

// Where the values of AUTH are; the type is in front of each.
const LENGTH = 0;
const CHANNEL = 4;
const COMMAND = DESCRIPTOR + 1;
const TAG = COMMAND + 5;
const VERSION = TAG + 5;
const COOKIE_LENGTH = VERSION + 5;
const COOKIE_START = COOKIE_LENGTH + 4;
const SIZE = COOKIE_START + COOKIE;

/**
 * The part of the version that is a number. Above it are flags that offer
 * shared memory (bit 31) and memfd (bit 30).
 */
const VERSION_MASK = 0xffff;

/** PulseAudio's error numbers. */
const ERRORS: Record<SoundRefusal, number> = {
  "access-denied": 1,
  "connection-refused": 6,
};

/**
 * AUTH, the first packet of PulseAudio's native protocol (its file PROTOCOL,
 * and src/pulsecore/protocol-native.c). PipeWire speaks it too, but looks at no
 * cookie.
 *
 * Only what is needed of a program's packet reaches the sound server. The offer
 * of shared memory does not: a program reached through loopback makes it, and
 * the sound server, seeing a process of its own user, would accept it and put
 * what it records where the program cannot read it.
 */
export const pulseLogin: SoundLogin = {
  size: SIZE,

  cookie(login) {
    const view = viewOf(login);
    const isAuth = login.length === SIZE &&
      view.getUint32(LENGTH) === SIZE - DESCRIPTOR &&
      view.getUint32(CHANNEL) === CONTROL &&
      [COMMAND, TAG, VERSION].every((at) => login[at - 1] === U32) &&
      view.getUint32(COMMAND) === COMMAND_AUTH &&
      login[COOKIE_LENGTH - 1] === ARBITRARY &&
      view.getUint32(COOKIE_LENGTH) === COOKIE;
    return isAuth ? login.subarray(COOKIE_START) : undefined;
  },

  withCookie(login, cookie) {
    const from = viewOf(login);
    return packet(
      [
        COMMAND_AUTH,
        from.getUint32(TAG),
        from.getUint32(VERSION) & VERSION_MASK,
      ],
      cookie,
    );
  },

  refusal(login, reason) {
    const tag = viewOf(login).getUint32(TAG);
    return packet([COMMAND_ERROR, tag, ERRORS[reason]]);
  },
};

/** A packet of numbers, and maybe a cookie behind them. */
function packet(numbers: number[], cookie?: Uint8Array): Uint8Array {
  const values = 5 * numbers.length;
  const bytes = new Uint8Array(
    DESCRIPTOR + values + (cookie ? 5 + cookie.length : 0),
  );
  const view = viewOf(bytes);
  const put = (at: number, type: number, value: number) => {
    bytes[at] = type;
    view.setUint32(at + 1, value);
  };
  view.setUint32(LENGTH, bytes.length - DESCRIPTOR);
  view.setUint32(CHANNEL, CONTROL);
  numbers.forEach((number, i) => put(DESCRIPTOR + 5 * i, U32, number));
  if (cookie) {
    put(DESCRIPTOR + values, ARBITRARY, cookie.length);
    bytes.set(cookie, DESCRIPTOR + values + 5);
  }
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
