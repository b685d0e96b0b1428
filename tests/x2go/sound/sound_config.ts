import type { X2GoSession } from "../../../src/x2go/session/x2go_session.ts";

/** The sound configuration of a session's programs. */
export interface SoundConfig {
  /** The configuration, as it is. */
  readonly text: string;
  /** Where the cookie is; empty without one. */
  readonly cookieFile: string;
  /** The cookie; empty without one. */
  readonly cookie: Uint8Array;
}

/** Reads the sound configuration of a session's programs. */
export async function soundConfig(session: X2GoSession): Promise<SoundConfig> {
  const file = session.environment["PULSE_CLIENTCONFIG"]!;
  const text = await Deno.readTextFile(file);
  const [, cookieFile = ""] = /^cookie-file=(.*)$/m.exec(text) ?? [];
  const cookie = cookieFile
    ? await Deno.readFile(cookieFile)
    : new Uint8Array();
  return { text, cookieFile, cookie };
}
