import { ProtocolError } from "../../errors.ts";
import { macs } from "../cipher/mac.ts";
import { packetCiphers } from "../cipher/packet_ciphers.ts";
import {
  type AlgorithmLists,
  type Negotiated,
  type NegotiatedDirection,
  UnknownAlgorithmError,
} from "../message_transport.ts";
import { certificateType } from "../keys/certificate.ts";
import { signatureAlgorithms } from "../keys/verify_signature.ts";
import { isCompressionSupported } from "./compression.ts";
import { kexMethods } from "./kex/kex_methods.ts";
import type { DirectionOffer, KexInit } from "./kex_init.ts";

/** A side of a connection. */
export type Role = "client" | "server";

/** Names among the key exchange methods that mark what a side can do, in its first KEXINIT. */
export const markers = {
  client: { strict: "kex-strict-c-v00@openssh.com", extInfo: "ext-info-c" },
  server: { strict: "kex-strict-s-v00@openssh.com", extInfo: "ext-info-s" },
} as const;

const hostKeys = Object.keys(signatureAlgorithms);

/** What this engine can do, most wanted first. */
export function supportedAlgorithms(): AlgorithmLists {
  return {
    kex: [...kexMethods.keys()],
    hostKey: [...hostKeys.map(certificateType), ...hostKeys],
    cipher: [...packetCiphers].filter(([, cipher]) => cipher.isSupported())
      .map(([name]) => name),
    mac: [...macs.keys()],
    compression: [
      "none",
      ...isCompressionSupported() ? ["zlib@openssh.com"] : [],
    ],
  };
}

/** @throws {UnknownAlgorithmError} if a list holds what this engine cannot do. */
export function checkAlgorithms(lists: AlgorithmLists): void {
  const supported = supportedAlgorithms();
  for (const key of Object.keys(supported) as (keyof AlgorithmLists)[]) {
    const unknown = lists[key].find((name) => !supported[key].includes(name));
    if (unknown !== undefined) throw new UnknownAlgorithmError(key, unknown);
  }
}

/** What a side offers in a KEXINIT. */
export function offerOf(
  lists: AlgorithmLists,
  role: Role,
  { isFirst }: { isFirst: boolean },
): KexInit {
  const direction: DirectionOffer = lists;
  const { strict, extInfo } = markers[role];
  return {
    kex: isFirst ? [...lists.kex, extInfo, strict] : lists.kex,
    hostKey: lists.hostKey,
    toServer: direction,
    toClient: direction,
    guessFollows: false,
  };
}

/** What both sides agreed on, but for what only the first exchange decides. */
export type Agreement = Omit<Negotiated, "strictKex">;

/**
 * Agrees on algorithms: in each list the client's first that the server has, too
 * (RFC 4253 section 7.1).
 *
 * @throws {ProtocolError} if there is none.
 */
export function negotiate(client: KexInit, server: KexInit): Agreement {
  const direction = (
    which: "toServer" | "toClient",
    where: string,
  ): NegotiatedDirection => {
    const [ours, theirs] = [client[which], server[which]];
    const cipher = agreed(`ciphers ${where}`, ours.cipher, theirs.cipher);
    return {
      cipher,
      mac: packetCiphers.get(cipher)?.isAuthenticated
        ? ""
        : agreed(`MACs ${where}`, ours.mac, theirs.mac),
      compression: agreed(
        `compression ${where}`,
        ours.compression,
        theirs.compression,
      ),
    };
  };
  return {
    kex: agreed("key exchanges", client.kex.filter(isMethod), server.kex),
    hostKey: agreed("host key algorithms", client.hostKey, server.hostKey),
    toServer: direction("toServer", "to the server"),
    toClient: direction("toClient", "to the client"),
  };
}

/** Whether the key exchange that a side began by a guess is not the one that was agreed on: its first message is void. */
export function isGuessWrong(client: KexInit, server: KexInit): boolean {
  return client.kex[0] !== server.kex[0] ||
    client.hostKey[0] !== server.hostKey[0];
}

function isMethod(name: string): boolean {
  return kexMethods.has(name);
}

function agreed(
  what: string,
  client: readonly string[],
  server: readonly string[],
): string {
  const name = client.find((name) => server.includes(name));
  if (name !== undefined) return name;
  throw new ProtocolError(
    `client and server have no ${what} in common: the client offers ${
      client.join(", ") || "none"
    }; the server ${server.join(", ") || "none"}`,
  );
}
