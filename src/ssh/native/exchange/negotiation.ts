import { ProtocolError } from "../../../errors.ts";
import { macs } from "../../cipher/mac.ts";
import { packetCiphers } from "../../cipher/packet_ciphers.ts";
import {
  type AlgorithmLists,
  type Negotiated,
  type NegotiatedDirection,
  type TransportOptions,
  UnknownAlgorithmError,
} from "../../message_transport.ts";
import { certificateType } from "../../keys/public/certificate.ts";
import { signatureAlgorithms } from "../../keys/public/verify_signature.ts";
import { isCompressionSupported } from "../packets/compression.ts";
import { kexMethods } from "../kex/kex_methods.ts";
import type { DirectionOffer, KexInit } from "./kex_init.ts";

/** A side of a connection. */
export type Role = "client" | "server";

/** Names in the list of key exchange methods that announce a capability, in the first KEXINIT. */
export const markers = {
  client: { strict: "kex-strict-c-v00@openssh.com", extInfo: "ext-info-c" },
  server: { strict: "kex-strict-s-v00@openssh.com", extInfo: "ext-info-s" },
} as const;

const hostKeys = Object.keys(signatureAlgorithms);

/** The algorithms of this engine, most preferred first. */
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

/** @throws {UnknownAlgorithmError} if a list holds an algorithm that this engine does not have. */
export function checkAlgorithms(lists: AlgorithmLists): void {
  const supported = supportedAlgorithms();
  for (const key of Object.keys(supported) as (keyof AlgorithmLists)[]) {
    const unknown = lists[key].find((name) => !supported[key].includes(name));
    if (unknown !== undefined) throw new UnknownAlgorithmError(key, unknown);
  }
}

/** What a transport offers: a server only host key algorithms that it has a key for. */
export function algorithmsToOffer(options: TransportOptions): AlgorithmLists {
  if (options.role === "client") return options.algorithms;
  const algorithms = options.hostKeys.flatMap((key) => key.algorithms);
  return {
    ...options.algorithms,
    hostKey: options.algorithms.hostKey
      .filter((name) => algorithms.includes(name)),
  };
}

/** The contents of a KEXINIT. */
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

/** The algorithms of an exchange. Strict key exchange is not part of it: the first exchange decides that for good. */
export type Agreement = Omit<Negotiated, "strictKex">;

/**
 * Negotiates algorithms: of each list the client's first that the server has, too
 * (RFC 4253 section 7.1).
 *
 * @throws {ProtocolError} if a list has no algorithm in common.
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

/** Whether a guessed key exchange is not the one that was negotiated, so that its first message has to be ignored (RFC 4253 section 7). */
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
