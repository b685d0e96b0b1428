/**
 * What follows the name of a global request, of a channel's type or of a
 * channel request (RFC 4254 sections 6 and 7, OpenSSH PROTOCOL section 2.4).
 *
 * @module
 */

import type { Bind, Originator, TcpBind } from "../connection.ts";
import { WireReader, WireWriter } from "../wire.ts";

/** A request's or a channel's name, and what follows it. */
export interface Payload {
  readonly name: string;
  readonly data: Uint8Array;
}

/** A global request that does nothing, and is answered: no server knows it (OpenSSH's `ServerAliveInterval`). */
export const keepaliveRequest: Payload = {
  name: "keepalive@openssh.com",
  data: new Uint8Array(),
};

/** `tcpip-forward` (RFC 4254 section 7.1), or `streamlocal-forward@openssh.com`. */
export function forwardRequest(bind: Bind): Payload {
  return "port" in bind ? { name: "tcpip-forward", data: tcpBind(bind) } : {
    name: "streamlocal-forward@openssh.com",
    data: new WireWriter().string(bind.path).bytes(),
  };
}

/** `cancel-tcpip-forward` (RFC 4254 section 7.1), or `cancel-streamlocal-forward@openssh.com`. */
export function cancelForwardRequest(bind: Bind): Payload {
  const { name, data } = forwardRequest(bind);
  return { name: `cancel-${name}`, data };
}

function tcpBind({ hostname, port }: TcpBind): Uint8Array {
  return new WireWriter().string(hostname).uint32(port).bytes();
}

/** The port that the server chose: the reply to `tcpip-forward` with port 0; undefined if it names none. */
export function readChosenPort(data: Uint8Array): number | undefined {
  return data.length < 4 ? undefined : new WireReader(data).uint32();
}

/** `direct-tcpip` (RFC 4254 section 7.2). */
export function directTcpip(
  host: string,
  port: number,
  originator: Originator,
): Payload {
  return {
    name: "direct-tcpip",
    data: new WireWriter().string(host).uint32(port)
      .string(originator.address).uint32(originator.port).bytes(),
  };
}

/** `direct-streamlocal@openssh.com`; two fields of it are reserved. */
export function directStreamlocal(path: string): Payload {
  return {
    name: "direct-streamlocal@openssh.com",
    data: new WireWriter().string(path).string("").uint32(0).bytes(),
  };
}

/** A connection to a bind of ours, as CHANNEL_OPEN has it. All of it is untrusted. */
export interface ForwardedConnection {
  readonly bind: Bind;
  readonly originator: Originator;
}

/** `forwarded-tcpip` (RFC 4254 section 7.2), or `forwarded-streamlocal@openssh.com`; undefined for any other type. */
export function readForwardedConnection(
  type: string,
  data: Uint8Array,
): ForwardedConnection | undefined {
  const reader = new WireReader(data);
  switch (type) {
    case "forwarded-tcpip":
      return {
        bind: { hostname: reader.text(), port: reader.uint32() },
        originator: { address: reader.text(), port: reader.uint32() },
      };
    case "forwarded-streamlocal@openssh.com":
      return {
        bind: { path: reader.text() },
        originator: { address: "", port: 0 },
      };
    default:
      return undefined;
  }
}

/** `exec` (RFC 4254 section 6.5). */
export function execRequest(command: string): Payload {
  return { name: "exec", data: new WireWriter().string(command).bytes() };
}

/** `shell` (RFC 4254 section 6.5): the user's shell. */
export const shellRequest: Payload = { name: "shell", data: new Uint8Array() };

/** The signals that RFC 4254 section 6.10 names. */
export const signalNames: ReadonlySet<string> = new Set(
  "ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2".split(" "),
);

/** `signal` (RFC 4254 section 6.9). */
export function signalRequest(signal: string): Payload {
  return { name: "signal", data: new WireWriter().string(signal).bytes() };
}

/** How a command ended, as `exit-status` or `exit-signal` have it (RFC 4254 section 6.10). */
export type Exit = { readonly code: number } | { readonly signal: string };

/** `exit-status` or `exit-signal`; undefined for any other request. The signal's name is untrusted. */
export function readExit(type: string, data: Uint8Array): Exit | undefined {
  const reader = new WireReader(data);
  if (type === "exit-status") return { code: reader.uint32() };
  if (type === "exit-signal") return { signal: reader.text() };
  return undefined;
}

/** `subsystem` (RFC 4254 section 6.5): its name, which is untrusted. */
export function readSubsystem(data: Uint8Array): string {
  return new WireReader(data).text();
}

/** `exit-status` (RFC 4254 section 6.10). */
export function exitStatus(code: number): Payload {
  return { name: "exit-status", data: new WireWriter().uint32(code).bytes() };
}
