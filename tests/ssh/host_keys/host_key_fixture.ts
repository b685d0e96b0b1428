/** Host keys and known_hosts files for tests, without a server. */
import { join } from "node:path";
import { type Logger, silentLogger } from "../../../src/logger.ts";

/** A public key as it stands in a known_hosts line and as it goes over the wire. */
export interface TestKey {
  type: string;
  data: Uint8Array<ArrayBuffer>;
  /** `type base64` */
  text: string;
}

/** An Ed25519 public key without a private one; another for each `fill`. */
export function ed25519Key(fill: number): TestKey {
  return testKey("ssh-ed25519", new Uint8Array(32).fill(fill));
}

/** An RSA public key without a private one. */
export function rsaKey(): TestKey {
  const modulus = new Uint8Array(257).fill(0xff, 1);
  return testKey("ssh-rsa", new Uint8Array([1, 0, 1]), modulus);
}

/** A key of any type: the type, then strings (RFC 4251 section 5). */
export function testKey(
  type: string,
  ...strings: Uint8Array[]
): TestKey {
  const all = [new TextEncoder().encode(type), ...strings];
  const data = new Uint8Array(all.reduce((sum, s) => sum + 4 + s.length, 0));
  let offset = 0;
  for (const string of all) {
    new DataView(data.buffer).setUint32(offset, string.length);
    data.set(string, offset + 4);
    offset += 4 + string.length;
  }
  return { type, data, text: `${type} ${data.toBase64()}` };
}

/** A directory for one test. */
export interface TestDirectory extends AsyncDisposable {
  /** Its path. */
  readonly path: string;
  /** Writes a file of these lines, each ended. */
  file(name: string, ...lines: string[]): Promise<string>;
}

/** Makes a directory that goes with the test. */
export async function testDirectory(): Promise<TestDirectory> {
  const path = await Deno.makeTempDir({ prefix: "rforward-host-keys-" });
  return {
    path,
    async file(name, ...lines) {
      const file = join(path, name);
      await Deno.writeTextFile(file, lines.map((line) => `${line}\n`).join(""));
      return file;
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

/** A logger that keeps its messages, each after its level. */
export function keepingLogger(): Logger & { messages: string[] } {
  const messages: string[] = [];
  const keep = (level: string) => (message: string) =>
    messages.push(`${level}: ${message}`);
  return {
    ...silentLogger,
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
    messages,
  };
}
