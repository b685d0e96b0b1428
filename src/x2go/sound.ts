import { connectTcp } from "../connect_tcp.ts";
import { connectUnix } from "../connect_unix.ts";
import { Deadline } from "../deadline.ts";
import { type RForwardError, TargetError } from "../errors.ts";
import { ReverseTunnel } from "../forward/tunnel.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { quote } from "../quote.ts";
import { X2GoError } from "./errors.ts";
import { runScript, type Script } from "./run_script.ts";
import type { ReadySession } from "./session_info.ts";
import { type SessionAccess, SessionShare } from "./share.ts";
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
   * The file that holds the sound server's cookie, which is copied to the
   * server. By default the first there is, of `$PULSE_COOKIE`,
   * `~/.config/pulse/cookie` (or in `$XDG_CONFIG_HOME`) and `~/.pulse-cookie`.
   * For esd: `~/.esd_auth`.
   */
  cookieFile?: string;
  /** Called with why no sound can be heard: nothing answers here, or there is no cookie. */
  onProblem?: (problem: RForwardError) => void;
  /** Where to tell what happens; nowhere by default. */
  logger?: Logger;
}

/** Sound of this side, for a session's programs. */
export class SoundShare extends SessionShare {
  readonly #options: SoundOptions;
  readonly #system: SoundSystem;
  readonly #logger: Logger;
  #environment: Record<string, string> = {};
  #tunnel: ReverseTunnel | undefined;
  #problem: RForwardError | undefined;

  /**
   * Makes one that is not there yet; `X2GoSession.shareSound` does the rest.
   *
   * @param options Which sound server here.
   */
  constructor(options: SoundOptions = {}) {
    super();
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

  /** Why no sound can be heard, as far as is known; undefined if all is well. */
  get problem(): RForwardError | undefined {
    return this.#problem;
  }

  /** Tells the session's programs where the sound server here is, and leads them to it. */
  protected override async open(
    { connection, session }: SessionAccess,
  ): Promise<void> {
    this.#problem = undefined;
    const target = await this.#chooseTarget();
    const cookie = await this.#readCookie();
    if (!cookie && this.#system === "pulse" && !("path" in target)) {
      this.#report(
        new X2GoError(
          "x2go-share",
          "the sound server here has no cookie that could be read, so it may turn the session's programs away; name the file with `cookieFile`, or its Unix socket with `target`",
          session.name,
        ),
      );
    }
    const files = this.#system === "esd"
      ? esdFiles(session, cookie)
      : pulseFiles(session, cookie);
    const { stdout } = await runScript(connection, files);
    this.#environment = this.#system === "esd"
      ? { ESPEAKER: `localhost:${session.soundPort}` }
      : { PULSE_CLIENTCONFIG: `${directory(stdout, files)}/${PULSE_CONFIG}` };
    this.#tunnel = new ReverseTunnel(connection, {
      bind: { port: session.soundPort },
      target,
      retryForMs: RETRY_MS,
      onTargetError: (error) => this.#report(error),
      onConnection: () => {
        // It answers; whether it likes the cookie is another matter.
        if (this.#problem instanceof TargetError) this.#problem = undefined;
      },
      logger: this.#logger,
    });
    await this.#tunnel.start();
  }

  /** From now on, programs are turned away. */
  protected override async close(): Promise<void> {
    await this.#tunnel?.stop();
    this.#tunnel = undefined;
  }

  /**
   * The first that answers. If none does, the first: connections are refused
   * then, so programs get an error at once, until it is there.
   */
  async #chooseTarget(): Promise<SoundTarget> {
    const { target } = this.#options;
    const targets = target ? [target] : soundTargets(this.#system, here);
    const failures: unknown[] = [];
    for (const target of targets) {
      try {
        await probe(target);
        return target;
      } catch (error) {
        failures.push(error);
      }
    }
    const names = targets.map(nameOf).join(", ");
    const denied = failures.find((it) => it instanceof Deno.errors.NotCapable);
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
        this.#logger.warn(`${file} holds no cookie: it is too short`);
      } catch (error) {
        this.#logger.debug(`cannot read the cookie ${file}`, error);
      }
    }
    return undefined;
  }

  #report(problem: RForwardError): void {
    this.#problem = problem;
    this.#logger.warn(`no sound: ${problem.message}`);
    try {
      this.#options.onProblem?.(problem);
    } catch (error) {
      this.#logger.error("onProblem threw", error);
    }
  }
}

const here: Surroundings = {
  env: (name) => ifAllowed(() => Deno.env.get(name)),
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

function nameOf(target: SoundTarget): string {
  return "path" in target
    ? target.path
    : `${target.host ?? "127.0.0.1"}:${target.port}`;
}

/** @throws if nothing answers there, with the reason. */
async function probe(target: SoundTarget): Promise<void> {
  using deadline = new Deadline(PROBE_MS);
  deadline.start(() =>
    new TargetError("target-timeout", nameOf(target), "it was silent")
  );
  const conn = "path" in target
    ? await connectUnix(target.path, deadline.signal)
    : await connectTcp(
      { hostname: target.host ?? "127.0.0.1", port: target.port },
      deadline.signal,
    );
  conn.close();
}

const PROBE_MS = 2000;

/**
 * X2Go draws the port from those that the kernel gives to outgoing connections,
 * so one of them may have it for a while.
 */
const RETRY_MS = 15_000;
const PULSE_CONFIG = ".pulse-client.conf";

/**
 * libpulse reads its configuration whenever a program connects: so the files
 * come complete, and nobody else may read the cookie from its first byte on.
 * `autospawn=no`: it must not start a sound server over there.
 */
function pulseFiles(session: ReadySession, cookie?: Uint8Array): Script {
  return write(session, cookie, `"$HOME"/.x2go/${quote(`C-${session.name}`)}`, [
    cookie
      ? "cat > .pulse-cookie.part && mv -f .pulse-cookie.part .pulse-cookie"
      : "rm -f .pulse-cookie",
    `printf "%s\\n" default-server=127.0.0.1:${session.soundPort} ${
      cookie ? '"cookie-file=$PWD/.pulse-cookie" ' : ""
    }autospawn=no > ${PULSE_CONFIG}.part`,
    `mv -f ${PULSE_CONFIG}.part ${PULSE_CONFIG}`,
  ]);
}

/** esd's clients look nowhere else. */
function esdFiles(session: ReadySession, cookie?: Uint8Array): Script {
  return write(
    session,
    cookie,
    '"$HOME"',
    cookie ? ["cat > .esd_auth.part", "mv -f .esd_auth.part .esd_auth"] : [],
  );
}

function write(
  { name }: ReadySession,
  stdin: Uint8Array | undefined,
  directory: string,
  commands: string[],
): Script {
  return {
    name: "the writing of the sound configuration",
    session: name,
    text: ["umask 077", `cd ${directory}`, ...commands, 'printf "%s\\n" "$PWD"']
      .join(" && "),
    ...(stdin && { stdin }),
  };
}

/** The directory that the files are in, as the server tells. */
function directory(stdout: string, { name, session }: Script): string {
  const directory = stdout.trim();
  if (/^\/\P{Cc}*$/u.test(directory)) return directory;
  throw new X2GoError("x2go-output", `${name} ended nowhere`, session);
}
