import { posix } from "node:path";
import { disk } from "./disk.ts";
import type { Place } from "./shared_folders.ts";

/** A file's name and attributes. */
export interface DirectoryEntry {
  name: string;
  info: Deno.FileInfo;
}

/** A directory that a client reads, with its entries as they were when it was opened. */
export class OpenDirectory implements Disposable {
  /** Where it is. */
  readonly place: Place;
  #names: string[];
  #unreachable = 0;

  private constructor(place: Place, names: string[]) {
    this.place = place;
    this.#names = names;
  }

  /** Reads the names that are in a directory. */
  static async open(place: Place): Promise<OpenDirectory> {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(place.path)) names.push(name);
    return new OpenDirectory(place, [...names, "..", "."]);
  }

  /** How many entries were left out so far because their names are not UTF-8. */
  get unreachable(): number {
    return this.#unreachable;
  }

  /** Names that were not read yet. */
  get size(): number {
    return this.#names.length;
  }

  /**
   * Reads up to `count` further entries; none at the end. Entries that no longer exist are left out, and those whose names are not UTF-8: Deno reads such a
   * name with U+FFFD in it, and then does not find the file.
   */
  async read(count: number): Promise<DirectoryEntry[]> {
    const { path } = this.place;
    if (await disk.realPath(path) !== path) {
      throw new Deno.errors.NotFound("the directory was renamed");
    }
    const entries: DirectoryEntry[] = [];
    while (entries.length === 0 && this.#names.length > 0) {
      const names = this.#names.splice(-count);
      const infos = await Promise.all(names.map((name) => this.#lstat(name)));
      names.forEach((name, i) => {
        const info = infos[i];
        if (info) entries.push({ name, info });
      });
    }
    return entries;
  }

  [Symbol.dispose](): void {
    this.#names = [];
  }

  /** `..` is shown as the directory itself: the parent of a shared folder is not shared. */
  async #lstat(name: string): Promise<Deno.FileInfo | undefined> {
    const { path } = this.place;
    try {
      return await disk.lstat(
        name === "." || name === ".." ? path : posix.join(path, name),
      );
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      if (name.includes("\uFFFD")) this.#unreachable++;
      return undefined;
    }
  }
}
