import { type Logger, silentLogger } from "../../logger.ts";
import { printable } from "../../text/printable.ts";
import { type FileSystemSpace, spaceAround } from "./file_system_space.ts";
import { disk } from "./disk.ts";
import { type DirectoryEntry, OpenDirectory } from "./open_directory.ts";
import { ifThere } from "./if_there.ts";
import { OpenFile } from "./open_file.ts";
import { OpenHandles } from "./open_handles.ts";
import { ReadWriteLock } from "./read_write_lock.ts";
import { type Attributes, OpenFlag } from "../protocol/sftp_protocol.ts";
import { safeDirectoryMode, safeFileMode } from "./safe_mode.ts";
import type { Found, Place, SharedFolders } from "./shared_folders.ts";

/**
 * Operations that change names run alone in this process, so that no client can
 * put a symbolic link into a path between its check and its use. (The price: on
 * a disk that hangs, one client may hold up another.)
 */
const names = new ReadWriteLock();

/**
 * What one client does with files. Every path is confined to the shared
 * folders, and nothing changes in those that are read-only. Fails with Deno's
 * errors. One call at a time.
 */
export class SftpFiles implements Disposable {
  readonly #folders: SharedFolders;
  readonly #handles: OpenHandles;
  readonly #logger: Logger;
  #hasWarned = false;

  /**
   * @param folders What the client may reach; they may change at any time.
   * @param logger Logger; silent by default.
   */
  constructor(folders: SharedFolders, logger: Logger = silentLogger) {
    this.#folders = folders;
    this.#logger = logger;
    this.#handles = new OpenHandles(folders);
  }

  /** Opens a file and returns its handle. Only regular ones: opening a pipe could block forever. */
  open(path: string, flags: number, attributes: Attributes): Promise<number> {
    this.#handles.assertRoom();
    const create = (flags & OpenFlag.creat) !== 0;
    const truncate = (flags & OpenFlag.trunc) !== 0;
    const append = (flags & OpenFlag.append) !== 0;
    const write = (flags & OpenFlag.write) !== 0 || append;
    const read = (flags & OpenFlag.read) !== 0 || !write;
    const work = async () => {
      const { place, exists } = await this.#toOpen(path, flags);
      if (create || truncate || write) this.#folders.assertWritable(place);
      using opened = new DisposableStack();
      const file = opened.use(
        await disk.open(place.path, {
          read,
          append,
          write: write || truncate || !exists,
          // Unlike `create`, it does not follow a dangling link.
          createNew: !exists,
          mode: safeFileMode(attributes.permissions ?? 0o666),
        }),
      );
      if (exists && truncate) await file.truncate();
      opened.move();
      return this.#handles.add(new OpenFile(place, file, { read, write }));
    };
    return create ? names.exclusive(work) : names.shared(work);
  }

  /** Reads a directory and returns its handle. */
  openDirectory(path: string): Promise<number> {
    this.#handles.assertRoom();
    return this.#follow(
      path,
      async (place) => this.#handles.add(await OpenDirectory.open(place)),
    );
  }

  /** Further entries of a directory, up to `count`; none at its end. */
  readDirectory(handle: number, count: number): Promise<DirectoryEntry[]> {
    const directory = this.#handles.directory(handle);
    return names.shared(async () => {
      const entries = await directory.read(count);
      if (directory.unreachable > 0) this.#warnOfNames(directory.place);
      return entries;
    });
  }

  /** Reads into `room`; it is filled unless the file ends. */
  read(handle: number, offset: number, room: Uint8Array): Promise<number> {
    return this.#handles.file(handle).read(offset, room);
  }

  write(handle: number, offset: number, data: Uint8Array): Promise<void> {
    return this.#handles.file(handle).write(offset, data);
  }

  /** Waits until what was written to a file is on the disk. */
  sync(handle: number): Promise<void> {
    return this.#handles.file(handle).sync();
  }

  close(handle: number): void {
    const closed = this.#handles.close(handle);
    if (closed instanceof OpenFile && closed.writable) {
      this.#folders.arrived(closed.place);
    }
  }

  /** Attributes of what a path leads to. */
  stat(path: string): Promise<Deno.FileInfo> {
    return names.shared(async () =>
      await (await this.#folders.followAndLook(path)).info
    );
  }

  /** Attributes of what a path names, be it a symbolic link. */
  lstat(path: string): Promise<Deno.FileInfo> {
    return names.shared(async () =>
      await (await this.#folders.nameAndLook(path)).info
    );
  }

  /** Attributes of an open file. */
  fstat(handle: number): Promise<Deno.FileInfo> {
    return this.#handles.file(handle).stat();
  }

  setAttributes(path: string, attributes: Attributes): Promise<void> {
    return names.shared(async () => {
      const { place, info } = await this.#folders.followAndLook(path);
      this.#folders.assertWritable(place);
      const { size, permissions, times, owner } = attributes;
      if (size !== undefined) {
        assertFile(await info);
        await Deno.truncate(place.path, size);
      }
      if (permissions !== undefined) {
        const { isDirectory } = await info;
        const safeMode = isDirectory ? safeDirectoryMode : safeFileMode;
        await disk.chmod(place.path, safeMode(permissions));
      }
      if (times) {
        await disk.utime(place.path, times);
      }
      if (owner) await disk.chown(place.path, owner);
    });
  }

  /** Sets attributes of an open file. */
  setOpenAttributes(handle: number, attributes: Attributes): Promise<void> {
    const open = this.#handles.file(handle);
    this.#folders.assertWritable(open.place);
    return names.shared(() => open.setAttributes(attributes));
  }

  /** Removes a file or a link. */
  remove(path: string): Promise<void> {
    return this.#change(path, async (place, info) => {
      // Deno removes empty directories too.
      if ((await info).isDirectory) {
        throw new Deno.errors.IsADirectory("a directory");
      }
      await Deno.remove(place.path);
    });
  }

  removeDirectory(path: string): Promise<void> {
    return this.#change(path, async (place, info) => {
      if (!(await info).isDirectory) {
        throw new Deno.errors.NotADirectory("not a directory");
      }
      await Deno.remove(place.path);
    });
  }

  makeDirectory(path: string, { permissions }: Attributes): Promise<void> {
    const mode = safeDirectoryMode(permissions ?? 0o777);
    return this.#change(path, ({ path }) => disk.makeDirectory(path, mode));
  }

  /** Renames, unless the new name exists. */
  rename(from: string, to: string): Promise<void> {
    return this.#change(from, async (source, info) => {
      const target = await this.#toChange(to);
      if (await ifThere(target.info)) {
        throw new Deno.errors.AlreadyExists("the name exists");
      }
      await this.#move(source, target.place, info);
    });
  }

  /** Renames, replacing an existing file, as POSIX does. */
  replace(from: string, to: string): Promise<void> {
    return this.#change(from, async (source, info) => {
      await this.#move(source, (await this.#toChange(to)).place, info);
    });
  }

  /** Gives a file another name. */
  link(from: string, to: string): Promise<void> {
    return this.#change(from, async (source, info) => {
      assertFile(await info);
      await Deno.link(source.path, (await this.#toChange(to)).place.path);
    });
  }

  /**
   * Creates a symbolic link, unless it would lead outside: a program here that
   * follows it would not expect that. Moving it or its directory may make it
   * lead outside; a client still cannot follow it then.
   */
  symlink(target: string, path: string): Promise<void> {
    return this.#change(path, async (place) => {
      await this.#folders.assertLeadsInside(place, target);
      await Deno.symlink(target, place.path);
      disk.forget();
    });
  }

  /** What is stored in a symbolic link. */
  readLink(path: string): Promise<string> {
    return this.#name(path, (place) => Deno.readLink(place.path));
  }

  /** The real path of what a path leads to, of which only the last component may be missing. */
  realPath(path: string): Promise<string> {
    return names.shared(async () => {
      try {
        return (await this.#folders.follow(path)).path;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        return (await this.#folders.name(path)).path;
      }
    });
  }

  space(path: string): Promise<FileSystemSpace> {
    return this.#follow(path, spaceAround);
  }

  /** The space of the file system that an open file is on. */
  openSpace(handle: number): Promise<FileSystemSpace> {
    return this.space(this.#handles.file(handle).place.path);
  }

  /** Closes all that is open. */
  [Symbol.dispose](): void {
    this.#handles[Symbol.dispose]();
  }

  /** Once: a folder may hold many. */
  #warnOfNames({ path }: Place): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn(
      `files whose names are not UTF-8 cannot be served; some are in ${
        printable(path)
      }, and clients do not see them. Rename them, e.g. with convmv`,
    );
  }

  async #toOpen(
    path: string,
    flags: number,
  ): Promise<{ place: Place; exists: boolean }> {
    const folders = this.#folders;
    const create = (flags & OpenFlag.creat) !== 0;
    if (create) {
      if ((flags & OpenFlag.excl) !== 0) {
        return { place: await folders.name(path), exists: false };
      }
      const { place, info } = await folders.nameAndLook(path);
      const there = await ifThere(info);
      if (!there) return { place, exists: false };
      if (!there.isSymlink) {
        assertFile(there);
        return { place, exists: true };
      }
    }
    const { place, info } = await folders.followAndLook(path);
    assertFile(await info);
    return { place, exists: true };
  }

  /** Does something with what a path leads to, while no name changes. */
  #follow<T>(path: string, use: (place: Place) => Promise<T>): Promise<T> {
    return names.shared(async () => use(await this.#folders.follow(path)));
  }

  /** Does something with what a path names, while no name changes. */
  #name<T>(path: string, use: (place: Place) => Promise<T>): Promise<T> {
    return names.shared(async () => use(await this.#folders.name(path)));
  }

  /** Changes a name, exclusively. */
  #change(
    path: string,
    use: (place: Place, info: Promise<Deno.FileInfo>) => Promise<void>,
  ): Promise<void> {
    return names.exclusive(async () => {
      const { place, info } = await this.#toChange(path);
      await use(place, info);
    });
  }

  async #move(
    from: Place,
    to: Place,
    info: Promise<Deno.FileInfo>,
  ): Promise<void> {
    const { isFile } = await info;
    await Deno.rename(from.path, to.path);
    if (!isFile) disk.forget();
    this.#folders.arrived(to);
  }

  /** A place whose name is to be created, changed or removed. */
  async #toChange(path: string): Promise<Found> {
    const found = await this.#folders.nameAndLook(path);
    this.#folders.assertRenamable(found.place);
    return found;
  }
}

function assertFile({ isFile, isDirectory }: Deno.FileInfo): void {
  if (isFile) return;
  throw isDirectory
    ? new Deno.errors.IsADirectory("a directory")
    : new Deno.errors.PermissionDenied("not a regular file");
}
