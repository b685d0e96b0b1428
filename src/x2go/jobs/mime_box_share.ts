import { posix } from "node:path";
import { printable } from "../../text/printable.ts";
import type { FolderServer } from "../folders/folder_server.ts";
import type { Job, JobHandler } from "./jobs.ts";
import { type SpoolOptions, SpoolShare, takeFile, tame } from "./spool.ts";

/**
 * A folder whose files come to this side, to be opened here for instance:
 * X2Go's MIME box. Hidden files and directories stay where they are.
 */
export class MimeBoxShare extends SpoolShare {
  /** Nothing: programs find it by {@linkcode mountPoint}, or as `~/.x2go/C-NAME/mimebox`. */
  override readonly environment: Readonly<Record<string, string>> = {};

  /**
   * Not open yet; `X2GoSession.shareMimeBox` does the rest.
   *
   * @param server What mounts the session's folders.
   * @param handler What is done with each file; its title is its name.
   * @param options Receives problems.
   *
   * @ignore
   */
  constructor(
    server: FolderServer,
    handler: JobHandler,
    options: SpoolOptions = {},
  ) {
    super(server, "mimebox", handler, options);
  }

  /**
   * Each file is a job.
   *
   * @ignore
   */
  protected override completes(name: string): boolean {
    return !name.startsWith(".");
  }

  /**
   * A directory that was renamed is not a job.
   *
   * @ignore
   */
  protected override async collect(
    path: string,
    directory: string,
  ): Promise<Job | undefined> {
    if ((await Deno.lstat(path)).isDirectory) return undefined;
    const name = posix.basename(path);
    const file = posix.join(directory, tame(name));
    await takeFile(path, file);
    return { title: printable(name), file };
  }
}
