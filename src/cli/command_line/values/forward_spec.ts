import { readVariable } from "../../../environment.ts";
import { ArgumentError } from "../../../errors.ts";
import type { Bind } from "../../../ssh/connection.ts";
import { type ForwardOptions, mergeForwardOptions } from "./forward_options.ts";
import { parsePort } from "./port.ts";
import { looksLikeKey, shown } from "../../../text/shown.ts";

/** The value of `-R`: a bind on the server and a target on this side. */
export interface ForwardSpec {
  /** Where to listen, as ssh requests it. */
  bind: Bind;
  /** The target on this side. */
  target: { hostname: string; port: number } | { path: string } | "socks";
  /** The text as written. */
  text: string;
  /** What was said of this forward alone. */
  options?: ForwardOptions;
}

/**
 * Reads the value of `-R` as OpenSSH 9.2 does:
 *
 * - `[bind_address:]port:host:hostport`
 * - `[bind_address:]port:local_socket`
 * - `remote_socket:host:hostport`
 * - `remote_socket:local_socket`
 * - `[bind_address:]port` or `remote_socket`: a SOCKS proxy
 *
 * A field with a `/` is the path of a socket; one in brackets is taken
 * literally (IPv6 addresses, paths with colons); a backslash escapes the next
 * character; `${NAME}` is an environment variable. A port may be the name of a
 * service, and 0 lets the server choose. The default bind address is
 * `localhost`; an empty one and `*` stand for all addresses. The `%` tokens of
 * ssh_config in the path of a socket are expanded later, when they are known.
 *
 * Unlike ssh it refuses a host that is empty or not valid, and takes a number
 * before a port for a mistake, not for a bind address.
 *
 * @throws {ArgumentError} that points at the mistake.
 */
export function parseForwardSpec(text: string): ForwardSpec {
  return read(new Spec("-R", text).expand(), text);
}

/** The values of a `RemoteForward` line in ssh_config, with variables expanded. */
export interface RemoteForwardLine {
  /** `[bind_address:]port`, or a socket. */
  listen: string;
  /** `host:hostport`, or a socket; a SOCKS proxy without one. */
  connect?: string;
  /** Its file and line, for the error. */
  where: string;
}

/**
 * Reads the values of a `RemoteForward` line as {@linkcode parseForwardSpec} does.
 *
 * @throws {ArgumentError} that points at the mistake.
 */
export function parseRemoteForward(
  { listen, connect, where }: RemoteForwardLine,
): ForwardSpec {
  // As OpenSSH does.
  const text = connect === undefined ? listen : `${listen}:${connect}`;
  return read(new Spec(where, text), text);
}

/** Removes forwards that repeat an earlier one, as ssh does. Their options count. */
export function withoutDuplicates(
  specs: readonly ForwardSpec[],
): ForwardSpec[] {
  const byMeaning = new Map<string, ForwardSpec>();
  for (const spec of specs) {
    const meaning = JSON.stringify([spec.bind, spec.target]);
    const before = byMeaning.get(meaning);
    const options = spec.options &&
      mergeForwardOptions(before?.options ?? {}, spec.options);
    byMeaning.set(meaning, { ...before ?? spec, ...options && { options } });
  }
  return [...byMeaning.values()];
}

/** A part of a specification between colons. */
interface Field {
  text: string;
  /** Where it starts. */
  at: number;
  /** The position of the colon after it, or the end. */
  end: number;
  isPath: boolean;
}

function read(spec: Spec, text: string): ForwardSpec {
  const fields = spec.split();
  const last = fields.at(-1);
  if (last === undefined) return spec.fail(0, "[bind:]port:host:hostport");
  if (last.isPath && (fields.length === 2 || fields.length === 3)) {
    const target = { path: spec.path(last) };
    return { bind: spec.bind(fields.slice(0, -1)), target, text };
  }
  if (fields.length < 3) {
    return { bind: spec.bindOfSocks(fields), target: "socks", text };
  }
  const bind = spec.bind(fields.slice(0, -2));
  const hostname = spec.host(fields.at(-2) ?? last, "a host");
  return { bind, target: { hostname, port: spec.port(last, 1) }, text };
}

/** A specification, and the argument to name in errors. */
class Spec {
  constructor(readonly argument: string, readonly text: string) {}

  /** Expands environment variables. */
  expand(): Spec {
    const text = this.text.replace(
      /\$\{([^}]*)(\}?)/g,
      (_, name: string, brace: string, at: number) => {
        if (brace === "" || name === "") {
          return this.fail(at, "the name of a variable, as in ${HOME}");
        }
        return readVariable(name) ??
          this.fail(at, `the environment variable ${name} to be set`);
      },
    );
    return new Spec(this.argument, text);
  }

  /** Like parse_fwd_field() in OpenSSH's readconf.c; a colon at the end is ignored. */
  split(): Field[] {
    const fields: Field[] = [];
    let at = this.text.length - this.text.trimStart().length;
    while (at < this.text.length) {
      if (fields.length === 4) {
        this.fail(at, "nothing more; an IPv6 address goes in brackets");
      }
      const field = this.text[at] === "["
        ? this.#inBrackets(at)
        : this.#plain(at);
      fields.push(field);
      at = field.end + 1;
    }
    return fields;
  }

  #inBrackets(at: number): Field {
    const close = this.text.indexOf("]", at);
    if (close < 0) return this.fail(this.text.length, 'a "]"');
    const end = close + 1;
    if (end < this.text.length && this.text[end] !== ":") {
      return this.fail(end, 'a ":" after the "]"');
    }
    const text = this.text.slice(at + 1, close);
    return { text, at, end, isPath: text.includes("/") };
  }

  #plain(at: number): Field {
    const raw = /^(?:[^:\\]|\\.)*/s.exec(this.text.slice(at))?.[0] ?? "";
    const end = at + raw.length;
    if (this.text[end] === "\\") this.fail(end + 1, "a character after the \\");
    return {
      text: raw.replace(/\\(.)/gs, "$1"),
      at,
      end,
      isPath: raw.replace(/\\./gs, "").includes("/"),
    };
  }

  /** @param fields One or two: a socket or a port, or an address and a port. */
  bind([first, second]: Field[]): Bind {
    if (first === undefined) return this.fail(0, "a port");
    if (second !== undefined) {
      const hostname = first.text === "" || first.text === "*"
        ? ""
        : this.host(first, "a bind address");
      return { hostname, port: this.port(second, 0) };
    }
    return first.isPath
      ? { path: this.path(first) }
      : { hostname: "localhost", port: this.port(first, 0) };
  }

  /** @throws {ArgumentError} if it is not a valid host. */
  host({ text, at }: Field, what: string): string {
    if (/^[^\s/\p{Cc}]{1,255}$/u.test(text)) return text;
    return this.fail(at, what);
  }

  port({ text, at }: Field, lowest: 0 | 1): number {
    const port = parsePort(text);
    if (port !== undefined && port >= lowest) return port;
    return this.fail(
      at,
      `a port from ${lowest} to 65535, or the name of a service`,
    );
  }

  path({ text, at }: Field): string {
    // sun_path of Linux holds 108 bytes, with a NUL at the end.
    if (new TextEncoder().encode(text).length < 108) return text;
    return this.fail(at, "a path of at most 107 bytes");
  }

  /** @param fields One or two, without a target. */
  bindOfSocks(fields: Field[]): Bind {
    const [first, second] = fields;
    const end = this.text.length;
    const colon = this.text.endsWith(":") ? "" : '":" and ';
    if (second && parsePort(second.text) === undefined) {
      this.fail(end, `${colon}the port of the target`);
    }
    if (first && second && /^\d+$/.test(first.text)) {
      this.fail(
        second.at,
        `a host before the port of the target: ${first.text}:localhost:${second.text}`,
      );
    }
    return this.bind(fields);
  }

  fail(at: number, expected: string): never {
    if (looksLikeKey(this.text)) {
      throw new ArgumentError(
        this.argument,
        `expected [bind:]port:host:hostport, not ${shown(this.text)}`,
      );
    }
    const line = this.text.replace(/\p{Cc}/gu, "?");
    const column = [...line.slice(0, at)].length;
    throw new ArgumentError(
      this.argument,
      `expected ${expected}\n  ${line}\n  ${" ".repeat(column)}^`,
    );
  }
}
