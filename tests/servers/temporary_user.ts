import { run } from "./run.ts";

/** A system user with a home directory and a password of its own, removed when disposed. */
export interface TemporaryUser extends AsyncDisposable {
  /** Its name. */
  readonly name: string;
  /** Its user id. */
  readonly uid: number;
  /** Its password. */
  readonly password: string;
  /** Its home directory, which it owns. */
  readonly home: string;
  /** Writes a file that it owns; directories of the path have to exist. */
  write(path: string, text: string): Promise<void>;
  /** Makes a directory that this user owns and no other user can read. */
  mkdir(path: string): Promise<void>;
}

/** Adds a user to this machine; root only. */
export async function createTemporaryUser(): Promise<TemporaryUser> {
  const name = `rforward-${crypto.randomUUID().slice(0, 8)}`;
  const password = crypto.randomUUID();
  await using stack = new AsyncDisposableStack();
  const home = await Deno.makeTempDir({ prefix: "rforward-home-" });
  stack.defer(() => Deno.remove(home, { recursive: true }));
  await run("useradd", [
    ...["--no-create-home", "--home-dir", home, "--shell", "/bin/sh", name],
  ]);
  // By force: a session that was just killed may still be listed.
  stack.defer(async () => void await run("userdel", ["--force", name]));
  await run("chpasswd", [], `${name}:${password}\n`);
  const uid = Number(await run("id", ["-u", name]));
  const gid = Number(await run("id", ["-g", name]));
  await Deno.chown(home, uid, gid);
  const resources = stack.move();
  return {
    name,
    uid,
    password,
    home,
    async write(path, text) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      await Deno.chown(path, uid, gid);
    },
    async mkdir(path) {
      await Deno.mkdir(path, { mode: 0o700 });
      await Deno.chown(path, uid, gid);
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
