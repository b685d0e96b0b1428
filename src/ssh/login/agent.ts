import { Buffer } from "node:buffer";
import type { BaseAgent, IdentityCallback, SignCallback } from "ssh2";
import { connectUnix } from "../../connect_unix.ts";
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

/** What an agent tells whoever asks it. */
export interface AgentEvents {
  /** Aborts when nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Who is to answer next. */
  readonly waitFor: (whom: "agent" | "server") => void;
  /** No use in going on. */
  readonly fail: (error: RForwardError) => void;
}

/**
 * The keys of an SSH agent, as ssh2 asks for them.
 *
 * ssh2's own client of agents is not used, because nothing can stop it: the
 * socket to an agent that does not answer would keep the process alive.
 */
export class SshAgent extends ssh2.BaseAgent<ParsedKey> implements BaseAgent {
  readonly #path: string;
  readonly #events: AgentEvents;
  /** How many keys it has, or why that is not known. */
  #state = "";

  /** @param path The agent's socket. */
  constructor(path: string, events: AgentEvents) {
    super();
    this.#path = path;
    this.#events = events;
  }

  /** For people: which it is, and what it has to offer. */
  get label(): string {
    return `agent ${this.#path}${this.#state}`;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    this.#tell(callback, async () => {
      const answer = await this.#ask(
        Buffer.of(REQUEST_IDENTITIES),
        IDENTITIES_ANSWER,
      );
      const keys: ParsedKey[] = [];
      for (let left = answer.uint32(); left > 0; left--) {
        const key = parseKey(answer.string());
        answer.string(); // the comment
        // Others are kinds of keys that ssh2 does not know.
        if (!(key instanceof Error) && !Array.isArray(key)) keys.push(key);
      }
      this.#state = ` with ${keys.length} keys`;
      return keys;
    });
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: { hash?: string } | SignCallback,
    callback?: SignCallback,
  ): void {
    if (typeof options === "function") return this.sign(key, data, {}, options);
    const { hash } = options;
    const flags = key.type !== "ssh-rsa"
      ? 0
      : hash === "sha512"
      ? RSA_SHA2_512
      : hash === "sha256"
      ? RSA_SHA2_256
      : 0;
    this.#tell(callback!, async () => {
      const request = [
        Buffer.of(SIGN_REQUEST),
        strings(key.getPublicSSH(), data),
        uint32(flags),
      ];
      const answer = await this.#ask(Buffer.concat(request), SIGN_RESPONSE);
      const signature = new WireReader(answer.string());
      signature.string(); // its algorithm, which is the one that was asked
      return signature.string();
    });
  }

  /** Hands the outcome to ssh2, unless nobody waits for it any more. */
  async #tell<T>(
    callback: (error?: Error | null, value?: T) => void,
    work: () => Promise<T>,
  ): Promise<void> {
    const { signal, waitFor, fail } = this.#events;
    waitFor("agent");
    const outcome: [error?: Error | null, value?: T] = await work().then(
      (value) => [null, value],
      (error) => [error],
    );
    if (signal.aborted) return;
    const [error] = outcome;
    if (error) this.#state = `, which failed: ${error.message}`;
    if (error instanceof RForwardError) return fail(error);
    waitFor("server");
    try {
      callback(...outcome);
    } catch (cause) {
      // ssh2 looks into signatures, and throws if they are none.
      fail(
        new AuthenticationError(
          "key-unreadable",
          `${this.label} gave a signature that is none`,
          {},
          { cause },
        ),
      );
    }
  }

  /** One request, on a connection of its own, and the answer after its type. */
  async #ask(request: Buffer, type: number): Promise<WireReader> {
    const { signal } = this.#events;
    using conn = await this.#connect();
    const close = () => conn.close();
    signal.addEventListener("abort", close);
    try {
      signal.throwIfAborted();
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
      signal.removeEventListener("abort", close);
    }
  }

  async #connect(): Promise<Deno.UnixConn> {
    const path = this.#path;
    try {
      return await connectUnix(path, this.#events.signal);
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
