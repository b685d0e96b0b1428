import type { ForwardedConn } from "../forward/forwarded_conn.ts";
import { forward, type ReverseTunnel } from "../forward/tunnel.ts";
import type { Target } from "../forward/target.ts";
import { ArgumentError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { generateKeyPair } from "../ssh/key_pair.ts";
import { serveSftp } from "../ssh/sftp_server.ts";
import { type SharedFolder, SharedFolders } from "../ssh/shared_folders.ts";
import { Turns } from "../turns.ts";
import { X2GoError } from "./errors.ts";
import {
  type FolderKind,
  isPlain,
  mount,
  type MountSource,
  toPlain,
  unmount,
} from "./mounting.ts";
import type { SessionAccess } from "./share.ts";
import type { SshFileServer } from "./ssh_file_server.ts";

/** Whom the server's sshfs logs in as here. */
const USER = "x2go";
/** Clients that are served at once. Each folder has one; strangers do not get past the login. */
const MAX_CLIENTS = 100;
/** Folders of one user whose mount points would have the same name. */
const MAX_NAMESAKES = 9;

/** A folder that is to be mounted. */
export interface Folder extends SharedFolder {
  kind: FolderKind;
}

/** A folder that is mounted. */
export interface MountedFolder {
  /** Where it is on the server. */
  readonly mountPoint: string;
  /** The tunnel that leads to it. */
  readonly tunnel: ReverseTunnel;
  /** Unmounts it. What the server does not do is logged: it cannot be reached any more in any case. */
  unmount(): Promise<void>;
}

/**
 * Mounts folders of this side in one session. Those that this process serves
 * share the tunnel from the session's folders port, which is there while one
 * is mounted.
 */
export class FolderServer {
  readonly #folders = new SharedFolders();
  readonly #mountPoints = new Set<string>();
  /** Mounting and unmounting take turns. */
  readonly #turns = new Turns();
  #endpoint: Endpoint | undefined;

  /**
   * Mounts a folder that this process serves.
   *
   * @throws {ArgumentError} if it is not the absolute path of a directory, or mounted already.
   * @throws {X2GoError} if the server does not mount it.
   * @throws {ForwardDeniedError} if the session's folders port is taken.
   */
  mount(
    access: SessionAccess,
    folder: Folder,
    logger: Logger,
  ): Promise<MountedFolder> {
    const { path, kind } = folder;
    return this.#turns.take(async () => {
      for (const as of namesFor(folder)) {
        const folders = [...this.#folders];
        if (folders.some((other) => other.path === path)) throw shared(path);
        if (folders.some((other) => other.as === as)) continue;
        await this.#folders.add({ ...folder, as });
        const release = () => this.#release(as);
        let mounted: MountedFolder | undefined;
        try {
          const endpoint = this.#endpoint ??= await this.#serve(access, logger);
          const as
        } finally {
          if (!mounted) await release();
        }
        if (mounted) return mounted;
      }
      throw taken(path, access)
    });
  }
}
