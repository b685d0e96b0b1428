import type { Level } from "../reporter.ts";

/** One line of a log; the warning of a changed host key has several. */
export interface Line {
  /** How much it matters. */
  level: Level;
  /** What is said. */
  text: string;
  /** Lines with the same key repeat each other; one without a key reports a change. */
  key?: string | undefined;
  /** A live view shows it anyway. */
  visible?: true;
  /** The server wrote it on the session: it is not a message of ours, and is shown also with `-q`, as ssh does. */
  output?: true;
}
