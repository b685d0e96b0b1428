import { join } from "node:path";
import { run } from "../../../servers/run.ts";

/** Keys and certificates of ssh-keygen in a directory of their own. */
export interface CertificateRig extends AsyncDisposable {
  /** The directory. */
  readonly dir: string;
  /** Makes a key pair. */
  key(name: string, ...args: string[]): Promise<Key>;
  /**
   * Has an authority sign a public key.
   *
   * @param args What ssh-keygen takes, e.g. `["-h", "-n", "example.org"]`.
   */
  certify(authority: Key, key: Key, args: string[]): Promise<CertificateFile>;
  /** Writes a key revocation list. */
  krl(lines: string[], ...args: string[]): Promise<string>;
}

/** A key pair of ssh-keygen. */
export interface Key {
  /** The private key's file; the public one has `.pub` behind it. */
  readonly file: string;
  /** The public key as a line. */
  readonly line: string;
  /** The public key as it goes over the wire. */
  readonly blob: Uint8Array<ArrayBuffer>;
}

/** A certificate of ssh-keygen. */
export interface CertificateFile {
  /** Its file, beside which is the private key by the same name without `-cert.pub`. */
  readonly file: string;
  /** The certificate as it goes over the wire. */
  readonly blob: Uint8Array<ArrayBuffer>;
}

/** Makes a directory for keys and certificates. */
export async function certificateRig(): Promise<CertificateRig> {
  const dir = await Deno.makeTempDir({ prefix: "rforward-certificates-" });
  let count = 0;
  return {
    dir,
    async key(name, ...args) {
      const file = join(dir, name);
      const type = args.length > 0 ? args : ["-t", "ed25519"];
      await run("ssh-keygen", ["-q", ...type, "-N", "", "-f", file]);
      return readKey(file);
    },
    async certify(authority, key, args) {
      // ssh-keygen names the certificate after the key.
      const copy = `${key.file}-${count++}`;
      await Deno.copyFile(key.file, copy);
      await Deno.copyFile(`${key.file}.pub`, `${copy}.pub`);
      const sign = ["-q", "-s", authority.file, "-I", "key id", ...args];
      await run("ssh-keygen", [...sign, `${copy}.pub`]);
      const file = `${copy}-cert.pub`;
      return { file, blob: blobOf(await Deno.readTextFile(file)) };
    },
    async krl(lines, ...args) {
      const file = join(dir, `krl-${count++}`);
      const specification = `${file}.spec`;
      await Deno.writeTextFile(specification, `${lines.join("\n")}\n`);
      await run("ssh-keygen", ["-q", "-k", "-f", file, ...args, specification]);
      return file;
    },
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

async function readKey(file: string): Promise<Key> {
  const line = (await Deno.readTextFile(`${file}.pub`)).trim();
  return { file, line, blob: blobOf(line) };
}

function blobOf(line: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(line.split(" ")[1] ?? "");
}
