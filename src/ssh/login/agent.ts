import type { ByteStream } from "../../streams/byte_stream.ts";
import { throwIfNotPermitted, unixSocketFlags } from "../../permissions.ts";
import { readFull } from "../../streams/read_full.ts";
import { writeAll } from "../../streams/write_all.ts";
import { Turns } from "../../turns.ts";
import { onAbort } from "../../abort.ts";
import { connectUnix } from "../../sockets/connect_unix.ts";
import { AuthenticationError } from "../../errors.ts";
import { keyType } from "../keys/public/key_blob.ts";
import { algorithmsOf } from "../keys/public/key_algorithms.ts";
import type { SigningKey } from "../keys/private/signing_key.ts";
import { WireReader, WireWriter } from "../wire.ts";
import { connectPipe } from "./connect_pipe.ts";

/** Numbers of the agent protocol (draft-ietf-sshm-ssh-agent section 5). */
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;
const EXTENSION = 27;
const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

/** The largest answer that is accepted, in bytes, as with OpenSSH. */
const MAX_ANSWER = 256 * 1024;
/** The most keys that are accepted, as with OpenSSH. */
const MAX_KEYS = 2048;

/** The session that an agent signs for. */
export interface SessionBinding {
  /** The host key as it came over the wire. */
  readonly hostKey: Uint8Array;
  /** The session identifier. */
  readonly sessionId: Uint8Array;
  /** The host key's signature of it. */
  readonly signature: Uint8Array;
}

/** What carries the agent protocol. */
type AgentConn = Omit<ByteStream, "closeWrite">;

/**
 * An SSH agent, on one connection that lasts as long as the login: the binding to the session holds for that connection (OpenSSH PROTOCOL.agent).
 */
export class Agent {
  /** Where it is. */
  readonly path: string;
  readonly #binding: SessionBinding;
  readonly #signal: AbortSignal;
  #conn: Promise<AgentConn> | undefined;
  #close: (() => void) | undefined;
  readonly #turns = new Turns();

  /**
   * @param binding Names the session that it will sign for, so that it uses keys that are bound to a host (`ssh-add -h`).
   * @param signal Ends its connection.
   */
  constructor(path: string, binding: SessionBinding, signal: AbortSignal) {
    this.path = path;
    this.#binding = binding;
    this.#signal = signal;
  }

  /** The keys that it holds, in its order. */
  async keys(): Promise<SigningKey[]> {
    const answer = await this.#ask(
      Uint8Array.of(REQUEST_IDENTITIES),
      IDENTITIES_ANSWER,
    );
    const count = answer.uint32();
    if (count > MAX_KEYS) throw new Error(`it holds ${count} keys`);
    const keys: SigningKey[] = [];
    for (let left = count; left > 0; left--) {
      const blob = answer.string().slice();
      answer.string(); // the comment
      const type = keyType(blob);
      if (type === undefined) continue;
      keys.push({
        blob,
        algorithms: algorithmsOf(type),
        sign: (algorithm, data) => this.#sign(blob, algorithm, data),
      });
    }
    return keys;
  }

  async #sign(
    blob: Uint8Array,
    algorithm: string,
    data: Uint8Array,
  ): Promise<Uint8Array> {
    const request = new WireWriter().byte(SIGN_REQUEST)
      .string(blob).string(data).uint32(flagsOf(algorithm)).bytes();
    return (await this.#ask(request, SIGN_RESPONSE)).string();
  }

  /** Sends one request at a time; returns the answer without its type. */
  #ask(request: Uint8Array, type: number): Promise<WireReader> {
    return this.#turns.take(async () => {
      let answer: WireReader;
      try {
        answer = await exchange(await (this.#conn ??= this.#open()), request);
      } catch (error) {
        this.#signal.throwIfAborted();
        this.#drop();
        throw error;
      }
      if (answer.byte() !== type) throw new Error("it refused");
      return answer;
    });
  }

  /** Closes a broken connection; the next request opens another. */
  #drop(): void {
    this.#close?.();
    this.#close = undefined;
    this.#conn = undefined;
  }

  /** Connects and binds the connection to the session; an agent without support for that refuses. */
  async #open(): Promise<AgentConn> {
    const conn = await this.#connect();
    const watch = onAbort(this.#signal, () => conn.close());
    this.#close = () => {
      watch[Symbol.dispose]();
      conn.close();
    };
    const { hostKey, sessionId, signature } = this.#binding;
    const request = new WireWriter().byte(EXTENSION)
      .string("session-bind@openssh.com")
      .string(hostKey).string(sessionId).string(signature)
      .boolean(false) // not to forward the agent
      .bytes();
    await exchange(conn, request);
    return conn;
  }

  async #connect(): Promise<AgentConn> {
    const { path } = this;
    try {
      // On Windows it is a named pipe.
      return Deno.build.os === "windows"
        ? await connectPipe(path, this.#signal)
        : await connectUnix(path, this.#signal);
    } catch (cause) {
      throwIfNotPermitted(
        cause,
        "talk to the SSH agent",
        ...unixSocketFlags(path),
      );
      throw cause;
    }
  }
}

/** Sends a request; returns the answer. */
async function exchange(
  conn: AgentConn,
  request: Uint8Array,
): Promise<WireReader> {
  const message = new WireWriter().string(request).bytes();
  await writeAll(conn, message);
  const size = new WireReader(await read(conn, 4)).uint32();
  if (size > MAX_ANSWER) throw new Error(`its answer has ${size} bytes`);
  return new WireReader(await read(conn, size));
}

async function read(conn: AgentConn, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  if (await readFull(conn, bytes) === size) return bytes;
  throw new Error("it closed the connection");
}

function flagsOf(algorithm: string): number {
  if (algorithm.startsWith("rsa-sha2-512")) return RSA_SHA2_512;
  return algorithm.startsWith("rsa-sha2-256") ? RSA_SHA2_256 : 0;
}

/**
 * The socket of the agent that the environment names.
 *
 * @throws {RForwardError} `permission-denied` if Deno may not look it up.
 * @throws {AuthenticationError} without an agent.
 */
export function agentSocket(): string {
  let path: string | undefined;
  try {
    path = Deno.env.get("SSH_AUTH_SOCK");
  } catch (cause) {
    throwIfNotPermitted(
      cause,
      "look up the agent's socket",
      "--allow-env=SSH_AUTH_SOCK",
    );
    throw cause;
  }
  if (path) return path;
  throw new AuthenticationError(
    "key-unreadable",
    "no agent: SSH_AUTH_SOCK is not set; start ssh-agent or give the socket's path",
  );
}
