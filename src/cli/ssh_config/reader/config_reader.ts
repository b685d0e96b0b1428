import { isAbsolute } from "node:path";
import { throwIfNotPermitted } from "../../../permissions.ts";
import { ArgumentError } from "../../../errors.ts";
import { readTextFile } from "../../../text/read_file.ts";
import { nearest } from "../../../text/nearest.ts";
import { ConfigLine } from "./config_line.ts";
import { expandTilde, expandTokens } from "../expand/expand.ts";
import { findFiles } from "./find_files.ts";
import {
  isKnownOption,
  isMissed,
  namesWithoutEffect,
} from "../options/options_without_effect.ts";
import type { LocalMachine } from "../local_machine.ts";
import { matches } from "./match_criteria.ts";
import { optionNames } from "../options/option_table.ts";
import { matchesPatternList, matchesPatterns } from "./patterns.ts";
import { RawSettings } from "../options/raw_settings.ts";
import { runShell } from "./run_shell.ts";
import { destinationTokens } from "../expand/tokens.ts";

/** The maximum depth of `Include`, as in ssh. */
const MAX_DEPTH = 16;

/** How large a file may be, in bytes. */
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** The directory of the system's configuration. */
export const systemDirectory = "/etc/ssh";

/** The kind of a file. */
export interface FileSource {
  /** Whether it is the user's, not the system's. */
  readonly user: boolean;
  /** Whether it is refused if other users can write it. */
  readonly checkOwner: boolean;
}

/** The block of the current line. */
interface Block {
  /** Whether it matches, so that its lines have an effect. */
  active: boolean;
  /** Whether no block of this file can match, because a block that does not match includes it. */
  readonly never: boolean;
  /** The depth of `Include`. */
  readonly depth: number;
}

/** Reads configuration line by line and keeps the first value of each option. */
export class ConfigReader {
  /** What was read so far. */
  readonly settings = new RawSettings();
  /** Warnings about lines without effect, by what they are about. */
  readonly warnings = new Map<string, string>();
  readonly #machine: LocalMachine;
  readonly #originalHost: string;
  #host: string;
  #final = false;
  #wantsFinal = false;

  /**
   * @param machine What configuration can depend on.
   * @param host The destination's host as it was typed.
   */
  constructor(machine: LocalMachine, host: string) {
    this.#machine = machine;
    this.#originalHost = host;
    this.#host = host;
  }

  /** Whether `Match final` or `CanonicalizeHostname` wants the files to be read a second time. */
  get wantsFinal(): boolean {
    return this.#wantsFinal ||
      this.settings.first("canonicalizeHostname") === true;
  }

  /** Starts the second time, for the host name that the first time found. */
  startFinal(hostName: string): void {
    this.#final = true;
    this.#host = hostName;
  }

  /** The host to connect to, according to what was read so far. */
  async hostName(): Promise<string> {
    const hostName = this.settings.written("hostName");
    if (this.#final || hostName === undefined) return this.#host;
    return await expandTokens(hostName.value, hostName.line, {
      h: () => this.#host,
    });
  }

  /**
   * Reads an `-o` option.
   *
   * @throws {ArgumentError} if ssh would refuse it.
   */
  readOption(text: string): void {
    const line = ConfigLine.parse(text);
    if (line === undefined) return;
    if (["host", "match", "include"].includes(line.keyword)) {
      throw line.error("cannot be given on the command line");
    }
    this.#set(line, true, true);
  }

  /**
   * Reads a file and the files that it includes.
   *
   * @returns whether it exists and can be read.
   * @throws {ArgumentError} if ssh would refuse a line, or others may write the file.
   * @throws {RForwardError} `permission-denied` if Deno may not read it.
   */
  readFile(path: string, source: FileSource): Promise<boolean> {
    return this.#readFile(path, source, {
      active: true,
      never: false,
      depth: 0,
    });
  }

  async #readFile(
    path: string,
    source: FileSource,
    block: Block,
  ): Promise<boolean> {
    const text = await this.#read(path, source.checkOwner);
    if (text === undefined) return false;
    for (const [index, row] of text.split("\n").entries()) {
      const line = ConfigLine.parse(row, `${path}:${index + 1}`);
      if (line === undefined) continue;
      switch (line.keyword) {
        case "host":
          block.active = matchesPatterns(this.#host, line.words()) &&
            !block.never;
          break;
        case "match":
          block.active = await this.#matches(line, block.never);
          break;
        case "include":
          for (const pattern of line.words()) {
            await this.#include(line, pattern, source, block);
          }
          break;
        default:
          this.#set(line, block.active, source.user);
      }
    }
    return true;
  }

  #set(line: ConfigLine, active: boolean, user: boolean): void {
    const { keyword, first } = line;
    const env = (name: string) => this.#machine.env(name);
    const isRead = this.settings.read(line, active, user, env);
    if (!isRead && !isKnownOption(keyword)) {
      const ignored = this.settings.first("ignoreUnknown") ?? "";
      if (matchesPatternList(keyword, ignored.toLowerCase())) return;
      const meant = nearest(line.name, [...optionNames, ...namesWithoutEffect]);
      throw line.error(
        `is not an option of ssh; ${
          meant === undefined
            ? "IgnoreUnknown lets it pass"
            : `did you mean ${meant}?`
        }`,
      );
    }
    if (active && isMissed(keyword, first) && !this.warnings.has(keyword)) {
      this.warnings.set(
        keyword,
        `${line.where}: ${line.name} has no effect here`,
      );
    }
  }

  async #matches(line: ConfigLine, never: boolean): Promise<boolean> {
    const user = () => this.settings.first("user") ?? this.#machine.userName;
    const warn = (what: string) =>
      this.warnings.set(
        `match ${what}`,
        `${line.where}: Match ${what} never matches here`,
      );
    const matched = await matches(line, {
      originalHost: this.#originalHost,
      host: () => this.hostName(),
      user,
      localUser: () => this.#machine.userName,
      final: this.#final,
      wantFinal: () => this.#wantsFinal = true,
      exec: async (command) => {
        const host = await this.hostName();
        const tokens = destinationTokens(this.#machine, {
          host,
          originalHost: this.#originalHost,
          port: this.settings.first("port") ?? 22,
          user,
          keyAlias: this.settings.first("hostKeyAlias") ?? host,
        });
        const expanded = await expandTokens(command, line, tokens);
        if (never) return false;
        const status = await runShell(expanded, line, this.#machine);
        if (status === undefined) warn("exec without --allow-run");
        return status;
      },
      warn,
    });
    return matched && !never;
  }

  async #include(
    line: ConfigLine,
    pattern: string,
    source: FileSource,
    { active, never, depth }: Block,
  ): Promise<void> {
    if (pattern.startsWith("~") && !source.user) {
      throw line.error("takes no ~ in the system's configuration");
    }
    if (depth === MAX_DEPTH) {
      throw line.error(`goes deeper than ${MAX_DEPTH} files`);
    }
    const directory = source.user ? "~/.ssh" : systemDirectory;
    const absolute = isAbsolute(pattern) || pattern.startsWith("~")
      ? pattern
      : `${directory}/${pattern}`;
    const files = await findFiles(expandTilde(absolute, line, this.#machine));
    for (const file of files) {
      const read = await this.#readFile(file, { ...source, checkOwner: true }, {
        active,
        never: never || !active,
        depth: depth + 1,
      });
      if (!read) throw line.error(`cannot read ${file}`);
    }
  }

  async #read(path: string, checkOwner: boolean): Promise<string | undefined> {
    try {
      const text = await readTextFile(path, MAX_CONFIG_BYTES);
      if (checkOwner) await this.#checkOwner(path);
      return text;
    } catch (cause) {
      if (cause instanceof ArgumentError) throw cause;
      if (cause instanceof Deno.errors.IsADirectory) return "";
      throwIfNotPermitted(cause, `read ${path}`, `--allow-read=${path}`);
      if (!(cause instanceof Deno.errors.NotFound)) {
        this.warnings.set(path, `cannot read ${path}`);
      }
      return undefined;
    }
  }

  async #checkOwner(path: string): Promise<void> {
    const { uid, mode } = await Deno.stat(path);
    if (uid === null || mode === null) return; // Windows has neither
    if ((uid === 0 || uid === this.#machine.uid) && (mode & 0o22) === 0) return;
    throw new ArgumentError(
      path,
      "others may write this file; it has to be yours (or root's), and chmod go-w",
    );
  }
}
