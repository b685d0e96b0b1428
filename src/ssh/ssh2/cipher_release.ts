/**
 * Keeps ssh2 from leaking three resources with every packet.
 *
 * For chacha20-poly1305, ssh2 makes three ciphers a packet, calls `update()`
 * of each once and drops them. Node collects them as garbage; Deno 2.9 holds a
 * cipher until its `final()` (measured: some 600 bytes each, for ever, 60 MB
 * for each GB that is forwarded). So while ssh2 is loaded, when it takes
 * node:crypto's functions, it gets ones that finish such a cipher for it.
 *
 * @module
 */

import crypto from "node:crypto";

type Create = (name: string, ...rest: unknown[]) => {
  update(data: Uint8Array): Uint8Array;
  final(): Uint8Array;
};

const functions = crypto as unknown as Record<
  "createCipheriv" | "createDecipheriv",
  Create
>;
const { createCipheriv, createDecipheriv } = functions;

functions.createCipheriv = finishing(createCipheriv);
functions.createDecipheriv = finishing(createDecipheriv);

/** Restores the functions of node:crypto; call it once ssh2 is loaded. */
export function restoreCrypto(): void {
  functions.createCipheriv = createCipheriv;
  functions.createDecipheriv = createDecipheriv;
}

function finishing(create: Create): Create {
  return (name, ...rest) => {
    const cipher = create(name, ...rest);
    if (name !== "chacha20") return cipher;
    const update = cipher.update.bind(cipher);
    cipher.update = (data) => {
      const output = update(data);
      cipher.final(); // A stream cipher has nothing left to say.
      return output;
    };
    return cipher;
  };
}
