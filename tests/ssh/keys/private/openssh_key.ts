import type { JsonWebKey, KeyObject } from "node:crypto";
import { concat } from "../../../../src/streams/concat.ts";
import { keyFile } from "../../../../src/ssh/keys/private/key_file.ts";
import { WireWriter } from "../../../../src/ssh/wire.ts";

/** Writes a private key as OpenSSH does, without a passphrase; undefined for a kind of key that SSH does not have. */
export function openSshKey(key: KeyObject): string | undefined {
  const jwk = key.export({ format: "jwk" });
  switch (key.asymmetricKeyType) {
    case "ed25519": {
      const [point, seed] = [field(jwk, "x"), field(jwk, "d")];
      return keyFile("ssh-ed25519", [point], [point, concat(seed, point)]);
    }
    case "ec": {
      const curve = `nistp${jwk.crv!.slice(2)}`;
      const point = concat(Uint8Array.of(4), field(jwk, "x"), field(jwk, "y"));
      const shown = [new TextEncoder().encode(curve), point];
      return keyFile(`ecdsa-sha2-${curve}`, shown, [
        ...shown,
        number(field(jwk, "d")),
      ]);
    }
    case "rsa": {
      const numbers = (...names: (keyof JsonWebKey)[]) =>
        names.map((name) => number(field(jwk, name)));
      return keyFile(
        "ssh-rsa",
        numbers("e", "n"),
        numbers("n", "e", "d", "qi", "p", "q"),
      );
    }
    default:
      return undefined;
  }
}

function field(jwk: JsonWebKey, name: keyof JsonWebKey): Uint8Array {
  return Uint8Array.fromBase64(jwk[name] as string, { alphabet: "base64url" });
}

/** An mpint without its length. */
function number(digits: Uint8Array): Uint8Array {
  return new WireWriter().mpint(digits).bytes().subarray(4);
}
