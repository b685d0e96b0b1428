/** An SFTP endpoint that real clients reach: each connection to a port of 127.0.0.1 is one stream. */
import { join } from "node:path";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { serveSftp } from "../../src/sftp/sftp_server.ts";
import type { SftpServerOptions } from "../../src/sftp/sftp_server.ts";
import { TemporaryFolder } from "./files/temporary_folder.ts";

/** How a program ended. */
export interface Outcome {
  success: boolean;
  stdout: string;
  stderr: string;
}

export class SftpRig implements AsyncDisposable {
  /** What is shared, unless told otherwise. */
  readonly folder: TemporaryFolder;
  readonly port: number;
  /** The session's private key. */
  readonly keyFile: string;
  readonly knownHostsFile: string;
  /** The servers of all connections so far. */
  readonly served: Promise<void>[] = [];
  readonly #listener: Deno.Listener;
  readonly #directory: string;
  readonly #accepting: Promise<void>;

  private constructor(
    folder: TemporaryFolder,
    directory: string,
    options: SftpServerOptions,
  ) {
    this.folder = folder;
    this.#directory = directory;
    this.keyFile = join(directory, "key");
    this.knownHostsFile = join(directory, "known_hosts");
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listener = listener;
    this.port = listener.addr.port;
    this.#accepting = (async () => {
      for await (const conn of listener) {
        conn.setNoDelay();
        this.served.push(serveSftp(conn, options));
      }
    })();
  }

  static async start(
    options: Partial<SftpServerOptions> & { readOnly?: boolean } = {},
  ): Promise<SftpRig> {
    const { readOnly = false, ...rest } = options;
    const folder = await TemporaryFolder.create({ readOnly });
    const directory = await Deno.makeTempDir({ prefix: "rforward-rig-" });
    const [login, host] = [await generateKeyPair(), await generateKeyPair()];
    const rig = new SftpRig(folder, directory, {
      folders: folder.folders,
      user: "me",
      authorizedKey: login.publicKey,
      hostKey: host.privateKey,
      ...rest,
    });
    await Deno.writeTextFile(rig.keyFile, login.privateKey, { mode: 0o600 });
    await Deno.writeTextFile(
      rig.knownHostsFile,
      `[127.0.0.1]:${rig.port} ${host.publicKey}\n`,
    );
    return rig;
  }

  /** Options of ssh, sftp, scp and sshfs, without those of this machine's user. */
  get options(): string[] {
    return [
      "User=me",
      `Port=${this.port}`,
      `IdentityFile=${this.keyFile}`,
      `UserKnownHostsFile=${this.knownHostsFile}`,
      "GlobalKnownHostsFile=/dev/null",
      "StrictHostKeyChecking=yes",
      "IdentitiesOnly=yes",
      "IdentityAgent=none",
      "BatchMode=yes",
    ];
  }

  /** Starts a client with the options, and `more` that win over them. */
  spawn(
    program: "ssh" | "sftp" | "scp",
    args: string[],
    more: string[] = [],
  ): Deno.ChildProcess {
    return new Deno.Command(program, {
      args: [
        ...["-F", "none"],
        ...[...more, ...this.options].flatMap((option) => ["-o", option]),
        ...args,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs a client to its end. */
  async run(
    program: "ssh" | "sftp" | "scp",
    args: string[],
    { options = [], stdin = "" }: { options?: string[]; stdin?: string } = {},
  ): Promise<Outcome> {
    await using child = this.spawn(program, args, options);
    const output = child.output();
    const writer = child.stdin.getWriter();
    // A client that is refused does not read it.
    await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
    await writer.close().catch(() => {});
    const { success, stdout, stderr } = await output;
    const decoder = new TextDecoder();
    return {
      success,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }

  /** Runs commands of sftp; the first that fails ends it, unless "-" is before it. */
  sftp(commands: string[], options: string[] = []): Promise<Outcome> {
    const stdin = commands.join("\n");
    return this.run("sftp", ["-b", "-", "127.0.0.1"], { options, stdin });
  }

  /** Stops listening, and waits until every connection that there was has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.served);
    await Deno.remove(this.#directory, { recursive: true });
    await this.folder[Symbol.asyncDispose]();
  }
}
