import { join } from "node:path";
import { freePort } from "../../servers/free_port.ts";
import { type Proxy, startProxy } from "../../servers/proxy.ts";
import type { Row } from "./row.ts";
import type { World } from "./world.ts";

/**
 * What one run of one row has for itself, so that runs do not meet. Its
 * placeholders, beside those of {@linkcode World}:
 *
 * - `{dir}`: its directory.
 * - `{port}`, `{port2}`, `{closed}`: ports without a listener.
 * - `{loop}`: a loopback address of its own.
 * - `{sshd}`, `{user}`: the port of the SSH server, and who can log in there.
 * - `{hostKey}`, `{hostPublicKey}`: the file of its public key, and what that says.
 */
export class Site implements AsyncDisposable {
  /** Its directory. */
  readonly dir: string;
  /** What the placeholders stand for. */
  readonly values: Record<string, string>;
  /** What stands between the client and the server, where the row has put it there. */
  proxy: Proxy | undefined;
  /** The environment of the client. */
  readonly env: Record<string, string>;
  readonly #resources = new AsyncDisposableStack();

  /** Creates the site. */
  static async create(world: World, row: Row): Promise<Site> {
    const sshd = await world.sshd(row.sshd ?? [], row.asUser ?? false);
    const dir = await Deno.makeTempDir({ dir: world.dir });
    const hostKey = await Deno.readTextFile(join(sshd.dir, "host_key.pub"));
    const values: Record<string, string> = {
      ...world.values,
      dir,
      port: `${freePort()}`,
      port2: `${freePort()}`,
      closed: `${freePort()}`,
      loop: `127.${random(1, 255)}.${random(0, 255)}.${random(1, 255)}`,
      sshd: `${sshd.port}`,
      user: sshd.user,
      hostKey: join(sshd.dir, "host_key.pub"),
      hostPublicKey: hostKey.trim(),
    };
    // sshd makes sockets as its user.
    await Deno.chmod(world.dir, 0o755);
    await Deno.chmod(dir, 0o777);
    return new Site(dir, values);
  }

  private constructor(dir: string, values: Record<string, string>) {
    this.dir = dir;
    this.values = values;
    const { SSH_AUTH_SOCK: _, NOTIFY_SOCKET: __, ...env } = Deno.env.toObject();
    this.env = { ...env, NO_COLOR: "1" };
  }

  /** A text with its placeholders filled in. */
  fill(text: string): string {
    return text.replace(/(?<!\$)\{(\w+)\}/g, (_, name: string) => {
      const value = this.values[name];
      if (value === undefined) throw new Error(`what is {${name}}?`);
      return value;
    });
  }

  /** The listening addresses, with placeholders for values that differ each time. */
  generalize(name: string, allocated: readonly number[]): string {
    const { dir, loop, port, port2 } = this.values;
    return name.replace(`${dir}/`, "{dir}/").replace(`${loop}:`, "{loop}:")
      .replace(/:(\d+)$/, (_, digits: string) => {
        if (allocated.includes(Number(digits))) return ":chosen";
        if (digits === port) return ":{port}";
        return digits === port2 ? ":{port2}" : `:${digits}`;
      });
  }

  /** Writes a file of its directory. */
  async write(name: string, text: string): Promise<void> {
    const options = { mode: 0o600 };
    await Deno.writeTextFile(join(this.dir, name), this.fill(text), options);
  }

  /** Disposes of something together with the site. */
  use<T extends Disposable | AsyncDisposable>(resource: T): T {
    return this.#resources.use(resource);
  }

  /** Puts a network in between that can fail. */
  throughProxy(): void {
    const port = Number(this.values.sshd);
    this.proxy = this.use(startProxy({ hostname: "127.0.0.1", port }));
    this.values.sshd = `${this.proxy.port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

function random(lowest: number, highest: number): number {
  return lowest + Math.floor(Math.random() * (highest - lowest + 1));
}
