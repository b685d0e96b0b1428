import { callBack } from "../../call_back.ts";
import { checkKinds, type Kinds } from "../../check_kinds.ts";
import { readVariable } from "../../environment.ts";
import {
  ForwardDeniedError,
  type RForwardError,
  TargetError,
} from "../../errors.ts";
import { forward } from "../../forward/tunnel/forward.ts";
import type { ReverseTunnel } from "../../forward/tunnel/tunnel.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { X2GoError } from "../errors.ts";
import { type SessionAccess, SessionShare } from "../session/session_share.ts";
import { connectSound, soundTargetName } from "./connect_sound.ts";
import { esdLogin } from "./esd_login.ts";
import { pulseLogin } from "./pulse_login.ts";
import {
  agreeOnEsdCookie,
  findSharer,
  type Sharer,
  withdrawPulseFiles,
  writePulseFiles,
} from "./sound_files.ts";
import { SoundGate } from "./sound_gate.ts";
import {
  COOKIE_BYTES,
  cookieFiles,
  type SoundSystem,
  type SoundTarget,
  soundTargets,
  type Surroundings,
} from "./sound_server.ts";

/** Options of {@linkcode X2GoSession.shareSound}. */
export interface SoundOptions {
  /** `pulse` by default: PulseAudio, or PipeWire, which speaks its protocol. */
  system?: SoundSystem;
  /**
   * The sound server here. By default the first that answers, of:
   * `$PULSE_SERVER`, or `$PULSE_RUNTIME_PATH/native`,
   * `$XDG_RUNTIME_DIR/pulse/native`, `/run/user/UID/pulse/native` and
   * `127.0.0.1:4713`. For esd: `$ESPEAKER`, or `127.0.0.1:16001`.
   */
  target?: SoundTarget;
  /**
   * The file that holds the sound server's cookie. The cookie stays on this
   * side: the session's programs present another one. By default the first file
   * that exists, of `$PULSE_COOKIE`, `~/.config/pulse/cookie` (or in
   * `$XDG_CONFIG_HOME`) and `~/.pulse-cookie`. For esd: `~/.esd_auth`.
   */
  cookieFile?: string;
  /** Called with the reason why sound does not work: nothing answers here, or there is no cookie. */
  onProblem?: (problem: RForwardError) => void;
  /** Ends the wait until it is shared; it is stopped then. Has no effect later. */
  signal?: AbortSignal;
  /** Logger; silent by default. */
  logger?: Logger;
}

const soundKinds: Kinds<SoundOptions> = {
  system: "text",
  target: "any",
  cookieFile: "text",
  onProblem: "function",
  signal: "signal",
  logger: "logger",
};

/**
 * Sound of this side, for a session's programs.
 *
 * The sound port is on the X2Go server's loopback, where each of its users can
 * connect. Only who presents the cookie that was made for the session gets
 * through to the sound server: the session's user, and root there.
 */
export class SoundShare extends SessionShare {
  readonly #options: SoundOptions;
  readonly #system: SoundSystem;
  readonly #logger: Logger;
  /**
   * What the session's programs have to present. Another one each time: while
   * sound is away, another user of the server may take the port and receive it.
   */
  #cookie: Uint8Array = new Uint8Array();
  /** The session whose programs were last told about sound, and the name of the files that did. */
  #told: { access: SessionAccess; id: string } | undefined;
  #environment: Record<string, string> = {};
  #tunnel: ReverseTunnel | undefined;
  #problem: RForwardError | undefined;

  /**
   * Not open yet; `X2GoSession.shareSound` does the rest.
   *
   * @param options Which sound server here.
   *
   * @ignore
   */
  constructor(options: SoundOptions = {}) {
    super();
    checkKinds(options, soundKinds);
    this.#options = options;
    this.#system = options.system ?? "pulse";
    this.#logger = options.logger ?? silentLogger;
  }

  /** `PULSE_CLIENTCONFIG`, or for esd `ESPEAKER`. */
  override get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  /** The tunnel from the session's sound port; undefined while the session is suspended. */
  get tunnel(): ReverseTunnel | undefined {
    return this.#tunnel;
  }

  /** The reason why no sound can be heard, as far as is known; undefined if all is well. */
  get problem(): RForwardError | undefined {
    return this.#problem;
  }

  /**
   * Binds the session's sound port, and then informs the session's programs about
   * it: a client that is denied the port leaves alone what another has set up.
   *
   * @ignore
   */
  protected override async open(access: SessionAccess): Promise<void> {
    this.#problem = undefined;
    const target = await this.#chooseTarget();
    this.#cookie = crypto.getRandomValues(
      new Uint8Array(COOKIE_BYTES[this.#system]),
    );
    const gate = await this.#createGate(target, access);
    this.#tunnel = await this.#listen(access, gate);
    this.#environment = await this.#tellPrograms(access, this.#tunnel.port);
  }

  /**
   * From now on, programs are turned away.
   *
   * @ignore
   */
  protected override async close(): Promise<void> {
    // First: once the port is free, another user of the server may take it.
    await this.#tellProgramsOfEnd();
    await this.#tunnel?.stop();
    this.#tunnel = undefined;
  }

  async #createGate(
    target: SoundTarget,
    { session }: SessionAccess,
  ): Promise<SoundGate> {
    const targetCookie = await this.#readCookie();
    if (!targetCookie && this.#system === "pulse" && !("path" in target)) {
      this.#report(
        new X2GoError(
          "x2go-share",
          "the cookie of the sound server here cannot be read, so the sound server may turn the session's programs away; name the file with `cookieFile`, or the server's Unix socket with `target`",
          session.name,
        ),
      );
    }
    return new SoundGate({
      login: this.#system === "esd" ? esdLogin : pulseLogin,
      cookie: () => this.#cookie,
      target,
      // A server that goes by the user, as through a Unix socket, ignores it.
      targetCookie: targetCookie ?? new Uint8Array(COOKIE_BYTES[this.#system]),
      onServed: () => {
        // It answers; whether it accepts the cookie is another matter.
        if (this.#problem instanceof TargetError) this.#problem = undefined;
      },
      onTargetError: (error) => this.#report(error),
      logger: this.#logger,
    });
  }

  /**
   * The session's sound port. Who has shared the session's sound before decides
   * what is done if it is taken.
   */
  async #listen(
    access: SessionAccess,
    { target }: SoundGate,
  ): Promise<ReverseTunnel> {
    const { connection, session: { name, soundPort } } = access;
    const listen = (port: number, forMs: number) =>
      forward(connection, {
        bind: { port },
        target,
        bindRetry: { forMs },
        logger: this.#logger,
      });
    try {
      return await listen(soundPort, 0);
    } catch (error) {
      if (!(error instanceof ForwardDeniedError)) throw error;
    }
    const sharedBy = await this.#findSharer(access);
    // The server may hold it for a connection that was lost, for hours.
    if (sharedBy === "us") return await listen(0, 0);
    try {
      return await listen(soundPort, RETRY_MS[sharedBy]);
    } catch (cause) {
      if (!(cause instanceof ForwardDeniedError)) throw cause;
      throw new ForwardDeniedError(
        { hostname: "127.0.0.1", port: soundPort },
        `the server denied the sound port ${soundPort} of the session ${name}: another client may share its sound, or the server may hold the port for a connection that was lost; session.resume() gets the session other ports. ${cause.message}`,
        { cause, serverSays: cause.serverSays },
      );
    }
  }

  async #findSharer(access: SessionAccess): Promise<Sharer> {
    if (this.#system === "pulse") {
      return await findSharer(access, this.#told?.id);
    }
    // Of esd, only the environment of its programs names a port.
    return this.#told ? "us" : "nobody";
  }

  async #tellPrograms(
    access: SessionAccess,
    port: number,
  ): Promise<Record<string, string>> {
    const id = crypto.randomUUID().slice(0, 8);
    this.#told = { access, id };
    if (this.#system === "pulse") {
      return await writePulseFiles(access, port, this.#cookie, id);
    }
    this.#cookie = await agreeOnEsdCookie(access, this.#cookie);
    return { ESPEAKER: `localhost:${port}` };
  }

  /** Unless the connection is lost: then they find out by themselves. */
  async #tellProgramsOfEnd(): Promise<void> {
    if (!this.#tunnel || !this.#told || this.#system !== "pulse") return;
    const { access, id } = this.#told;
    if (access.connection.signal.aborted) return;
    try {
      await withdrawPulseFiles(access, id);
    } catch (error) {
      this.#logger.debug(
        "the session's programs were not told that sound ended",
        error,
      );
    }
  }

  /**
   * The first that answers. If none does, the first: until it answers, programs
   * get an error at once.
   */
  async #chooseTarget(): Promise<SoundTarget> {
    const { target } = this.#options;
    const targets = target ? [target] : soundTargets(this.#system, here);
    const failures: Error[] = [];
    for (const target of targets) {
      try {
        (await connectSound(target, PROBE_MS)).close();
        return target;
      } catch (error) {
        failures.push(error as Error);
      }
    }
    const names = targets.map(soundTargetName).join(", ");
    const denied = failures.map((it) => it.cause)
      .find((it) => it instanceof Deno.errors.NotCapable);
    const message = denied
      ? `no sound server could be asked at ${names}: ${denied.message}`
      : `no sound server answers at ${names}; start one, or name it with \`target\``;
    const cause = new AggregateError(failures);
    this.#report(new TargetError("target-failed", names, message, { cause }));
    return targets[0]!;
  }

  async #readCookie(): Promise<Uint8Array | undefined> {
    const { cookieFile } = this.#options;
    const files = cookieFile ? [cookieFile] : cookieFiles(this.#system, here);
    const length = COOKIE_BYTES[this.#system];
    for (const file of files) {
      try {
        const cookie = await Deno.readFile(file);
        if (cookie.length >= length) return cookie.subarray(0, length);
        this.#logger.warn(`${file} is too short for a cookie`);
      } catch (error) {
        this.#logger.debug(`cannot read the cookie ${file}`, error);
      }
    }
    return undefined;
  }

  #report(problem: RForwardError): void {
    this.#problem = problem;
    this.#logger.warn(`no sound: ${problem.message}`);
    callBack(
      "onProblem",
      this.#logger,
      () => this.#options.onProblem?.(problem),
    );
  }
}

const here: Surroundings = {
  env: (name) => ifAllowed(() => readVariable(name)),
  uid: () => ifAllowed(() => Deno.uid()) ?? null,
};

function ifAllowed<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** How long a sound server may take to accept a connection when one is looked for. */
const PROBE_MS = 2000;

/** How long to keep asking for a port that is in use, by the previous sharer of the session's sound, in milliseconds. */
const RETRY_MS = {
  // X2Go draws the port from those that the kernel gives to outgoing
  // connections, so one of them may have it for a while.
  nobody: 15_000,
  // A client that has just ended: sshd notices at once.
  another: 1000,
};
