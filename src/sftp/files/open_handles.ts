import { OpenDirectory } from "./open_directory.ts";
import { OpenFile } from "./open_file.ts";
import type { SharedFolders } from "./shared_folders.ts";

/** Files and directories that one client may have open. */
export const MAX_HANDLES = 1024;
/** Names kept for the open directories of one client; one more directory may exceed it. */
const MAX_NAMES = 1_000_000;

/** What a client has open, by handle. */
export class OpenHandles implements Disposable {
  readonly #folders: SharedFolders;
  readonly #open = new Map<number, OpenFile | OpenDirectory>();
  #last = 0;

  /** @param folders Handles in folders that are no longer among these are invalid. */
  constructor(folders: SharedFolders) {
    this.#folders = folders;
  }

  /** Throws if nothing more may be opened. */
  assertRoom(): void {
    let names = 0;
    for (const open of this.#open.values()) {
      if (open instanceof OpenDirectory) names += open.size;
    }
    if (this.#open.size >= MAX_HANDLES || names >= MAX_NAMES) {
      throw new Deno.errors.Busy("too many files and directories are open");
    }
  }

  /** Assigns a handle; the object is closed with it. */
  add(open: OpenFile | OpenDirectory): number {
    do this.#last = (this.#last + 1) % 2 ** 32; while (
      this.#open.has(this.#last)
    );
    this.#open.set(this.#last, open);
    return this.#last;
  }

  file(handle: number): OpenFile {
    const open = this.#get(handle);
    if (open instanceof OpenFile) return open;
    throw new Deno.errors.IsADirectory("the handle is a directory's");
  }

  directory(handle: number): OpenDirectory {
    const open = this.#get(handle);
    if (open instanceof OpenDirectory) return open;
    throw new Deno.errors.NotADirectory("the handle is a file's");
  }

  /** Closes one, and returns it. */
  close(handle: number): OpenFile | OpenDirectory {
    const open = this.#open.get(handle);
    if (!open) throw noSuchHandle();
    this.#open.delete(handle);
    open[Symbol.dispose]();
    return open;
  }

  /** Closes all. */
  [Symbol.dispose](): void {
    for (const open of this.#open.values()) open[Symbol.dispose]();
    this.#open.clear();
  }

  #get(handle: number): OpenFile | OpenDirectory {
    const open = this.#open.get(handle);
    if (!open) throw noSuchHandle();
    if (this.#folders.has(open.place)) return open;
    throw new Deno.errors.PermissionDenied("the folder is no longer shared");
  }
}

function noSuchHandle(): Error {
  return new Deno.errors.BadResource("no such handle");
}
