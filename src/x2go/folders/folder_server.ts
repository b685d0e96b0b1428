import { ArgumentError } from "../../errors.ts";
import type { ReverseTunnel } from "../../forward/tunnel/tunnel.ts";
import type { Logger } from "../../logger.ts";
import {
  type SharedFolder,
  SharedFolders,
} from "../../sftp/files/shared_folders.ts";
import { Turns } from "../../turns.ts";
import { X2GoError } from "../errors.ts";
import {
  type FolderEndpoint,
  reachFolders,
  serveFolders,
  type SshFileServer,
} from "./folder_endpoint.ts";
import { type FolderKind, mount, toPlain, unmount } from "./mounting.ts";
import type { SessionAccess } from "../session/session_share.ts";

/** How many folders of a user may have mount points that differ in their number only. */
const MAX_NAMESAKES = 9;

/** A folder that is to be mounted. */
export interface Folder extends SharedFolder {
  /** What it is for. */
  kind: FolderKind;
}

/** A folder that is mounted. */
export interface MountedFolder {
  /** Where it is on the server. */
  readonly mountPoint: string;
  /** The tunnel that leads to it. */
  readonly tunnel: ReverseTunnel;
  /**
   * Unmounts it. Does not throw: if the server does not do it, that is logged,
   * and the folder is unreachable in any case.
   */
  unmount(): Promise<void>;
}

/** How a folder gets and releases its endpoint. */
interface Source {
  path: string;
  kind: FolderKind;
  open(): Promise<FolderEndpoint>;
  release(): Promise<void>;
}

/**
 * Mounts folders of this side in one session. Those that this process serves
 * share one endpoint, which exists while one of them is mounted.
 */
export class FolderServer {
  readonly #folders = new SharedFolders();
  /** Mounting and unmounting take turns. */
  readonly #turns = new Turns();
  #endpoint: FolderEndpoint | undefined;

  /**
   * Mounts a folder that this process serves. The server sees it under
   * a name that its scripts can handle, whatever it is called here.
   *
   * @throws {ArgumentError} if it is not the absolute path of a directory, or mounted already.
   * @throws {X2GoError} if the server does not mount it.
   * @throws {ForwardDeniedError} if the server will not listen for us.
   */
  mount(
    access: SessionAccess,
    folder: Folder,
    logger: Logger,
  ): Promise<MountedFolder> {
    const { path, kind } = folder;
    return this.#turns.take(async () => {
      const others = [...this.#folders];
      if (others.some((other) => other.path === path)) {
        throw new ArgumentError("path", `${path} is shared already`);
      }
      for (const as of namesFor(folder)) {
        if (others.some((other) => other.as === as)) continue;
        await this.#folders.add({ ...folder, as });
        const mounted = await this.#mount(access, logger, {
          path: as,
          kind,
          open: async () =>
            this.#endpoint ??= await serveFolders(
              access,
              this.#folders,
              logger,
            ),
          release: () => this.#remove(as),
        });
        if (mounted) return mounted;
      }
      throw noMountPoint(access, path, kind);
    });
  }

  /**
   * Mounts a folder that another SSH server serves.
   *
   * @throws {ArgumentError} if X2Go cannot handle the path.
   * @throws {X2GoError} if the server does not mount it.
   */
  mountVia(
    access: SessionAccess,
    path: string,
    via: SshFileServer,
    logger: Logger,
  ): Promise<MountedFolder> {
    return this.#turns.take(async () => {
      let endpoint: FolderEndpoint | undefined;
      const mounted = await this.#mount(access, logger, {
        path,
        kind: "folder",
        open: async () => endpoint = await reachFolders(access, via, logger),
        release: async () => await endpoint?.close(),
      });
      if (mounted) return mounted;
      throw noMountPoint(access, path, "folder");
    });
  }

  /** @returns undefined if another folder has the mount point. Unless it is mounted, the source is released. */
  async #mount(
    access: SessionAccess,
    logger: Logger,
    { path, kind, open, release }: Source,
  ): Promise<MountedFolder | undefined> {
    const { connection, session: { name } } = access;
    await using failure = new AsyncDisposableStack();
    failure.defer(release);
    const { tunnel, ...login } = await open();
    const source = { ...login, port: tunnel.port, path, kind };
    const mountPoint = await mount(access, source);
    if (mountPoint === undefined) return undefined;
    failure.move();
    logger.info(`${path} is mounted at ${mountPoint}`);
    let isMounted = true;
    const end = async () => {
      if (!isMounted) return;
      isMounted = false;
      // Without a connection the server has unmounted it, or has crashed.
      if (tunnel.connections.size > 0) {
        await unmount(connection, name, mountPoint).catch((error) =>
          logger.warn(`${mountPoint} is still mounted: ${error.message}`, error)
        );
      }
      await release();
    };
    return { mountPoint, tunnel, unmount: () => this.#turns.take(end) };
  }

  async #remove(as: string): Promise<void> {
    this.#folders.delete(as);
    if ([...this.#folders].length > 0) return;
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    await endpoint?.close();
  }
}

/**
 * What a folder may be called on the server. Its mount point takes its name
 * from that and belongs to the user, not the session: so another session may
 * have the first ones. A spool is the session's.
 */
function namesFor({ path, kind }: Folder): string[] {
  if (kind !== "folder") return [`/${kind}`];
  const name = toPlain(path);
  return Array.from(
    { length: MAX_NAMESAKES },
    (_, i) => i === 0 ? name : `${name}_${i + 1}`,
  );
}

function noMountPoint(
  { session }: SessionAccess,
  path: string,
  kind: FolderKind,
): X2GoError {
  const problems: Record<FolderKind, string> = {
    folder: `${path} cannot be mounted: another folder has its mount point`,
    print: "the session has a printer already",
    mimebox: "the session has a MIME box already",
  };
  return new X2GoError("x2go-share", problems[kind], session.name);
}
