import { join } from "node:path";

/** A directory of this side that only its owner can look into, and that is removed when disposed. */
export class Desk implements AsyncDisposable {
  /** Its real path. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<Desk> {
    const path = await Deno.makeTempDir({ prefix: "rforward-desk-" });
    return new Desk(await Deno.realPath(path));
  }

  /** Makes a directory in it; returns its path. */
  async mkdir(name: string): Promise<string> {
    const path = join(this.path, name);
    await Deno.mkdir(path);
    return path;
  }

  /** Writes a file in it; returns its path. */
  async write(name: string, data: string | Uint8Array): Promise<string> {
    const path = join(this.path, name);
    await Deno.writeFile(
      path,
      typeof data === "string" ? new TextEncoder().encode(data) : data,
    );
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
