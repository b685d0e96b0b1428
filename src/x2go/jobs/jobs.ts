import { posix } from "node:path";
import { printable } from "../../text/printable.ts";
import { X2GoError } from "../errors.ts";

/** Something that a program in a session sent to this side: a page to print, a file to open. */
export interface Job {
  /** Its title on the server: one line of text, untrusted. */
  readonly title: string;
  /**
   * The absolute path of its file here. It is removed when the handler is done.
   * The server has no path to it, but a malicious one may have kept it open, or
   * have a hard link to it, and still write to it: copy it before you check its
   * contents.
   */
  readonly file: string;
}

/** Does something with a job, which is done when the promise is fulfilled. If it fails, the job is kept. */
export type JobHandler = (job: Job) => void | Promise<void>;

/** Maximum bytes of a name, leaving room for a number and an extension: file systems allow 255. */
const MAX_NAME = 200;
const MAX_EXTENSION = 10;

/**
 * A handler that saves each job in a directory, in a file named after its
 * title. Existing files are not replaced. Deno has to be allowed to write the
 * directory.
 *
 * @param directory The directory; it has to exist.
 */
export function saveJobs(directory: string): JobHandler {
  return async ({ title, file }) => {
    const extension = plain(posix.extname(file)).slice(0, MAX_EXTENSION);
    const name = nameFor(title, extension);
    using source = await Deno.open(file);
    const [target, path] = await openNew(directory, name, extension);
    try {
      await source.readable.pipeTo(target.writable);
    } catch (error) {
      await Deno.remove(path);
      throw error;
    }
  };
}

/**
 * A handler that runs a command for each job, without a shell, and waits for
 * it. Deno has to be allowed to run the program.
 *
 * @param program The program.
 * @param args Its arguments for a job.
 *
 * @example Prints with the default printer of this side
 * ```ts
 * import { runCommand } from "@x2go/rforward/x2go";
 *
 * const print = runCommand("lp", ({ title, file }) => ["-t", title, file]);
 * ```
 */
export function runCommand(
  program: string,
  args: (job: Job) => string[],
): JobHandler {
  return async (job) => {
    const command = new Deno.Command(program, {
      args: args(job),
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
    const { success, code, stderr } = await command.output();
    if (success) return;
    const said = printable(new TextDecoder().decode(stderr));
    throw new X2GoError(
      "x2go-share",
      `${program} failed with exit status ${code}: ${said || "no reason"}`,
    );
  };
}

/** A title as the name of a file; it may come with the extension or without. */
function nameFor(title: string, extension: string): string {
  const name = plain(title).replace(/^[.\s]+/, "");
  const end = name.endsWith(extension)
    ? name.length - extension.length
    : undefined;
  const bytes = new TextEncoder().encode(name.slice(0, end) || "untitled");
  // The last character may have been cut in half.
  return new TextDecoder().decode(bytes.subarray(0, MAX_NAME))
    .replace(/\uFFFD$/, "");
}

/** A name that every file system accepts. */
function plain(text: string): string {
  return text.replace(/[/\\:*?"<>|\p{C}]+/gu, "_");
}

/** Creates a file of that name, or with the first number that is free. */
async function openNew(
  directory: string,
  name: string,
  extension: string,
): Promise<[Deno.FsFile, string]> {
  for (let number = 1;; number++) {
    const unique = number === 1 ? name : `${name} (${number})`;
    const path = posix.join(directory, unique + extension);
    try {
      const options = { write: true, createNew: true };
      return [await Deno.open(path, options), path];
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
}
