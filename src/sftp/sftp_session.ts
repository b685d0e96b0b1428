import { RForwardError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { ByteSink, ByteSource } from "../streams/direct.ts";
import { MAX_HANDLES } from "./files/open_handles.ts";
import { PacketSource } from "./protocol/packet_source.ts";
import { printable } from "../text/printable.ts";
import type { FileSystemSpace } from "./files/file_system_space.ts";
import { SftpFiles } from "./files/sftp_files.ts";
import {
  FieldReader,
  MAX_DATA,
  MAX_PACKET,
  Packet,
} from "./protocol/sftp_protocol.ts";
import { SftpReplies } from "./sftp_replies.ts";
import { statusOf } from "./protocol/sftp_status.ts";
import { together } from "./together.ts";
import { type Transfer, transfers } from "./sftp_transfers.ts";
import type { SharedFolders } from "./files/shared_folders.ts";

/** The version of SFTP that all clients speak. */
const VERSION = 3;
/** Entries of a directory in one reply: less than the 128 KiB that sshfs takes. */
const ENTRIES = 100;

/** OpenSSH's extensions that are offered (its file PROTOCOL, section 4), with their versions. */
const EXTENSIONS = {
  "posix-rename@openssh.com": "1",
  "statvfs@openssh.com": "2",
  "fstatvfs@openssh.com": "2",
  "hardlink@openssh.com": "1",
  "fsync@openssh.com": "1",
  "limits@openssh.com": "1",
};

/**
 * One SFTP session: requests are processed one after the other,
 * as OpenSSH's server does it. Clients rely on that order: sshfs asks for the
 * attributes of a file before it knows that it was created. Only consecutive requests that change nothing are processed together.
 *
 * What costs time overlaps all the same: while the disk works, the replies
 * before are encrypted and the requests after decrypted. As long as replies are
 * not taken no more than the next requests are read, those that fit a
 * {@linkcode PacketSource}; the SSH window bounds what waits behind them.
 */
export class SftpSession {
  readonly #files: SftpFiles;
  readonly #logger: Logger;
  /** Replies that are being assembled, and those that are being sent. */
  #replies = new SftpReplies();
  #sending = new SftpReplies();
  /** Buffer for the bytes of a file. */
  readonly #room = new Uint8Array(MAX_PACKET);
  #started = false;
  #hasWarned = false;

  /**
   * @param folders What the client may reach.
   * @param logger Logs what is refused.
   */
  constructor(folders: SharedFolders, logger: Logger) {
    this.#files = new SftpFiles(folders, logger);
    this.#logger = logger;
  }

  /**
   * Serves until the client's EOF; then closes everything that it had open.
   *
   * @param input What the client sends.
   * @param output Takes the replies.
   * @throws {RForwardError} `protocol-error` if what it sends is not SFTP.
   */
  async run(input: ByteSource, output: ByteSink): Promise<void> {
    using _files = this.#files;
    const source = new PacketSource(input);
    let sending = Promise.resolve();
    for (let packets; (packets = await source.take()).length > 0;) {
      for (const steps of together(transfers(packets))) {
        const answers = steps.map((step) => this.#answer(step));
        await both(...answers, sending);
        sending = send(output, this.#takeReplies());
        sending.catch(() => {}); // the next step reports it, or the end
      }
    }
    await sending;
  }

  /** The replies so far; they are to be sent before the next ones are taken. */
  #takeReplies(): Uint8Array {
    const ready = this.#replies;
    this.#replies = this.#sending;
    this.#sending = ready;
    return ready.take();
  }

  async #answer(step: Transfer | Uint8Array): Promise<void> {
    const packet = step instanceof Uint8Array ? step : undefined;
    if (!this.#started && packet?.[0] !== Packet.init) throw notSftp();
    if (packet) await this.#answerRequest(new FieldReader(packet));
    else await this.#answerTransfer(step as Transfer);
  }

  async #answerRequest(request: FieldReader): Promise<void> {
    const type = request.uint8();
    const id = leadingNumber(request);
    if (type === Packet.init) return this.#start(id);
    try {
      await this.#perform(type, id, request);
    } catch (error) {
      this.#refuse(type, id, error);
    }
  }

  async #answerTransfer(transfer: Transfer): Promise<void> {
    const { type, parts } = transfer;
    try {
      await (type === Packet.read
        ? this.#read(transfer)
        : this.#write(transfer));
    } catch (error) {
      for (const { id } of parts) this.#refuse(type, id, error);
    }
  }

  /** INIT: each side sends its version, and the lower one applies. */
  #start(version: number): void {
    if (version < VERSION) throw notSftp();
    this.#started = true;
    this.#replies.version(VERSION, EXTENSIONS);
  }

  #refuse(type: number, id: number, error: unknown): void {
    const { code, text } = statusOf(error);
    if (error instanceof Deno.errors.NotCapable && !this.#hasWarned) {
      this.#hasWarned = true; // a client may ask again and again
      this.#logger.warn(
        `Deno may not do what SFTP asks: ${printable(error.message)}`,
      );
    } else {
      this.#logger.debug(`SFTP request ${type} failed: ${text}`, error);
    }
    this.#replies.status(id, code, text);
  }

  async #read({ handle, offset, length, parts }: Transfer): Promise<void> {
    const room = this.#room.subarray(0, length);
    let rest = room.subarray(0, await this.#files.read(handle, offset, room));
    for (const { id, length } of parts) {
      if (rest.length === 0) this.#replies.eof(id);
      else this.#replies.data(id, rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  }

  async #write({ handle, offset, length, parts }: Transfer): Promise<void> {
    let end = 0;
    for (const { data } of parts) {
      this.#room.set(data, end);
      end += data.length;
    }
    await this.#files.write(handle, offset, this.#room.subarray(0, length));
    for (const { id } of parts) this.#replies.ok(id);
  }

  #perform(type: number, id: number, request: FieldReader): Promise<void> {
    const files = this.#files;
    switch (type) {
      case Packet.open:
        return this.#handle(
          id,
          files.open(request.text(), request.uint32(), request.attributes()),
        );
      case Packet.close:
        return this.#ok(id, files.close(request.handle()));
      case Packet.read:
      case Packet.write:
        throw new Deno.errors.InvalidData("a malformed READ or WRITE");
      case Packet.lstat:
        return this.#attributes(id, files.lstat(request.text()));
      case Packet.fstat:
        return this.#attributes(id, files.fstat(request.handle()));
      case Packet.setstat:
        return this.#ok(
          id,
          files.setAttributes(request.text(), request.attributes()),
        );
      case Packet.fsetstat:
        return this.#ok(
          id,
          files.setOpenAttributes(request.handle(), request.attributes()),
        );
      case Packet.opendir:
        return this.#handle(id, files.openDirectory(request.text()));
      case Packet.readdir:
        return this.#entries(id, request.handle());
      case Packet.remove:
        return this.#ok(id, files.remove(request.text()));
      case Packet.mkdir:
        return this.#ok(
          id,
          files.makeDirectory(request.text(), request.attributes()),
        );
      case Packet.rmdir:
        return this.#ok(id, files.removeDirectory(request.text()));
      case Packet.realpath:
        return this.#path(id, files.realPath(request.text()));
      case Packet.stat:
        return this.#attributes(id, files.stat(request.text()));
      case Packet.rename:
        return this.#ok(id, files.rename(request.text(), request.text()));
      case Packet.readlink:
        return this.#path(id, files.readLink(request.text()));
      case Packet.symlink:
        // The target first: unlike in the draft, but as OpenSSH and so every client does.
        return this.#ok(id, files.symlink(request.text(), request.text()));
      case Packet.extended:
        return this.#extended(id, request.text(), request);
      default:
        throw new Deno.errors.NotSupported(`no request has the type ${type}`);
    }
  }

  #extended(id: number, name: string, request: FieldReader): Promise<void> {
    const files = this.#files;
    switch (name) {
      case "posix-rename@openssh.com":
        return this.#ok(id, files.replace(request.text(), request.text()));
      case "hardlink@openssh.com":
        return this.#ok(id, files.link(request.text(), request.text()));
      case "fsync@openssh.com":
        return this.#ok(id, files.sync(request.handle()));
      case "statvfs@openssh.com":
        return this.#space(id, files.space(request.text()));
      case "fstatvfs@openssh.com":
        return this.#space(id, files.openSpace(request.handle()));
      case "limits@openssh.com":
        this.#replies.numbers(id, [
          MAX_PACKET,
          MAX_DATA, // to read
          MAX_DATA, // to write
          MAX_HANDLES,
        ]);
        return Promise.resolve();
      default:
        throw new Deno.errors.NotSupported(
          `no extension is called ${printable(name)}`,
        );
    }
  }

  async #ok(id: number, done: Promise<void> | void): Promise<void> {
    await done;
    this.#replies.ok(id);
  }

  async #handle(id: number, handle: Promise<number>): Promise<void> {
    this.#replies.handle(id, await handle);
  }

  async #attributes(id: number, info: Promise<Deno.FileInfo>): Promise<void> {
    this.#replies.attributes(id, await info);
  }

  async #path(id: number, path: Promise<string>): Promise<void> {
    this.#replies.path(id, await path);
  }

  async #entries(id: number, handle: number): Promise<void> {
    const entries = await this.#files.readDirectory(handle, ENTRIES);
    if (entries.length === 0) this.#replies.eof(id);
    else this.#replies.entries(id, entries);
  }

  /** What statvfs(3) reports. */
  async #space(id: number, space: Promise<FileSystemSpace>): Promise<void> {
    const READ_ONLY = 1, NO_SETUID = 2;
    const it = await space;
    this.#replies.numbers(id, [
      it.blockSize,
      it.blockSize, // of a fragment
      it.blocks,
      it.blocksFree,
      it.blocksAvailable,
      it.files,
      it.filesFree,
      it.filesFree, // for all users
      0, // the file system's number
      NO_SETUID | (it.readOnly ? READ_ONLY : 0),
      255, // bytes of a name
    ]);
  }
}

async function send(output: ByteSink, replies: Uint8Array): Promise<void> {
  if (replies.length > 0) await output.write(replies);
}

/** Like Promise.all, but settles only when both have. */
async function both(...work: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === "rejected") throw result.reason;
  }
}

/** The number of a request, or the version in INIT: without it there can be no answer. */
function leadingNumber(request: FieldReader): number {
  try {
    return request.uint32();
  } catch (cause) {
    throw notSftp({ cause });
  }
}

function notSftp(options?: ErrorOptions): RForwardError {
  return new RForwardError(
    "protocol-error",
    `the client does not speak SFTP version ${VERSION}`,
    options,
  );
}
