import type { SoundLogin } from "./sound_login.ts";

/** Bytes of a key: ESD_KEY_LEN in esd.h. */
const KEY = 16;

/** The key that an esd client sends first. esd closes the connection if it is wrong. */
export const esdLogin: SoundLogin = {
  size: KEY,
  cookie: (login) => login,
  withCookie: (_login, cookie) => cookie,
  refusal: () => new Uint8Array(),
};
