/**
 * What of npm:ssh2 the server uses.
 *
 * Other than the client, the server keeps ssh2's own connection layer (RFC
 * 4254): what this package's client is tested against shares no code with it
 * above the packets.
 *
 * @module
 */

import type { Socket } from "node:net";
import { defined } from "../defined.ts";
import type {
  Connection,
  ParsedKey,
  ServerChannel,
  SocketBindInfo,
  TcpipBindInfo,
} from "ssh2";
import type { Bind, Originator } from "../ssh/connection.ts";
import { ecdsaPem } from "./ecdsa_key.ts";
import ssh2 from "./npm_ssh2.ts";
import type { Ssh2Socket } from "./ssh2_socket.ts";

export type {
  AuthContext,
  AuthenticationType,
  Connection,
  ParsedKey,
  ServerChannel,
  Session,
} from "ssh2";

/**
 * Speaks SSH on one socket.
 *
 * @param onClient Called once the client has told its version.
 * @param ident The software version to announce; ssh2's own by default.
 */
export function acceptClient(
  socket: Ssh2Socket,
  hostKey: ParsedKey,
  onClient: (client: Connection) => void,
  ident?: string,
): void {
  // A server for each socket: ssh2 does not say which socket a client is on.
  const options = defined({ hostKeys: [{ key: hostKey }], ident });
  const server = new ssh2.Server(options, onClient);
  server.injectSocket(socket as unknown as Socket);
}

/** A request to listen, or to stop that (RFC 4254 section 7.1, OpenSSH PROTOCOL section 2.4). */
export interface ForwardRequest {
  readonly cancel: boolean;
  readonly bind: Bind;
  /** @param port The port that was chosen, if the server was to choose. */
  accept(port?: number): void;
  reject(): void;
}

/** Hands on the client's requests to listen. Other global requests ssh2 answers as sshd does. */
export function onForwardRequest(
  client: Connection,
  listener: (request: ForwardRequest) => void,
): void {
  client.on("request", (
    // Both are missing if the client does not want a reply.
    accept: ((port?: number) => void) | undefined,
    reject: (() => void) | undefined,
    name: string,
    info: TcpipBindInfo | SocketBindInfo,
  ) =>
    listener({
      cancel: name.startsWith("cancel-"),
      bind: "socketPath" in info
        ? { path: info.socketPath }
        : { hostname: info.bindAddr, port: info.bindPort },
      accept: (port) => accept?.(port),
      reject: () => reject?.(),
    }));
}

/**
 * Opens a connection to what the client has bound.
 *
 * @throws {Error} if the client refuses, or is gone. Must not be called once
 * it is gone: there would be no answer.
 */
export function openForwarded(
  client: Connection,
  bind: Bind,
  from: Originator,
): Promise<ServerChannel> {
  return new Promise((resolve, reject) => {
    const answer = (error: Error | undefined, channel: ServerChannel) =>
      error ? reject(error) : resolve(channel);
    if ("path" in bind) {
      client.openssh_forwardOutStreamLocal(bind.path, answer);
    } else {
      const { hostname, port } = bind;
      client.forwardOut(hostname, port, from.address, from.port, answer);
    }
  });
}

/** Accepts what the client asks on a session, without an answer to it. */
export function acceptUnanswered<T>(client: Connection, accept: () => T): T {
  const { _protocol: protocol } = client as unknown as {
    _protocol: { channelSuccess?: (channel: number) => void };
  };
  // For the time of the call it hides the method of ssh2's class.
  protocol.channelSuccess = () => {};
  try {
    return accept();
  } finally {
    delete protocol.channelSuccess;
  }
}

/**
 * Makes ssh2 release a write that is done. It keeps the last one that had to
 * wait for the window, and at the next wait sends it again in place of what
 * standard error has to say.
 */
export function forgetWrite(channel: ServerChannel): void {
  Object.assign(channel, {
    _chunk: undefined,
    _chunkcb: undefined,
    _chunkErr: undefined,
    _chunkcbErr: undefined,
  });
}

/**
 * Parses a private or public key.
 *
 * @throws {Error} if it is not one, or is locked by a passphrase.
 */
export function parseKey(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  const pem = ecdsaPem(key);
  return pem === undefined ? key : ssh2.utils.parseKey(pem) as ParsedKey;
}
