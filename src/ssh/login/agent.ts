import { Buffer } from "node:buffer";
import type { BaseAgent } from "ssh2";
import { connectUnix } from "../../connect_unix.ts";
import { readVariable } from "../../environment.ts";
import { AuthenticationError, RForwardError } from "../../errors.ts";
import ssh2 from "../npm_ssh2.ts";
import { type ParsedKey, parseKey } from "../ssh2.ts";
import { strings, uint32, WireReader } from "../wire.ts";

/** Numbers of the agent protocol (draft-ietf-sshm-ssh-agent section 5). */
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

/** Bytes of an answer that OpenSSH takes at most, and so do we. */
const MAX_ANSWER = 256 * 1024;

/** An SSH agent. */
export interface Agent {
  /** Where it is. */
  readonly path: string;
  /** The keys that it has, public halves only. */
  keys(): Promise<ParsedKey[]>;
  /**
   * Signs with one of them.
   *
   * @param hash The hash function, where the kind of key leaves a choice.
   * @returns the signature alone, without its algorithm.
   */
  sign(key: ParsedKey, data: Buffer, hash?: string): Promise<Buffer>;
}

/**
 * Finds an agent.
 *
 * @param signal Aborts when nobody waits for it any more.
 */
export function openAgent(path: string, signal: AbortSignal): Agent {
  // There, it is no Unix socket: ssh2 knows the ways.
  return Deno.build.os === "windows"
    ? new Ssh2Agent(path)
    : new SocketAgent(path, signal);
}

/**
 * An agent behind a Unix socket.
 *
 * ssh2's own client of agents is not used, because nothing can stop it: the
 * socket to an agent that does not answer would keep the process alive.
 */
class SocketAgent implements Agent {
  readonly path: string;
  readonly #signal: AbortSignal;

  constructor(path: string, signal: AbortSignal) {
    this.path = path;
    this.#signal = signal;
  }

  async keys(): Promise<ParsedKey[]> {
    const answer = await this.#ask(
      Buffer.of(REQUEST_IDENTITIES),
      IDENTITIES_ANSWER,
    );
    const keys: ParsedKey[] = [];
    for (let left = answer.uint32(); left > 0; left--) {
      const key = parseKey(Buffer.from(answer.string()));
      answer.string(); // the comment
      // Others are kinds of keys that ssh2 does not know.
      if (!(key instanceof Error) && !Array.isArray(key)) keys.push(key);
    }
    return keys;
  }

  async sign(key: ParsedKey, data: Buffer, hash?: string): Promise<Buffer> {
    const flags = key.type !== "ssh-rsa"
      ? 0
      : hash === "sha512"
      ? RSA_SHA2_512
      : hash === "sha256"
      ? RSA_SHA2_256
      : 0;
    const request = [
      Buffer.of(SIGN_REQUEST),
      strings(key.getPublicSSH(), data),
      uint32(flags),
    ];
    const answer = await this.#ask(Buffer.concat(request), SIGN_RESPONSE);
    const signature = new WireReader(answer.string());
    signature.string(); // its algorithm, which is the one that was asked
    return Buffer.from(signature.string());
  }

  /** One request, on a connection of its own, and the answer after its type. */
  async #ask(request: Buffer, type: number): Promise<WireReader> {
    using conn = await this.#connect();
    const close = () => conn.close();
    this.#signal.addEventListener("abort", close);
    try {
      this.#signal.throwIfAborted();
      const message = strings(request);
      for (let done = 0; done < message.length;) {
        done += await conn.write(message.subarray(done));
      }
      const size = (await read(conn, 4)).readUInt32BE();
      if (size > MAX_ANSWER) throw new Error(`its answer has ${size} bytes`);
      const answer = new WireReader(await read(conn, size));
      if (answer.byte() !== type) throw new Error("it refused");
      return answer;
    } finally {
      this.#signal.removeEventListener("abort", close);
    }
  }

  async #connect(): Promise<Deno.UnixConn> {
    const { path } = this;
    try {
      return await connectUnix(path, this.#signal);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
      throw new RForwardError(
        "permission-denied",
        `may not talk to the SSH agent; run deno with --allow-read=${path} --allow-write=${path} --allow-net=unix:${path}`,
        { cause },
      );
    }
  }
}

async function read(conn: Deno.Conn, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  for (let done = 0; done < size;) {
    const n = await conn.read(bytes.subarray(done));
    if (n === null) throw new Error("it closed the connection");
    done += n;
  }
  return bytes;
}

/** An agent that ssh2 talks to: a named pipe, Cygwin's, or PuTTY's Pageant. */
export class Ssh2Agent implements Agent {
  readonly path: string;
  readonly #agent: BaseAgent;

  constructor(path: string) {
    this.path = path;
    this.#agent = ssh2.createAgent(path);
  }

  keys(): Promise<ParsedKey[]> {
    return new Promise((resolve, reject) =>
      this.#agent.getIdentities((error, keys) =>
        keys ? resolve(keys as ParsedKey[]) : reject(error)
      )
    );
  }

  sign(key: ParsedKey, data: Buffer, hash?: string): Promise<Buffer> {
    const options = { ...hash === undefined ? {} : { hash } };
    return new Promise((resolve, reject) =>
      this.#agent.sign(
        key,
        data,
        options as { hash: "sha256" },
        (error, signature) => signature ? resolve(signature) : reject(error),
      )
    );
  }
}

/**
 * The socket of the agent that the environment names.
 *
 * @throws {RForwardError} `permission-denied` if Deno may not look it up.
 * @throws {AuthenticationError} if there is none.
 */
export function agentSocket(): string {
  let path: string | undefined;
  try {
    path = readVariable("SSH_AUTH_SOCK");
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
    throw new RForwardError(
      "permission-denied",
      "may not look up the agent's socket; run deno with --allow-env=SSH_AUTH_SOCK",
      { cause },
    );
  }
  if (path) return path;
  throw new AuthenticationError(
    "key-unreadable",
    "no agent: SSH_AUTH_SOCK is not set; start ssh-agent or give the socket's path",
  );
}
