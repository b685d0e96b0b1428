import type { SigningKey } from "../../../../src/ssh/keys/private/signing_key.ts";
import { WireReader, WireWriter } from "../../../../src/ssh/wire.ts";

/** A host's certificate for a key, without ssh-keygen. */
export async function signCertificate(
  authority: SigningKey,
  key: Uint8Array,
  ...principals: string[]
): Promise<Uint8Array> {
  const reader = new WireReader(key);
  const type = reader.text();
  const names = new WireWriter();
  for (const name of principals) names.string(name);
  const signed = new WireWriter(4096).string(`${type}-cert-v01@openssh.com`)
    .string(crypto.getRandomValues(new Uint8Array(32))).raw(reader.rest())
    .uint64(1n).uint32(2).string("a host").string(names.bytes())
    .uint64(0n).uint64(2n ** 64n - 1n)
    .string("").string("").string("").string(authority.blob).bytes().slice();
  const signature = await authority.sign(authority.algorithms[0]!, signed);
  return new WireWriter().raw(signed).string(signature).bytes();
}
