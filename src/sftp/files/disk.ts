import { posix } from "node:path";
import type { Attributes } from "../protocol/sftp_protocol.ts";
import { contains } from "./contains.ts";
import { isLocalDisk } from "./is_local_disk.ts";

/** How long what was found out about a name is relied on, in milliseconds. */
const FRESH_MS = 1000;
/** How long a directory that a client made is taken to have nothing mounted in it. */
const NEW_MS = 5000;
/** Of how many names something is remembered. */
const MAX_NAMES = 4096;
/** A call that takes longer than this, in milliseconds, had to wait for the disk. */
const SLOW_MS = 5;
/** After that, threads do the waiting for so many times as long. */
const REST = 10;
/** The most bytes that are read or written without a thread. */
const SMALL = 64 * 1024;

type Owner = NonNullable<Attributes["owner"]>;
type Times = NonNullable<Attributes["times"]>;

/** What a name is, as it was found last. */
interface Known {
  /** The number of the file system. */
  dev: number;
  /** Whether the path leads there without symbolic links; else the name itself is one. */
  isReal: boolean;
  /** When it was found. */
  at: number;
  /** When it was made, if it is a directory that a client made: it was empty then. */
  madeAt?: number;
}

/**
 * System calls on shared folders, as fast as can be without blocking the process.
 *
 * Deno's asynchronous calls take 40 to 80 µs, as a thread carries them out; the
 * call itself takes 2 to 10 µs where the answer is in memory. But a call on a
 * dead network file system does not return, and everything else in this process
 * would stand still with it. So only calls are made at once that cannot get there:
 * those about a name on the local file system of a shared folder that a thread
 * has found there within the last second, or in a directory that a client has
 * just made, where nothing is mounted yet. A mount point below is on another file
 * system, and a symbolic link may lead to one. Whatever creates or removes names
 * waits for the disk's journal, and stays with threads; so does everything for a
 * while after a call was slow.
 */
export class Disk {
  /** The shared folders on local file systems. */
  readonly #roots = new Map<string, Known>();
  readonly #names = new Map<string, Known>();
  #restsUntil = 0;
  readonly #clock: () => number;

  /** @param clock The time in milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Finds out about a shared folder. */
  async add(path: string, { dev }: Deno.FileInfo): Promise<void> {
    if (await isLocalDisk(path)) {
      this.#roots.set(path, { dev, isReal: true, at: Infinity });
    } else this.#roots.delete(path);
  }

  /** Forgets everything about names, as paths may lead elsewhere now. */
  forget(): void {
    this.#names.clear();
  }

  async lstat(path: string): Promise<Deno.FileInfo> {
    const known = this.#find(path) ?? this.#findNew(path);
    if (known) {
      const info = this.#now(() => Deno.lstatSync(path));
      known.isReal = !info.isSymlink;
      if (info.dev !== known.dev) this.#names.delete(path);
      return info;
    }
    try {
      const info = await Deno.lstat(path);
      this.#learn(path, info);
      return info;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) this.#learn(path);
      throw error;
    }
  }

  /** The path without symbolic links. */
  async realPath(path: string): Promise<string> {
    if (this.knows(path)) return this.#now(() => Deno.realPathSync(path));
    const real = await Deno.realPath(path);
    if (real === path) await this.#learnReal(path).catch(() => {});
    return real;
  }

  /** Makes a directory: nothing is in it that anyone else could have mounted. */
  async makeDirectory(path: string, mode: number): Promise<void> {
    await Deno.mkdir(path, { mode });
    this.#learn(path);
    const known = this.#names.get(path);
    if (known) known.madeAt = known.at;
  }

  open(path: string, options: Deno.OpenOptions): Promise<Deno.FsFile> {
    const open = () => Deno.open(path, options);
    if (options.createNew) return open();
    return this.call(path, () => Deno.openSync(path, options), open);
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.call(
      path,
      () => Deno.chmodSync(path, mode),
      () => Deno.chmod(path, mode),
    );
  }

  chown(path: string, { uid, gid }: Owner): Promise<void> {
    return this.call(
      path,
      () => Deno.chownSync(path, uid, gid),
      () => Deno.chown(path, uid, gid),
    );
  }

  utime(path: string, { accessed, modified }: Times): Promise<void> {
    return this.call(
      path,
      () => Deno.utimeSync(path, accessed, modified),
      () => Deno.utime(path, accessed, modified),
    );
  }

  /**
   * Calls `now` if what the path names is known to be on a local disk, and else
   * `later`, whose call a thread carries out.
   */
  async call<T>(
    path: string,
    now: () => T,
    later: () => Promise<T>,
  ): Promise<T> {
    return this.knows(path) ? this.#now(now) : await later();
  }

  /** The same for a call that moves bytes. */
  move<T>(
    path: string,
    bytes: number,
    now: () => T,
    later: () => Promise<T>,
  ): Promise<T> {
    return bytes <= SMALL ? this.call(path, now, later) : later();
  }

  /** Whether the path is known to lead to a local disk. */
  knows(path: string): boolean {
    return this.#find(path)?.isReal ?? false;
  }

  #find(path: string): Known | undefined {
    const now = this.#clock();
    const known = now < this.#restsUntil ? undefined : this.#look(path, now);
    if (known) known.at = Math.max(known.at, now);
    return known;
  }

  /** A name that nothing is known of, in a new directory: it is on the same disk, or missing. */
  #findNew(path: string): Known | undefined {
    const now = this.#clock();
    if (now < this.#restsUntil) return undefined;
    const parent = this.#look(posix.dirname(path), now);
    const isNew = parent?.isReal && parent.madeAt !== undefined &&
      now < parent.madeAt + NEW_MS;
    return isNew ? this.#note(path, parent.dev) : undefined;
  }

  #look(path: string, now: number): Known | undefined {
    const known = this.#roots.get(path) ?? this.#names.get(path);
    return known && now < known.at + FRESH_MS ? known : undefined;
  }

  /** Takes note of what a thread has found; without attributes, of a name that does not exist. */
  #learn(path: string, info?: Deno.FileInfo): void {
    const parent = this.#look(posix.dirname(path), this.#clock());
    if (parent?.isReal) this.#note(path, parent.dev, info);
  }

  /** Takes note of a path that has no symbolic links. */
  async #learnReal(path: string): Promise<void> {
    for (const [root, { dev }] of this.#roots) {
      if (!contains(root, path)) continue;
      this.#note(path, dev, await Deno.lstat(path));
      return;
    }
  }

  #note(path: string, dev: number, info?: Deno.FileInfo): Known | undefined {
    this.#names.delete(path);
    if (info && info.dev !== dev) return undefined;
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    const known = { dev, isReal: !info?.isSymlink, at: this.#clock() };
    this.#names.set(path, known);
    return known;
  }

  #now<T>(call: () => T): T {
    const start = this.#clock();
    try {
      return call();
    } finally {
      const end = this.#clock();
      const took = end - start;
      if (took > SLOW_MS) this.#restsUntil = end + REST * took;
    }
  }
}

/** One for all, as what one client does to names concerns the others. */
export const disk: Disk = new Disk();
