/** An SSH server whose connection layer is the test's: for what no real server does. */
import type { AuthContext } from "ssh2";
import type { ConnectOptions } from "../../src/ssh/connect_options.ts";
import type { ConnectionHandlers, Ssh2Protocol } from "./ssh2.ts";
import { Ssh2Socket } from "../../src/testing/ssh2_socket.ts";
import { ServedHostKey } from "../../src/testing/served_host_key.ts";
import { generateKeyPair } from "../../src/ssh/keys/private/key_pair.ts";
import { acceptClient, type ParsedKey } from "../../src/testing/ssh2_server.ts";

/** ssh2's writer of messages on the server's side. */
export interface ServerProtocol extends Ssh2Protocol {
  /** The host keys by their algorithm. */
  _hostKeys: Record<string, ParsedKey>;
  /** The methods that the client tried and that are not answered yet. */
  readonly _authsQueue: string[];
  serviceAccept(name: string): void;
  authSuccess(): void;
  authFailure(acceptable: string[]): void;
  rekey(): void;
  disconnect(reason: number): void;
  requestSuccess(data?: Uint8Array): void;
  channelSuccess(channel: number): void;
  channelExtData(channel: number, data: Uint8Array, type: number): void;
  exitStatus(channel: number, code: number): void;
  forwardedTcpip(
    channel: number,
    window: number,
    packetSize: number,
    from: {
      boundAddr: string;
      boundPort: number;
      remoteAddr: string;
      remotePort: number;
    },
  ): void;
  x11(
    channel: number,
    window: number,
    packetSize: number,
    from: { originAddr: string; originPort: number },
  ): void;
}

/** What a test says to a client. */
export interface Script {
  /** Whether a client may log in; every client by default. */
  onAuthentication?: (request: AuthContext, protocol: ServerProtocol) => void;
  /** Called once the client has logged in. */
  onReady?: (protocol: ServerProtocol) => void;
  /** Takes messages of the client instead of ssh2; those that are left out get no answer at all. */
  handlers?: (protocol: ServerProtocol) => Partial<ConnectionHandlers>;
}

/** A server, and the options that log in to it. */
export interface ScriptedServer extends AsyncDisposable {
  readonly options: ConnectOptions;
}

/** Starts one. */
export async function startScriptedServer(
  script: Script,
): Promise<ScriptedServer> {
  const hostKey = new ServedHostKey((await generateKeyPair()).privateKey);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sockets: Ssh2Socket[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      const socket = new Ssh2Socket(conn);
      sockets.push(socket);
      acceptClient(socket, hostKey.key, (client) => {
        const { _protocol: protocol } = client as unknown as {
          _protocol: ServerProtocol;
        };
        client.on("error", () => socket.destroy());
        client.on(
          "authentication",
          (request) =>
            script.onAuthentication
              ? script.onAuthentication(request, protocol)
              : request.accept(),
        );
        client.on("ready", () => {
          if (script.handlers) {
            Object.assign(
              protocol._handlers,
              silent,
              script.handlers(protocol),
            );
          }
          script.onReady?.(protocol);
        });
      });
    }
  })();
  const { port } = listener.addr;
  return {
    options: {
      hostname: "127.0.0.1",
      port,
      user: "alice",
      hostKeys: { text: hostKey.knownHostsLine("127.0.0.1", port) },
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const socket of sockets) socket.destroy();
      await Promise.all(sockets.map(({ closed }) => closed));
    },
  };
}

const nothing = () => {};

/** Takes every message and answers none. */
const silent: ConnectionHandlers = {
  GLOBAL_REQUEST: nothing,
  REQUEST_SUCCESS: nothing,
  REQUEST_FAILURE: nothing,
  CHANNEL_OPEN: nothing,
  CHANNEL_OPEN_CONFIRMATION: nothing,
  CHANNEL_OPEN_FAILURE: nothing,
  CHANNEL_WINDOW_ADJUST: nothing,
  CHANNEL_DATA: nothing,
  CHANNEL_EXTENDED_DATA: nothing,
  CHANNEL_EOF: nothing,
  CHANNEL_CLOSE: nothing,
  CHANNEL_REQUEST: nothing,
  CHANNEL_SUCCESS: nothing,
  CHANNEL_FAILURE: nothing,
};
