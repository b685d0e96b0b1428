import { available } from "./available_algorithms.ts";
import type { Algorithms } from "../algorithms.ts";
import {
  defaultUserKeyAlgorithms,
  userKeyAlgorithms,
} from "../keys/public/user_key_algorithms.ts";

/** What is offered by default, best first. Nothing of it rests on SHA-1 or CBC, but for MACs. */
export const defaultAlgorithms: Readonly<Required<Algorithms>> = {
  // Fastest first: Deno's AES-GCM takes about 16 times as long as its ChaCha20.
  cipher: available([
    "chacha20-poly1305@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
  ]),
  kex: available([
    "curve25519-sha256@libssh.org",
    "curve25519-sha256",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group15-sha512",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group17-sha512",
    "diffie-hellman-group18-sha512",
  ]),
  serverHostKey: [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
  ],
  mac: [
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha1-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha1",
  ],
  compression: ["none"],
  userKey: defaultUserKeyAlgorithms,
};

/**
 * What can be asked for, beside what is offered by default: for servers that
 * know nothing better. In a group exchange the server chooses the modulus,
 * before its host key is verified: one of 32768 bits keeps the process busy
 * for half a minute.
 */
export const supportedAlgorithms: Readonly<Required<Algorithms>> = {
  cipher: [
    ...defaultAlgorithms.cipher,
    ...available(["aes256-cbc", "aes192-cbc", "aes128-cbc"]),
  ],
  kex: [
    ...defaultAlgorithms.kex,
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group-exchange-sha1",
    ...available([
      "diffie-hellman-group14-sha1",
      "diffie-hellman-group1-sha1",
    ]),
  ],
  serverHostKey: [...defaultAlgorithms.serverHostKey, "ssh-rsa", "ssh-dss"],
  mac: [...defaultAlgorithms.mac, "hmac-sha1-96", "hmac-md5"],
  compression: ["none"],
  userKey: userKeyAlgorithms,
};
