import type { Level } from "../reporter.ts";

/** One line of a log; the warning of a changed host key has several. */
export interface Line {
  /** How much it matters. */
  level: Level;
  /** Its text. */
  text: string;
  /** Lines with the same key repeat each other; one without a key reports a change. */
  key?: string | undefined;
  /** A live view shows the same. */
  visible?: true;
  /** The server wrote it on the session, so that it is shown also with `-q`, as in ssh. */
  output?: true;
}
