import { posix } from "node:path";
import { checkKinds, type Kinds } from "../../check_kinds.ts";
import { ArgumentError } from "../../errors.ts";
import type { ReverseTunnel } from "../../forward/tunnel/tunnel.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import type { SshFileServer } from "./folder_endpoint.ts";
import type { FolderServer, MountedFolder } from "./folder_server.ts";
import { isPlain } from "./mounting.ts";
import { type SessionAccess, SessionShare } from "../session/session_share.ts";

/** Options of {@linkcode X2GoSession.shareFolder}. */
export interface FolderOptions {
  /**
   * Whether nothing in it may be changed.
   *
   * @default {false}
   */
  readOnly?: boolean;
  /**
   * Another SSH server that serves the folder; the path is one of that server
   * then. By default this process serves it, confined to what is shared.
   */
  via?: SshFileServer;
  /** Ends the wait until it is shared; it is stopped then. Has no effect later. */
  signal?: AbortSignal;
  /** Logger; silent by default. */
  logger?: Logger;
}

const folderKinds: Kinds<FolderOptions> = {
  readOnly: "boolean",
  via: "any",
  signal: "signal",
  logger: "logger",
};

/** A folder of this side, mounted for a session's programs. */
export class FolderShare extends SessionShare {
  /** The folder's absolute path. */
  readonly path: string;
  /** Whether nothing in it may be changed. */
  readonly readOnly: boolean;
  /** Nothing: programs find it by {@linkcode mountPoint}. */
  override readonly environment: Readonly<Record<string, string>> = {};
  readonly #server: FolderServer;
  readonly #via: SshFileServer | undefined;
  readonly #logger: Logger;
  #mounted: MountedFolder | undefined;

  /**
   * Not open yet; `X2GoSession.shareFolder` does the rest.
   *
   * @param server What mounts the session's folders.
   * @param path The folder's absolute path.
   * @param options How it is shared.
   * @throws {ArgumentError} if it cannot be shared so.
   *
   * @ignore
   */
  constructor(server: FolderServer, path: string, options: FolderOptions = {}) {
    super();
    checkKinds(options, folderKinds);
    if (!posix.isAbsolute(path)) {
      throw new ArgumentError("path", `${path} is not an absolute path`);
    }
    this.path = posix.resolve(path);
    this.readOnly = options.readOnly ?? false;
    this.#server = server;
    this.#via = options.via;
    this.#logger = options.logger ?? silentLogger;
    if (this.#via) this.#checkVia();
  }

  /**
   * Where it is mounted on the server; undefined while the session is
   * suspended. X2Go turns the whole path into one name, with `_` for `/`, in
   * `~/media/disk`.
   */
  get mountPoint(): string | undefined {
    return this.#mounted?.mountPoint;
  }

  /** The tunnel that leads to it, maybe to others too; undefined while the session is suspended. */
  get tunnel(): ReverseTunnel | undefined {
    return this.#mounted?.tunnel;
  }

  /**
   * Mounts it on the server.
   *
   * @ignore
   */
  protected override async open(access: SessionAccess): Promise<void> {
    const { path, readOnly } = this;
    this.#mounted = this.#via
      ? await this.#server.mountVia(access, path, this.#via, this.#logger)
      : await this.#server.mount(
        access,
        { path, readOnly, kind: "folder" },
        this.#logger,
      );
  }

  /**
   * Unmounts it on the server; programs that use it get errors.
   *
   * @ignore
   */
  protected override async close(): Promise<void> {
    await this.#mounted?.unmount();
    this.#mounted = undefined;
  }

  #checkVia(): void {
    if (!isPlain(this.path)) {
      throw new ArgumentError(
        "path",
        `X2Go cannot carry ${
          JSON.stringify(this.path)
        } to another server: of a path it takes letters, digits, blanks, ".", "-" and single "_", but no ":" nor any other sign; without \`via\` it may have all`,
      );
    }
    if (this.readOnly) {
      throw new ArgumentError(
        "readOnly",
        'only the server named with `via` can keep the folder as it is: have it run "internal-sftp -R"',
      );
    }
  }
}
