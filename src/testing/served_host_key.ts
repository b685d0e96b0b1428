import { createHash } from "node:crypto";
import { ArgumentError } from "../errors.ts";
import { type ParsedKey, parseKey } from "./ssh2_server.ts";

/** The server's host key, and how clients know it. */
export class ServedHostKey {
  /** The private key. */
  readonly key: ParsedKey;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  /** The public key as in a known_hosts line: type and base64. */
  readonly publicKey: string;

  /**
   * @param privateKey PEM or OpenSSH text.
   * @throws {ArgumentError} if it is not a private key that can be used.
   */
  constructor(privateKey: string) {
    this.key = parsed(privateKey);
    const blob = this.key.getPublicSSH();
    const hash = createHash("sha256").update(blob).digest("base64");
    this.fingerprint = `SHA256:${hash.replace(/=+$/, "")}`;
    this.publicKey = `${this.key.type} ${blob.toString("base64")}`;
  }

  /** The line of a known_hosts file that lets clients verify the server. */
  knownHostsLine(host: string, port: number): string {
    return `${port === 22 ? host : `[${host}]:${port}`} ${this.publicKey}\n`;
  }
}

function parsed(text: string): ParsedKey {
  try {
    const key = parseKey(text);
    if (key.isPrivateKey()) return key;
  } catch (cause) {
    throw new ArgumentError(
      "hostKey",
      "is not a private key in PEM or OpenSSH format, or a passphrase locks it",
      { cause },
    );
  }
  throw new ArgumentError(
    "hostKey",
    "is a public key; the server needs the private one",
  );
}
