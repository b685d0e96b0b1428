import { timingSafeEqual } from "node:crypto";
import { readFull } from "../../streams/read_full.ts";
import { writeAll } from "../../streams/write_all.ts";
import { TargetError } from "../../errors.ts";
import { formatAddress } from "../../text/format_address.ts";
import type { ForwardedConn } from "../../forward/tunnel/forwarded_conn.ts";
import { relay } from "../../forward/tunnel/relay.ts";
import { closeQuietly } from "../../sockets/close_quietly.ts";
import type { TargetHandler } from "../../forward/targets/target.ts";
import type { Logger } from "../../logger.ts";
import { printable } from "../../text/printable.ts";
import { PendingLogins } from "../pending_logins.ts";
import { connectSound, soundTargetName } from "./connect_sound.ts";
import type { SoundLogin } from "./sound_login.ts";
import type { SoundTarget } from "./sound_server.ts";

/** How long a program may take to log in: it does so at once. */
const LOGIN_MS = 10_000;
/** How long the sound server may take to accept a connection. */
const CONNECT_MS = 10_000;

/** Options of {@linkcode SoundGate}. */
export interface SoundGateOptions {
  /** How programs log in. */
  login: SoundLogin;
  /** The cookie that they have to present now. */
  cookie: () => Uint8Array;
  /** The sound server. */
  target: SoundTarget;
  /** The cookie that the sound server gets instead. */
  targetCookie: Uint8Array;
  /** How long a program may take to log in, in milliseconds; 10000 by default. */
  loginMs?: number;
  /** Called when a program was connected to the sound server. */
  onServed(): void;
  /** Called when the sound server did not accept a connection. */
  onTargetError(error: TargetError): void;
  logger: Logger;
}

/**
 * Stands between a session's sound port and the sound server. The port is on
 * the X2Go server's loopback, where every user can connect, and the sound
 * server would accept them: it takes all of them for the user of this process.
 * So a program has to present the session's cookie here, before anything of it
 * reaches the sound server and before the sound server sees a connection.
 */
export class SoundGate {
  readonly #options: SoundGateOptions;
  readonly #pending = new PendingLogins();
  #hasRefused = false;

  /** @param options What is checked, and where it leads. */
  constructor(options: SoundGateOptions) {
    this.#options = options;
  }

  /** What serves the connections of a tunnel, named after the sound server. */
  get target(): TargetHandler {
    const serve: TargetHandler = (conn) => this.#serve(conn);
    const value = soundTargetName(this.#options.target);
    return Object.defineProperty(serve, "name", { value });
  }

  async #serve(program: ForwardedConn): Promise<void> {
    const { login, target, targetCookie } = this.#options;
    const presented = await this.#admit(program);
    if (!presented) return;
    const server = await this.#connect(target, program);
    if (!server) {
      return await answer(
        program,
        login.refusal(presented, "connection-refused"),
      );
    }
    try {
      this.#options.onServed();
      await writeAll(server, login.withCookie(presented, targetCookie));
      await relay(program, server);
    } finally {
      closeQuietly(server);
    }
  }

  /** Reads a program's login, and returns it if its cookie is right. */
  async #admit(program: ForwardedConn): Promise<Uint8Array | undefined> {
    const { login, cookie } = this.#options;
    const presented = await this.#readLogin(program);
    const shown = presented && login.cookie(presented);
    if (shown && timingSafeEqual(shown, cookie())) return presented;
    this.#logRefusal(program, shown ? "a wrong cookie" : "no login");
    if (shown) await answer(program, login.refusal(presented, "access-denied"));
    return undefined;
  }

  async #readLogin(program: ForwardedConn): Promise<Uint8Array | undefined> {
    const { login, loginMs = LOGIN_MS } = this.#options;
    this.#pending.add(program);
    const timer = setTimeout(() => program.close(), loginMs);
    try {
      const bytes = new Uint8Array(login.size);
      return await readFull(program, bytes) === login.size ? bytes : undefined;
    } catch {
      return undefined; // it is closed
    } finally {
      clearTimeout(timer);
      this.#pending.delete(program);
    }
  }

  async #connect(
    target: SoundTarget,
    program: ForwardedConn,
  ): Promise<Deno.Conn | undefined> {
    const gone = new AbortController();
    void program.closed.then(() => gone.abort());
    try {
      return await connectSound(target, CONNECT_MS, gone.signal);
    } catch (error) {
      if (error instanceof TargetError) this.#options.onTargetError(error);
      else if (!gone.signal.aborted) throw error;
      return undefined;
    }
  }

  /** The first is worth a warning; a stranger must not fill a log. */
  #logRefusal({ remoteAddr }: ForwardedConn, presented: string): void {
    const from = "hostname" in remoteAddr
      ? printable(formatAddress(remoteAddr.hostname, remoteAddr.port))
      : "the server";
    const message =
      `refused a connection from ${from} to the session's sound port: it presented ${presented}`;
    if (this.#hasRefused) this.#options.logger.debug(message);
    else {
      this.#options.logger.warn(
        `${message}; further ones are logged as debug messages`,
      );
    }
    this.#hasRefused = true;
  }
}

/** Sends a program a final answer; it may have disconnected. */
async function answer(
  program: ForwardedConn,
  bytes: Uint8Array,
): Promise<void> {
  try {
    await writeAll(program, bytes);
    await program.closeWrite();
  } catch {
    // Nothing else is to be said.
  }
}
