import { posix } from "node:path";
import { printable } from "../../text/printable.ts";
import type { FolderServer } from "../folders/folder_server.ts";
import type { Job, JobHandler } from "./jobs.ts";
import { type SpoolOptions, SpoolShare, takeFile, tame } from "./spool.ts";

/** Maximum bytes of the file that describes a job. */
const MAX_READY = 16 * 1024;

/**
 * A printer of this side. What a session prints with CUPS on the server, to a
 * queue with the URI `cups-x2go:/`, arrives here as PDF. The server sends it to
 * each session of the user that has a printer.
 */
export class PrinterShare extends SpoolShare {
  /**
   * Not open yet; `X2GoSession.sharePrinter` does the rest.
   *
   * @param server What mounts the session's folders.
   * @param handler What is done with each job.
   * @param options Receives problems.
   *
   * @ignore
   */
  constructor(
    server: FolderServer,
    handler: JobHandler,
    options: SpoolOptions = {},
  ) {
    super(server, "print", handler, options);
  }

  /** `X2GO_SPOOLDIR`, as python-x2go has it. */
  override get environment(): Readonly<Record<string, string>> {
    const { mountPoint } = this;
    return mountPoint === undefined ? {} : { X2GO_SPOOLDIR: mountPoint };
  }

  /**
   * The PDF comes first.
   *
   * @ignore
   */
  protected override completes(name: string): boolean {
    return name.endsWith(".ready");
  }

  /**
   * The last file has two lines: the PDF's name and the job's title.
   *
   * @ignore
   */
  protected override async collect(
    path: string,
    directory: string,
  ): Promise<Job> {
    const ready = posix.join(directory, "ready");
    await takeFile(path, ready);
    if ((await Deno.stat(ready)).size > MAX_READY) {
      throw new Error("its description is too long");
    }
    const [name = "", title = ""] = (await Deno.readTextFile(ready)).split(
      "\n",
    );
    await Deno.remove(ready);
    if (name === "" || name !== posix.basename(name) || /^\.\.?$/.test(name)) {
      throw new Error("it names no file");
    }
    const file = posix.join(directory, tame(name));
    await takeFile(posix.join(posix.dirname(path), name), file);
    return { title: printable(title) || tame(name), file };
  }
}
