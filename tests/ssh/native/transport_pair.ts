import { silentLogger } from "../../../src/logger.ts";
import type {
  AlgorithmLists,
  ClientTransportOptions,
  MessageTransport,
  ServerTransportOptions,
} from "../../../src/ssh/message_transport.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import { supportedAlgorithms } from "../../../src/ssh/native/exchange/negotiation.ts";
import { newEd25519Key } from "./message_session.ts";
import { type StreamEnd, streamPair } from "./packets/stream_pair.ts";

/** Options that differ from the defaults. */
export interface PairOptions {
  algorithms?: Partial<AlgorithmLists>;
  client?: Partial<ClientTransportOptions>;
  server?: Partial<ServerTransportOptions>;
}

/** A client and a server that are connected in memory. */
export interface TransportPair extends AsyncDisposable {
  readonly client: MessageTransport;
  readonly server: MessageTransport;
  readonly streams: { client: StreamEnd; server: StreamEnd };
}

/** All algorithms of this engine, without compression. */
export const uncompressed: AlgorithmLists = {
  ...supportedAlgorithms(),
  compression: ["none"],
};

/** One cipher of each kind, with a MAC where it needs one. */
export const protections = [
  { cipher: ["chacha20-poly1305@openssh.com"] },
  { cipher: ["aes256-gcm@openssh.com"] },
  { cipher: ["aes128-ctr"], mac: ["hmac-sha2-256-etm@openssh.com"] },
  { cipher: ["aes256-ctr"], mac: ["hmac-sha2-512"] },
];

/** Starts both sides; their keys may not be in place yet. */
export async function startPair(
  { algorithms, client, server }: PairOptions = {},
): Promise<TransportPair> {
  const [clientStream, serverStream] = streamPair();
  const common = {
    algorithms: { ...uncompressed, ...algorithms },
    logger: silentLogger,
  };
  const transports = {
    server: startNativeTransport({
      ...common,
      role: "server",
      stream: serverStream,
      hostKeys: server?.hostKeys ?? [await newEd25519Key()],
      ...server,
    }),
    client: startNativeTransport({
      ...common,
      role: "client",
      stream: clientStream,
      verifyHostKey: () => Promise.resolve(),
      ...client,
    }),
  };
  return {
    ...transports,
    streams: { client: clientStream, server: serverStream },
    async [Symbol.asyncDispose]() {
      transports.client.destroy();
      transports.server.destroy();
      await Promise.all([transports.client.closed, transports.server.closed]);
    },
  };
}

/** Starts both sides and completes a login: both may rekey on their own from then on. */
export async function startLoggedIn(
  options: PairOptions = {},
): Promise<TransportPair> {
  const pair = await startPair(options);
  await Promise.all([pair.client.ready, pair.server.ready]);
  const entered = Promise.withResolvers<void>();
  pair.client.receive((message) => {
    if (message[0] === MessageNumber.USERAUTH_SUCCESS) entered.resolve();
  });
  pair.server.receive(([number]) => {
    if (number !== MessageNumber.USERAUTH_REQUEST) return;
    pair.server.send(Uint8Array.of(MessageNumber.USERAUTH_SUCCESS));
  });
  pair.client.send(Uint8Array.of(MessageNumber.USERAUTH_REQUEST));
  await entered.promise;
  return pair;
}
