import { dirname, join } from "node:path";
import type { LocalMachine } from "../../../src/cli/ssh_config/local_machine.ts";
import {
  resolveSshConfig,
  type SshConfigRequest,
} from "../../../src/cli/ssh_config/resolve_ssh_config.ts";
import type { SshSettings } from "../../../src/cli/ssh_config/ssh_settings.ts";

/** A home directory that is gone after the test, of a user `local` at `here.example`. */
export interface TestHome extends AsyncDisposable {
  /** Its path. */
  readonly path: string;
  /** The machine that it is on; its environment can be set. */
  readonly machine: LocalMachine;
  /** What the environment holds. */
  readonly environment: Record<string, string>;
  /** Writes a file there that only its owner can write, and returns its path. */
  write(name: string, text: string | Uint8Array): Promise<string>;
  /** Resolves with `text` as the only file, for `host`. */
  resolve(
    text: string | Uint8Array,
    host: string,
    request?: Partial<SshConfigRequest>,
  ): Promise<SshSettings>;
}

/** Makes a home directory. */
export async function testHome(): Promise<TestHome> {
  // As the system's names it: paths are compared.
  const path = await Deno.realPath(await Deno.makeTempDir());
  const environment: Record<string, string> = {};
  const machine: LocalMachine = {
    home: path,
    userName: "local",
    uid: Deno.uid() ?? undefined,
    hostName: "here.example",
    env: (name) => environment[name],
  };
  async function write(
    name: string,
    text: string | Uint8Array,
  ): Promise<string> {
    const file = join(path, name);
    await Deno.mkdir(dirname(file), { recursive: true });
    const data = typeof text === "string"
      ? new TextEncoder().encode(text)
      : text;
    await Deno.writeFile(file, data, { mode: 0o600 });
    return file;
  }
  return {
    path,
    machine,
    environment,
    write,
    async resolve(text, host, request = {}) {
      const configFile = await write("config", text);
      return await resolveSshConfig({ host, configFile, machine, ...request });
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
