import { join } from "node:path";
import { whyUnavailable } from "../../servers/availability.ts";
import { type Sshd, startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";

/** What all rows of the differential share: keys, targets, and servers. */
export interface World extends AsyncDisposable {
  /** Its directory. */
  readonly dir: string;
  /**
   * What its placeholders stand for. `{key}`, `{wrongKey}`, `{lockedKey}`: files
   * of a key that opens the door, one that does not, and the first with a
   * passphrase; `{rsaKey}`, `{dsaKey}`: keys of these kinds that open it, the
   * first as PEM; `{wrongPublicKey}`: what the second's public half says. `{tcp}`,
   * `{tcp2}`, `{unix}`: the ports and the path of targets, which answer by
   * these names.
   */
  readonly values: Readonly<Record<string, string>>;
  /** A server with these lines of sshd_config; the same one for the same lines. */
  sshd(config: readonly string[], asUser: boolean): Promise<Sshd>;
}

/** Makes it. */
export async function createWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-differential-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));

  const key = join(dir, "key");
  const wrongKey = join(dir, "wrong_key");
  const lockedKey = join(dir, "locked_key");
  for (const file of [key, wrongKey]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  }
  await Deno.copyFile(key, lockedKey);
  await run("ssh-keygen", ["-q", "-p", "-N", "passphrase", "-f", lockedKey]);
  const [rsaKey, dsaKey] = [join(dir, "rsa_key"), join(dir, "dsa_key")];
  for (const [type, file] of [["rsa", rsaKey], ["dsa", dsaKey]] as const) {
    const format = type === "rsa" ? "PEM" : "RFC4716";
    await run("ssh-keygen", [
      ...["-q", "-t", type, "-m", format, "-N", "", "-f", file],
    ]);
  }

  const hostname = "127.0.0.1";
  const tcp = Deno.listen({ hostname, port: 0 });
  const tcp2 = Deno.listen({ hostname, port: 0 });
  stack.use(serve("tcp", tcp));
  stack.use(serve("tcp2", tcp2));
  const unix = join(dir, "target");
  stack.use(serve("unix", Deno.listen({ transport: "unix", path: unix })));

  const values = {
    key,
    wrongKey,
    wrongPublicKey: (await Deno.readTextFile(`${wrongKey}.pub`)).trim(),
    lockedKey,
    rsaKey,
    dsaKey,
    tcp: `${tcp.addr.port}`,
    tcp2: `${tcp2.addr.port}`,
    unix,
  };
  const authorizedKeys = await Promise.all(
    [key, rsaKey, dsaKey].map((file) => Deno.readTextFile(`${file}.pub`)),
  );
  const servers = new Map<string, Promise<Sshd>>();
  stack.defer(async () => {
    for (const server of servers.values()) {
      await (await server)[Symbol.asyncDispose]();
    }
  });
  const resources = stack.move();
  return {
    dir,
    values,
    sshd(config, asUser) {
      const which = JSON.stringify([config, asUser]);
      const server = servers.get(which) ?? startSshd({
        config: [...config],
        authorizedKeys,
        passwordUser: asUser && whyUnavailable("useradd") === undefined,
      });
      servers.set(which, server);
      return server;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Answers each connection after its EOF, with its own name and what it received. */
export function serve(
  name: string,
  listener: Deno.Listener<Deno.TcpConn | Deno.UnixConn>,
): AsyncDisposable {
  const answer = async (conn: Deno.Conn) => {
    using _ = conn;
    const heard = await readAll(conn);
    // A client that leaves without reading it does not need it.
    await conn.write(new TextEncoder().encode(`${name}: ${heard}`))
      .catch(() => {});
  };
  const serving = (async () => {
    const answers: Promise<void>[] = [];
    for await (const conn of listener) answers.push(answer(conn));
    await Promise.all(answers);
  })();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

/** All that comes until the other side ends or breaks off. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1024);
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, n), { stream: true });
    }
  } catch {
    // A reset is an end, too.
  }
  return text;
}
