import { silentLogger } from "../../../src/logger.ts";
import type {
  MessageTransport,
  RekeyLimit,
} from "../../../src/ssh/message_transport.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import { WireReader, WireWriter } from "../../../src/ssh/wire.ts";
import { newEd25519Key } from "./message_session.ts";
import { uncompressed } from "./transport_pair.ts";

/** A server that accepts any login and echoes what it receives in a session, over the server's role of the native transport. */
export interface EchoServer extends AsyncDisposable {
  readonly port: number;
  /** The transports that were started so far. */
  readonly transports: readonly MessageTransport[];
}

/** Starts it on loopback. */
export async function startEchoServer(
  { rekey = {}, compression = ["none"] }: {
    rekey?: RekeyLimit;
    compression?: string[];
  } = {},
): Promise<EchoServer> {
  const hostKey = await newEd25519Key();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const transports: MessageTransport[] = [];
  const accepting = (async () => {
    for await (const stream of listener) {
      stream.setNoDelay(true);
      const transport = startNativeTransport({
        role: "server",
        stream,
        algorithms: { ...uncompressed, compression },
        hostKeys: [hostKey],
        serverSigAlgs: ["ssh-ed25519"],
        rekey,
        logger: silentLogger,
      });
      transports.push(transport);
      transport.receive((message) => answer(transport, message));
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    transports,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}

function answer(
  transport: MessageTransport,
  message: Uint8Array,
): boolean | void {
  const reader = new WireReader(message, 1);
  const reply = (number: number) => new WireWriter().byte(number);
  switch (message[0]) {
    case MessageNumber.EXT_INFO:
    case MessageNumber.CHANNEL_WINDOW_ADJUST: // What comes is expected to fit into the client's window.
      return;
    case MessageNumber.SERVICE_REQUEST:
      return transport.send(
        reply(MessageNumber.SERVICE_ACCEPT).string(reader.string()).bytes(),
      );
    case MessageNumber.USERAUTH_REQUEST:
      return transport.send(reply(MessageNumber.USERAUTH_SUCCESS).bytes());
    case MessageNumber.GLOBAL_REQUEST:
      reader.string();
      if (reader.boolean()) {
        transport.send(reply(MessageNumber.REQUEST_FAILURE).bytes());
      }
      return;
    case MessageNumber.CHANNEL_OPEN:
      reader.string();
      return transport.send(
        reply(MessageNumber.CHANNEL_OPEN_CONFIRMATION)
          .uint32(reader.uint32()).uint32(0).uint32(2 ** 31).uint32(2 ** 15)
          .bytes(),
      );
    case MessageNumber.CHANNEL_REQUEST:
      reader.uint32();
      reader.string();
      if (reader.boolean()) {
        transport.send(reply(MessageNumber.CHANNEL_SUCCESS).uint32(0).bytes());
      }
      return;
    case MessageNumber.CHANNEL_DATA:
      return transport.send(message); // Both sides' channel is number 0.
    case MessageNumber.CHANNEL_EOF:
      transport.send(
        reply(MessageNumber.CHANNEL_REQUEST).uint32(0).string("exit-status")
          .boolean(false).uint32(0).bytes(),
      );
      transport.send(reply(MessageNumber.CHANNEL_EOF).uint32(0).bytes());
      return transport.send(
        reply(MessageNumber.CHANNEL_CLOSE).uint32(0).bytes(),
      );
    case MessageNumber.CHANNEL_CLOSE:
      return;
    default:
      return false;
  }
}
