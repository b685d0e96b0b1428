import { defineEngine, type Engine } from "../engine.ts";
import type { Algorithms } from "../algorithms.ts";
import {
  defaultUserKeyAlgorithms,
  userKeyAlgorithms,
} from "../keys/public/user_key_algorithms.ts";
import { startNativeTransport } from "./native_transport.ts";
import { supportedAlgorithms } from "./exchange/negotiation.ts";

const { kex, hostKey, cipher, mac, compression } = supportedAlgorithms();

const lists = {
  kex: [...kex],
  serverHostKey: [...hostKey],
  cipher: [...cipher],
  mac: [...mac],
  compression: [...compression],
} satisfies Algorithms;

/** The engine of this package: SSH's transport layer in TypeScript. */
export const nativeEngine: Engine = defineEngine({
  name: "native",
  defaultAlgorithms: {
    ...lists,
    compression: ["none"],
    userKey: defaultUserKeyAlgorithms,
  },
  supportedAlgorithms: { ...lists, userKey: userKeyAlgorithms },
}, startNativeTransport);
