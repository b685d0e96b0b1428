import { readFull } from "../../streams/read_full.ts";
import { writeAll } from "../../streams/write_all.ts";
import { disk } from "./disk.ts";
import { safeFileMode } from "./safe_mode.ts";
import type { Place } from "./shared_folders.ts";
import type { Attributes } from "../protocol/sftp_protocol.ts";

const PAGE = 4096;

/**
 * A file that a client has open. One call at a time: Deno reads and writes at
 * the file's position alone. (`node:fs` has pread and pwrite, but its writes
 * block the whole program: measured with Deno 2.9.6.)
 */
export class OpenFile implements Disposable {
  /** Where it was when it was opened. */
  readonly place: Place;
  readonly #file: Deno.FsFile;
  readonly #access: { read: boolean; write: boolean };

  /**
   * @param place Where it is.
   * @param file The file; this closes it.
   * @param access What the client asked for: the file may allow more.
   */
  constructor(
    place: Place,
    file: Deno.FsFile,
    access: { read: boolean; write: boolean },
  ) {
    this.place = place;
    this.#file = file;
    this.#access = access;
  }

  /** Whether the client may write to it. */
  get writable(): boolean {
    return this.#access.write;
  }

  /** Reads from `offset` until `room` is full or the file ends; returns the number of bytes. */
  async read(offset: number, room: Uint8Array): Promise<number> {
    this.#assert(this.#access.read, "reading");
    const file = this.#file;
    file.seekSync(offset, Deno.SeekMode.Start);
    const n = await disk.move(
      this.place.path,
      room.length,
      () => file.readSync(room),
      () => file.read(room),
    ) ?? 0;
    // A file system may have given less, but then up to a page's end. Otherwise
    // this is where the file ends, and does not have to be asked again.
    if (n === room.length || (offset + n) % PAGE !== 0 || n === 0) return n;
    return n + await readFull(file, room.subarray(n));
  }

  /** Writes all of `data` at `offset`, or at the end of a file that is opened for appending. */
  async write(offset: number, data: Uint8Array): Promise<void> {
    this.#assert(this.#access.write, "writing");
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    await disk.move(
      this.place.path,
      data.length,
      () => writeAllSync(this.#file, data),
      () => writeAll(this.#file, data),
    );
  }

  stat(): Promise<Deno.FileInfo> {
    return disk.call(
      this.place.path,
      () => this.#file.statSync(),
      () => this.#file.stat(),
    );
  }

  /** Waits until what was written is on the disk. */
  sync(): Promise<void> {
    return this.#file.sync();
  }

  async setAttributes(attributes: Attributes): Promise<void> {
    const { size, permissions, times, owner } = attributes;
    if (size !== undefined) {
      this.#assert(this.#access.write, "writing");
      await this.#file.truncate(size);
    }
    if (permissions !== undefined) {
      await disk.chmod(await this.#path(), safeFileMode(permissions));
    }
    if (times) {
      const { accessed, modified } = times;
      await disk.call(
        this.place.path,
        () => this.#file.utimeSync(accessed, modified),
        () => this.#file.utime(accessed, modified),
      );
    }
    if (owner) await disk.chown(await this.#path(), owner);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** The path, if it still leads to this file: Deno sets mode and owner by path only. */
  async #path(): Promise<string> {
    const { path } = this.place;
    const [open, named] = [await this.stat(), await disk.lstat(path)];
    if (open.dev === named.dev && open.ino === named.ino) return path;
    throw new Deno.errors.NotFound("the file was renamed");
  }

  #assert(access: boolean, what: string): void {
    if (!access) {
      throw new Deno.errors.PermissionDenied(`not opened for ${what}`);
    }
  }
}

function writeAllSync(file: Deno.FsFile, data: Uint8Array): void {
  for (let done = 0; done < data.length;) {
    done += file.writeSync(data.subarray(done));
  }
}
