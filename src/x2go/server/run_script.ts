import { Deadline, orAborted } from "../../abort.ts";
import { checkConnection } from "../../forward/tunnel/check_connection.ts";
import type { SshConnection, SshProcess } from "../../ssh/connection.ts";
import { printable } from "../../text/printable.ts";
import { X2GoError } from "../errors.ts";
import { enclose, enclosed } from "./shell.ts";

/** How long to wait, and what else ends the wait. */
export interface WaitOptions {
  /** In milliseconds. */
  timeoutMs?: number;
  /** Aborts the wait. What the server was asked to do may still happen. */
  signal?: AbortSignal;
}

/** Something for a shell on the server to run. */
export interface Script {
  /** For error messages: what the script does, e.g. `x2golistsessions`. */
  name: string;
  /** One line for a POSIX shell. */
  text: string;
  /** What it reads. */
  stdin?: Uint8Array;
  /** The session that it is about. */
  session?: string;
}

/** Larger than any answer of x2goserver; bounds the memory that a server can fill. */
const LIMIT = 1024 * 1024;

/**
 * Runs a script on the server.
 *
 * @returns its output: of stdout what is between the markers, all of stderr.
 * @throws {X2GoError} `x2go-refused` if its exit status is not 0,
 * `x2go-timeout` if it takes too long, `x2go-output` if it prints no end.
 */
export async function runScript(
  connection: SshConnection,
  script: Script,
  { timeoutMs = 30_000, signal }: WaitOptions = {},
): Promise<{ stdout: string; stderr: string }> {
  checkConnection(connection);
  const { name, session } = script;
  using deadline = new Deadline(timeoutMs, signal);
  deadline.start(() => tookTooLong(name, timeoutMs, session));
  const marker = crypto.randomUUID();
  const process = await connection.exec(enclose(script.text, marker), {
    signal: deadline.signal,
  });
  try {
    const [stdout, stderr, { code }] = await orAborted(
      collect(process, script),
      deadline.signal,
    );
    if (code === TIMED_OUT) throw tookTooLong(name, timeoutMs, session);
    const answer = enclosed(stdout, marker);
    if (code !== 0) {
      throw refused(script, code, stderr.trim() || (answer ?? stdout));
    }
    if (answer === undefined) {
      throw new X2GoError(
        "x2go-output",
        `${name} ran, but its answer did not come through; the user's login shell on the server has to run commands`,
        session,
      );
    }
    return { stdout: answer, stderr };
  } finally {
    process.close();
  }
}

/**
 * A command of x2goserver for a script, ended by the server itself when its
 * time is up: x2goresume-session would otherwise run forever.
 *
 * The `timeout` in between has a second use. x2gostartagent and
 * x2goresume-session record their grandparent, which x2gormforward kills
 * when the session is next seen suspended. Without it that is the sshd of this
 * very connection; with it, a shell that has ended by then.
 */
export function limited(command: string, timeoutMs: number): string {
  return `timeout -k 5 ${Math.max(1, Math.ceil(timeoutMs / 1000))} ${command}`;
}

/** The exit status of `timeout`, if it was needed. */
const TIMED_OUT = 124;

function tookTooLong(name: string, timeoutMs: number, session?: string) {
  return new X2GoError(
    "x2go-timeout",
    `${name} took more than ${timeoutMs} ms and was abandoned`,
    session,
  );
}

function refused(
  { name, session }: Script,
  code: number | undefined,
  said: string,
): X2GoError {
  const why = code === 127 ? "is x2goserver installed there? It said: " : "";
  return new X2GoError(
    "x2go-refused",
    `${name} failed with exit status ${code ?? "unknown"}: ${why}${
      printable(said) || "no reason"
    }`,
    session,
  );
}

async function collect(process: SshProcess, script: Script) {
  const [stdout, stderr, status] = await Promise.all([
    readText(process.stdout, script),
    readText(process.stderr, script),
    process.status,
    write(process.stdin, script.stdin ?? new Uint8Array()),
  ]);
  return [stdout, stderr, status] as const;
}

async function write(
  stdin: WritableStream<Uint8Array>,
  data: Uint8Array,
): Promise<void> {
  const writer = stdin.getWriter();
  // The command may end without reading it; its status says how it ended.
  await writer.write(data).catch(() => {});
  await writer.close().catch(() => {});
}

async function readText(
  stream: ReadableStream<Uint8Array>,
  { name, session }: Script,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > LIMIT) {
      const message = `${name} printed more than ${LIMIT} bytes`;
      throw new X2GoError("x2go-output", message, session);
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
