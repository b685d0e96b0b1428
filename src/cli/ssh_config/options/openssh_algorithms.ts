/** Names of the algorithms that OpenSSH has, as `ssh -Q` lists them: what ssh_config may name, not what is offered here. @module */

const SIGNATURES = names(`
  ssh-ed25519 sk-ssh-ed25519@openssh.com ecdsa-sha2-nistp256
  ecdsa-sha2-nistp384 ecdsa-sha2-nistp521
  sk-ecdsa-sha2-nistp256@openssh.com
  webauthn-sk-ecdsa-sha2-nistp256@openssh.com ssh-dss ssh-rsa rsa-sha2-256
  rsa-sha2-512`);

/** Host key and user key algorithms: each also with a certificate. */
const KEYS = SIGNATURES.flatMap((name) => [
  name,
  name.includes("@")
    ? name.replace("@", "-cert-v01@")
    : `${name}-cert-v01@openssh.com`,
]);

/**
 * The algorithms that OpenSSH 9.2 to 10.0 know, by kind: other names are an
 * error, unless this program knows them.
 */
export const opensshAlgorithms = {
  cipher: names(`
    3des-cbc aes128-cbc aes192-cbc aes256-cbc rijndael-cbc@lysator.liu.se
    aes128-ctr aes192-ctr aes256-ctr aes128-gcm@openssh.com
    aes256-gcm@openssh.com chacha20-poly1305@openssh.com`),
  kex: names(`
    diffie-hellman-group1-sha1 diffie-hellman-group14-sha1
    diffie-hellman-group14-sha256 diffie-hellman-group16-sha512
    diffie-hellman-group18-sha512 diffie-hellman-group-exchange-sha1
    diffie-hellman-group-exchange-sha256 ecdh-sha2-nistp256
    ecdh-sha2-nistp384 ecdh-sha2-nistp521 curve25519-sha256
    curve25519-sha256@libssh.org sntrup761x25519-sha512
    sntrup761x25519-sha512@openssh.com mlkem768x25519-sha256`),
  mac: names(`
    hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-md5 hmac-md5-96
    hmac-ripemd160 hmac-ripemd160@openssh.com umac-64@openssh.com
    umac-128@openssh.com hmac-sha1-etm@openssh.com
    hmac-sha1-96-etm@openssh.com hmac-sha2-256-etm@openssh.com
    hmac-sha2-512-etm@openssh.com hmac-md5-etm@openssh.com
    hmac-md5-96-etm@openssh.com umac-64-etm@openssh.com
    umac-128-etm@openssh.com`),
  serverHostKey: KEYS,
  userKey: KEYS,
} as const;

function names(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
