import { join } from "node:path";
import { SharedFolders } from "../../../src/sftp/files/shared_folders.ts";

/**
 * A directory that is shared, and beside it one that is not, which clients try
 * to reach. Both are gone when this is disposed.
 */
export class TemporaryFolder implements AsyncDisposable {
  /** What shares it. */
  readonly folders: SharedFolders = new SharedFolders();
  /** The shared directory. */
  readonly path: string;
  /** The other one; a file `secret` and a directory `directory` are in it. */
  readonly outside: string;
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = join(directory, "shared");
    this.outside = join(directory, "outside");
  }

  static async create(
    options: { readOnly?: boolean } = {},
  ): Promise<TemporaryFolder> {
    const directory = await Deno.makeTempDir({ prefix: "rforward-sftp-" });
    const it = new TemporaryFolder(await Deno.realPath(directory));
    await Deno.mkdir(it.path);
    await Deno.mkdir(join(it.outside, "directory"), { recursive: true });
    await Deno.writeTextFile(join(it.outside, "secret"), "secret");
    await it.folders.add({ path: it.path, ...options });
    return it;
  }

  /** A path in the shared directory. */
  in(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Writes a file in the shared directory; returns its path. */
  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.in(name), text);
    return this.in(name);
  }

  /** The state outside of the folder, to check that it is unchanged. */
  async outsideState(): Promise<string[]> {
    const state: string[] = [];
    for await (const { name } of Deno.readDir(this.outside)) {
      const { mode, mtime, size } = await Deno.lstat(join(this.outside, name));
      state.push(`${name} ${mode} ${mtime?.getTime()} ${size}`);
    }
    return state.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }
}
