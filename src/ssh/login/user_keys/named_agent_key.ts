import { fingerprint } from "../../keys/public/key_blob.ts";

/** A key of the agent that was named by its public half, as with `ssh -i key.pub`. */
export class NamedAgentKey {
  /** The public half. */
  readonly publicKey: Uint8Array;

  constructor(publicKey: Uint8Array) {
    this.publicKey = publicKey;
  }

  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  get fingerprint(): string {
    return fingerprint(this.publicKey);
  }
}
