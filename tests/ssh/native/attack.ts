/** A transport with a scripted peer that does not keep to the protocol. */
import { silentLogger } from "../../../src/logger.ts";
import type { MessageTransport } from "../../../src/ssh/message_transport.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import type { Role } from "../../../src/ssh/native/exchange/negotiation.ts";
import { assertEquals } from "../../assert.ts";
import { within } from "../../within.ts";
import { newEd25519Key } from "./message_session.ts";
import { ScriptedPeer } from "./scripted_peer.ts";
import { type StreamEnd, streamPair } from "./packets/stream_pair.ts";
import { uncompressed } from "./transport_pair.ts";

export const hostKey = await newEd25519Key();
export const otherKey = await newEd25519Key();

/** A transport under attack. */
export interface Attack extends AsyncDisposable {
  peer: ScriptedPeer;
  victim: MessageTransport;
  stream: StreamEnd;
}

/** Starts the victim in the other role than its attacker's. */
export function attack(
  {
    role = "server",
    strict = true,
    exchangeTimeoutMs = 60_000,
    verifyHostKey = () => Promise.resolve(),
  }: {
    role?: Role;
    strict?: boolean;
    exchangeTimeoutMs?: number;
    verifyHostKey?: () => Promise<void>;
  } = {},
): Attack {
  const [stream, peerStream] = streamPair();
  const common = {
    stream,
    algorithms: uncompressed,
    exchangeTimeoutMs,
    logger: silentLogger,
  };
  const victim = startNativeTransport(
    role === "server"
      ? {
        ...common,
        role: "client",
        verifyHostKey,
      }
      : { ...common, role: "server", hostKeys: [hostKey] },
  );
  const peer = new ScriptedPeer(peerStream, {
    role,
    strict,
    hostKeys: [hostKey],
  });
  return {
    peer,
    victim,
    stream,
    async [Symbol.asyncDispose]() {
      peer.close();
      victim.destroy();
      await victim.closed;
    },
  };
}

/** The error that the victim ends with, in time. */
export async function failure(victim: MessageTransport): Promise<Error> {
  const end = await within(10_000, "an end", victim.ended);
  assertEquals(end.how, "error");
  await within(10_000, "a closed stream", victim.closed);
  return (end as { error: Error }).error;
}

/** Takes part until both sides have keys. */
export async function untilKeys(peer: ScriptedPeer, victim: MessageTransport) {
  await peer.identify();
  await peer.exchangeKeys();
  await victim.ready;
  victim.receive(() => {});
}
