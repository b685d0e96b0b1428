import {
  createCipheriv,
  createDiffieHellmanGroup,
  createECDH,
} from "node:crypto";

/** How to set up what a name stands for, where the runtime may lack it. */
const trials: Readonly<Record<string, () => unknown>> = {
  // Deno before 2.9.4 has no raw ChaCha20.
  "chacha20-poly1305@openssh.com": () => cipher("chacha20", 32, 16),
  "aes128-gcm@openssh.com": () => cipher("aes-128-gcm", 16, 12),
  "aes256-gcm@openssh.com": () => cipher("aes-256-gcm", 32, 12),
  "aes128-ctr": () => cipher("aes-128-ctr", 16, 16),
  "aes192-ctr": () => cipher("aes-192-ctr", 24, 16),
  "aes256-ctr": () => cipher("aes-256-ctr", 32, 16),
  "aes128-cbc": () => cipher("aes-128-cbc", 16, 16),
  "aes192-cbc": () => cipher("aes-192-cbc", 24, 16),
  "aes256-cbc": () => cipher("aes-256-cbc", 32, 16),
  "ecdh-sha2-nistp256": () => createECDH("prime256v1"),
  "ecdh-sha2-nistp384": () => createECDH("secp384r1"),
  "ecdh-sha2-nistp521": () => createECDH("secp521r1"),
  "diffie-hellman-group1-sha1": () => createDiffieHellmanGroup("modp2"),
  "diffie-hellman-group14-sha1": () => createDiffieHellmanGroup("modp14"),
  "diffie-hellman-group14-sha256": () => createDiffieHellmanGroup("modp14"),
  "diffie-hellman-group15-sha512": () => createDiffieHellmanGroup("modp15"),
  "diffie-hellman-group16-sha512": () => createDiffieHellmanGroup("modp16"),
  "diffie-hellman-group17-sha512": () => createDiffieHellmanGroup("modp17"),
  "diffie-hellman-group18-sha512": () => createDiffieHellmanGroup("modp18"),
};

/**
 * The algorithms of a list that this runtime can set up. Deno 2.9.6 lists
 * AES-192-CBC and P-521 among its ciphers and curves, and has neither.
 */
export function available(names: readonly string[]): string[] {
  return names.filter((name) => {
    try {
      trials[name]?.();
      return true;
    } catch {
      return false;
    }
  });
}

function cipher(name: string, keySize: number, ivSize: number): unknown {
  return createCipheriv(name, new Uint8Array(keySize), new Uint8Array(ivSize))
    .final(); // Deno holds a cipher until then.
}
