import type { Client } from "./client.ts";
import type { Site } from "./site.ts";

/** A command line that is run with `ssh -N` and with `rforward`, and the expected outcome of each. */
export type Row =
  & {
    /** What it is about. */
    readonly name: string;
    /** The arguments of both. Placeholders as `{port}` are filled in for each run: see `site.ts`. */
    readonly args: readonly string[];
    /** The first lines of the configuration file; how to reach `server` follows them. */
    readonly config?: string;
    /** The key to log in with, `{key}` by default. */
    readonly identity?: string;
    /** Files of the run's directory. */
    readonly files?: Readonly<Record<string, string>>;
    /** Lines of sshd_config. */
    readonly sshd?: readonly string[];
    /** Whether the server's user must not be root. */
    readonly asUser?: true;
    /** Prepares a run. */
    readonly given?: (site: Site) => void | Promise<void>;
    /** What happens once the forwards are set up; then the client is to end, or to try again. */
    readonly then?: (client: Client, site: Site) => void;
    /** Whether rforward may connect again, which ssh never does. */
    readonly again?: true;
    /** Whether rforward prints lines, not JSON. */
    readonly plain?: true;
  }
  & (Same | Different);

/** Both do the same. */
interface Same {
  /** The outcome, as `observe()` writes it. */
  readonly both: string;
}

/** They do not. */
interface Different {
  readonly ssh: string;
  readonly rforward: string;
  /** The first cell of the row in docs/differences_from_ssh.md that says why. */
  readonly because: string;
}
