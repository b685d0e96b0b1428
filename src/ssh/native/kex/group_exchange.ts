import { ProtocolError } from "../../../errors.ts";
import { toBigInt, toBytes } from "../../big_integer.ts";
import { type WireReader, WireWriter } from "../../wire.ts";
import { readMessage } from "./agreement_kex.ts";
import { diffieHellman, type DiffieHellmanGroup } from "./diffie_hellman.ts";
import type { Initiation } from "./key_agreement.ts";
import type { ClientKex, KexMethod, ServerKex } from "./kex_method.ts";
import {
  modpGroup,
  modpGroupBits,
  type ModpGroupNumber,
} from "./modp_groups.ts";

// RFC 4419 section 5.
const GROUP = 31;
const INIT = 32;
const REPLY = 33;
const REQUEST = 34;

/** RFC 8270: no group below 2048 bits. */
const MIN_BITS = 2048;
/** What is asked for: as much as curve25519 and group16 give. */
const PREFERRED_BITS = 4096;
/** The most that RFC 4419 section 3 requires; more would cost too much time. */
const MAX_BITS = 8192;

/** The group is the server's choice (RFC 4419). */
export const groupExchange: KexMethod = {
  name: "diffie-hellman-group-exchange-sha256",
  hash: "SHA-256",
  client,
  server,
};

const { name } = groupExchange;

function client(): ClientKex {
  const sizes = [MIN_BITS, PREFERRED_BITS, MAX_BITS] as const;
  let chosen: { group: DiffieHellmanGroup; own: Initiation } | undefined;

  return {
    start: () =>
      Promise.resolve(writeSizes(new WireWriter().byte(REQUEST), sizes)),
    async receive(message) {
      if (chosen === undefined) {
        const reader = readMessage(name, message, GROUP);
        const group = readGroup(reader);
        const own = await diffieHellman(group).initiate();
        chosen = { group, own };
        return { send: new WireWriter().byte(INIT).mpint(own.share).bytes() };
      }
      const { group, own } = chosen;
      const reader = readMessage(name, message, REPLY);
      const hostKey = reader.string();
      const share = reader.mpint();
      const signature = reader.string();
      reader.end();
      const secret = await own.finish(share);
      return {
        ...result(sizes, group, [own.share, share], secret),
        hostKey,
        signature,
      };
    },
  };
}

function server(): ServerKex {
  let chosen:
    | { group: DiffieHellmanGroup; sizes: readonly number[] }
    | undefined;

  return {
    async receive(message) {
      if (chosen === undefined) {
        const reader = readMessage(name, message, REQUEST);
        const sizes = [
          reader.uint32(),
          reader.uint32(),
          reader.uint32(),
        ] as const;
        reader.end();
        const group = chooseGroup(...sizes);
        chosen = { group, sizes };
        const { p, g } = group;
        return {
          send: new WireWriter().byte(GROUP).mpint(toBytes(p))
            .mpint(toBytes(g)).bytes(),
        };
      }
      const { group, sizes } = chosen;
      const reader = readMessage(name, message, INIT);
      const first = reader.mpint();
      reader.end();
      const { share, secret } = await diffieHellman(group).respond(first);
      return {
        ...result(sizes, group, [first, share], secret),
        reply: (hostKey, signature) =>
          new WireWriter().byte(REPLY).string(hostKey).mpint(share)
            .string(signature).bytes(),
      };
    },
  };
}

/**
 * Reads the group that a server chose. Whether its modulus is prime is not
 * tested: the server's signature vouches for the group.
 *
 * @throws {ProtocolError} if its size is not one that was asked for, or it cannot be a group.
 */
function readGroup(reader: WireReader): DiffieHellmanGroup {
  const p = toBigInt(reader.mpint());
  const g = toBigInt(reader.mpint());
  reader.end();
  const bits = p.toString(2).length;
  if (bits < MIN_BITS || bits > MAX_BITS) {
    throw new ProtocolError(
      `the server chose a group of ${bits} bits, ${MIN_BITS} to ${MAX_BITS} were asked for`,
    );
  }
  if (p % 2n === 0n || g <= 1n || g >= p - 1n) {
    throw new ProtocolError("the server chose an invalid group");
  }
  return { p, g };
}

/** The smallest group that is large enough, or else the largest that the client takes. */
function chooseGroup(
  min: number,
  preferred: number,
  max: number,
): DiffieHellmanGroup {
  const fitting = Object.entries(modpGroupBits).filter(([, bits]) =>
    bits >= min && bits <= max
  );
  const [number] = fitting.find(([, bits]) => bits >= preferred) ??
    fitting.at(-1) ?? [];
  if (number === undefined || preferred < min || preferred > max) {
    throw new ProtocolError(
      `the client asked for a group of ${min}, ${preferred}, ${max} bits`,
    );
  }
  return modpGroup(Number(number) as ModpGroupNumber);
}

function writeSizes(writer: WireWriter, sizes: readonly number[]): Uint8Array {
  for (const bits of sizes) writer.uint32(bits);
  return writer.bytes();
}

function result(
  sizes: readonly number[],
  { p, g }: DiffieHellmanGroup,
  shares: readonly Uint8Array[],
  secret: Uint8Array,
) {
  const values = new WireWriter(4096);
  writeSizes(values, sizes);
  for (const number of [toBytes(p), toBytes(g), ...shares]) {
    values.mpint(number);
  }
  const encoded = new WireWriter(1200).mpint(secret).bytes();
  secret.fill(0);
  return { publicValues: values.bytes(), secret: encoded };
}
