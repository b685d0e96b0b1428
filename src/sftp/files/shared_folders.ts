import { posix } from "node:path";
import { throwIfNotPermitted } from "../../permissions.ts";
import { ArgumentError } from "../../errors.ts";
import { contains } from "./contains.ts";
import { disk } from "./disk.ts";
import { ifThere } from "./if_there.ts";

/** Characters of a path; Linux takes 4096 bytes. */
const MAX_PATH = 4096;

/** A folder that is shared. */
export interface SharedFolder {
  /** Its absolute path. */
  path: string;
  /** Whether nothing in it may be changed; false by default. */
  readOnly?: boolean;
  /** The absolute path that clients know it by; its own by default. */
  as?: string;
  /** Called with the real path of each file that a client has completed: written and closed, or given its name. */
  onArrival?: (path: string) => void;
}

/** A shared folder with its real path. */
export interface SharedRoot extends SharedFolder {
  /** The path that clients know it by. */
  readonly as: string;
  /** Whether nothing in it may be changed. */
  readonly readOnly: boolean;
  /** Its path without symbolic links, as it was when the folder was added. */
  readonly realPath: string;
}

/** A place inside a shared folder. */
export interface Place {
  /** The innermost shared folder that it is in. */
  readonly root: SharedRoot;
  /** Its path, without symbolic links up to its last component. */
  readonly path: string;
}

/** A place and what is there. */
export interface Found {
  readonly place: Place;
  /** Its attributes; rejects if there is nothing. */
  readonly info: Promise<Deno.FileInfo>;
}

/**
 * The folders that clients may reach, and the way from a path that a client
 * names to a place inside them. Folders may come and go while they are served.
 *
 * A path is refused before anything on the disk is touched unless it begins
 * with a shared folder's path once `..` is resolved. Then its real path has to be
 * inside a shared folder too: this is what stops symbolic links. Deno has no
 * `openat`, so between that check and the use of the real path a directory could
 * be swapped for a link; a program that uses this class has to keep its clients
 * from doing that. Programs on this machine can: do not share a folder that
 * users whom you do not trust may write to on this machine.
 *
 * A hard link is the file itself: what is hard-linked into a shared folder is
 * shared.
 */
export class SharedFolders {
  readonly #roots = new Map<string, SharedRoot>();

  /** The folders, as they were added. */
  [Symbol.iterator](): Iterator<SharedRoot> {
    return this.#roots.values();
  }

  /**
   * Shares a folder. Where folders are nested, the innermost decides whether
   * something may be changed. Adding one that clients know by the same path
   * replaces it and closes what they have open in it.
   *
   * @throws {ArgumentError} if it is not the absolute path of a directory.
   * @throws {RForwardError} `permission-denied` if Deno may not read it.
   */
  async add(folder: SharedFolder): Promise<void> {
    if (!posix.isAbsolute(folder.path)) {
      throw new ArgumentError("path", `${folder.path} is not an absolute path`);
    }
    const path = posix.resolve(folder.path);
    const as = posix.resolve(folder.as ?? path);
    const { readOnly = false } = folder;
    const realPath = await realDirectory(path);
    this.#roots.set(as, { ...folder, path, as, readOnly, realPath });
  }

  /**
   * Stops sharing a folder; what clients have open in it fails from now on.
   *
   * @param as The path that clients know it by.
   * @returns whether it was shared.
   */
  delete(as: string): boolean {
    return this.#roots.delete(posix.resolve(as));
  }

  /** Whether a place can still be reached. */
  has({ root }: Place): boolean {
    return this.#roots.get(root.as) === root;
  }

  /**
   * Finds what a path leads to, symbolic links followed.
   *
   * @throws {Deno.errors.PermissionDenied} if that is outside, or it is a link that leads nowhere.
   * @throws {Deno.errors.NotFound} if nothing exists there.
   */
  async follow(path: string): Promise<Place> {
    return await this.#resolve(this.#lexically(path));
  }

  /**
   * Finds what a path names: its last component need not exist and is not
   * followed.
   *
   * @throws {Deno.errors.PermissionDenied} if that is outside.
   * @throws {Deno.errors.NotFound} if there is no such directory.
   */
  async name(path: string): Promise<Place> {
    return await this.#resolveParent(this.#lexically(path));
  }

  /**
   * Does the same as {@linkcode follow} and asks for the attributes of what is there at the same time, as each request to the disk switches threads twice.
   */
  followAndLook(path: string): Promise<Found> {
    const name = this.#lexically(path);
    return look(name, () => this.#resolve(name));
  }

  /** The same for {@linkcode name}. */
  nameAndLook(path: string): Promise<Found> {
    const name = this.#lexically(path);
    return look(name, () => this.#resolveParent(name));
  }

  async #resolveParent(name: string): Promise<Place> {
    const root = this.#rootNamed(name);
    if (root) return this.#place(root);
    const parent = await this.#resolve(posix.dirname(name));
    return this.#place(posix.join(parent.path, posix.basename(name)));
  }

  /** Throws if the folder of a place is read-only. */
  assertWritable({ root }: Place): void {
    if (root.readOnly) {
      throw new Deno.errors.PermissionDenied("the folder is shared read-only");
    }
  }

  /** Throws unless the name of a place may be created, changed or removed. */
  assertRenamable(place: Place): void {
    this.assertWritable(place);
    for (const { realPath } of this.#roots.values()) {
      if (contains(place.path, realPath)) {
        throw new Deno.errors.PermissionDenied(
          "a shared folder cannot be renamed or removed",
        );
      }
    }
  }

  /**
   * Throws unless a symbolic link at `link` would lead inside. What it is to
   * lead to need not exist.
   */
  async assertLeadsInside(link: Place, target: string): Promise<void> {
    const parts = target.split("/").filter((part) => part && part !== ".");
    const firstName = parts.findIndex((part) => part !== "..");
    if (firstName >= 0 && parts.includes("..", firstName)) {
      // If "a" is a link, "a/.." is not where it seems to be.
      throw new Deno.errors.PermissionDenied(
        "a link's target may have .. only at its beginning",
      );
    }
    try {
      const path = posix.resolve(posix.dirname(link.path), target);
      await this.#resolve(this.#inside(path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Reports to the folder's owner that a client has completed a file in it. */
  arrived(place: Place): void {
    if (this.has(place)) place.root.onArrival?.(place.path);
  }

  /** A client's path as one of this machine; throws unless it is lexically inside. */
  #lexically(path: string): string {
    return this.#inside(this.#here(path));
  }

  /** A client's path as one of this machine, absolute and normal; relative ones begin in the first folder. */
  #here(path: string): string {
    const [first] = this.#roots.values();
    const name = posix.resolve(first?.realPath ?? "/", path);
    let innermost: SharedRoot | undefined;
    for (const root of this.#roots.values()) {
      if (!contains(root.as, name)) continue;
      if (root.as.length > (innermost?.as.length ?? 0)) innermost = root;
    }
    if (!innermost) return name;
    return posix.join(innermost.realPath, name.slice(innermost.as.length));
  }

  /** Throws unless a path is lexically inside. */
  #inside(path: string): string {
    if (path.length > MAX_PATH) {
      throw new Deno.errors.InvalidData(`longer than ${MAX_PATH} characters`);
    }
    for (const root of this.#roots.values()) {
      if (contains(root.path, path) || contains(root.realPath, path)) {
        return path;
      }
    }
    throw outside();
  }

  /**
   * Follows a path that is lexically inside. Outside, what is missing is refused
   * like what exists, so that a client cannot tell them apart.
   */
  async #resolve(name: string): Promise<Place> {
    const root = this.#rootNamed(name);
    if (root) return this.#place(root);
    try {
      return this.#place(await disk.realPath(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      // The system's own message would reveal what exists.
      if (error instanceof Deno.errors.PermissionDenied) throw outside();
      const parent = await this.#resolve(posix.dirname(name));
      const link = posix.join(parent.path, posix.basename(name));
      // A dangling link may lead anywhere.
      throw await ifThere(disk.lstat(link)) ? outside() : error;
    }
  }

  /** The real path of the shared folder that has this path. */
  #rootNamed(path: string): string | undefined {
    return this.#roots.values()
      .find((root) => root.path === path || root.realPath === path)?.realPath;
  }

  #place(realPath: string): Place {
    let innermost: SharedRoot | undefined;
    for (const root of this.#roots.values()) {
      if (!contains(root.realPath, realPath)) continue;
      const deeper = root.realPath.length - (innermost?.realPath.length ?? -1);
      if (deeper > 0 || deeper === 0 && root.readOnly) innermost = root;
    }
    if (innermost) return { root: innermost, path: realPath };
    throw outside();
  }
}

/** What was found early is valid only if no symbolic link led elsewhere. */
async function look(
  name: string,
  find: () => Promise<Place>,
): Promise<Found> {
  const early = disk.lstat(name);
  // In a directory that is known, what this finds out saves threads.
  if (disk.knows(posix.dirname(name))) await early.catch(() => {});
  const [found] = await Promise.allSettled([find(), early]);
  if (found.status === "rejected") throw found.reason;
  const place = found.value;
  if (place.path === name) return { place, info: early };
  const info = disk.lstat(place.path);
  await info.catch(() => {}); // whoever wants it learns of it
  return { place, info };
}

async function realDirectory(path: string): Promise<string> {
  let realPath, info;
  try {
    realPath = await Deno.realPath(path);
    info = await Deno.stat(realPath);
    await disk.add(realPath, info);
  } catch (cause) {
    throwIfNotPermitted(
      cause,
      `read the folder ${path}`,
      `--allow-read=${path}, and`,
      `--allow-write=${path} unless it is shared read-only`,
    );
    throw new ArgumentError("path", `${path} is not there`, { cause });
  }
  if (info.isDirectory) return realPath;
  throw new ArgumentError("path", `${path} is not a directory`);
}

function outside(): Error {
  return new Deno.errors.PermissionDenied("outside the shared folders");
}
