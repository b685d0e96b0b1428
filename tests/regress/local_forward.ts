import { relay } from "../../mod.ts";
import type { SshChannel, SshConnection } from "../../src/ssh/connection.ts";

/** A local forward (`-L`): what to listen on here, and what the server is to reach. */
export interface LocalForward {
  readonly listen: { readonly port: number } | { readonly path: string };
  readonly target:
    | { readonly host: string; readonly port: number }
    | { readonly path: string };
}

/** Reads `port:host:hostport`, `port:/path`, or `[/path]:…`, which is all that the scripts write. */
export function parseLocalForward(text: string): LocalForward {
  const [, path, port, target] = /^(?:\[?(\/[^\]:]+)\]?|(\d+)):(.+)$/
    .exec(text) ?? [];
  if (target === undefined) throw new Error(`-L ${text} is not understood`);
  const [, targetPath] = /^\[?(\/[^\]]+)\]?$/.exec(target) ?? [];
  return {
    listen: path === undefined ? { port: Number(port) } : { path },
    target: targetPath === undefined
      ? parseTarget(target)
      : { path: targetPath },
  };
}

/** Reads `host:port`. */
export function parseTarget(text: string): { host: string; port: number } {
  const [, host = "", port] = /^(.+):(\d+)$/.exec(text) ?? [];
  return { host, port: Number(port) };
}

/** Listens here, and has the server reach the target for each connection. */
export function listenFor(
  { listen, target }: LocalForward,
  connection: SshConnection,
): AsyncDisposable {
  const listener: Deno.Listener = "path" in listen
    ? Deno.listen({ transport: "unix", path: listen.path })
    : Deno.listen({ hostname: "127.0.0.1", port: listen.port });
  const open = (): Promise<SshChannel> =>
    "path" in target
      ? connection.openDirectUnix(target.path)
      : connection.openDirect(target.host, target.port);
  const accepting = (async () => {
    for await (const conn of listener) {
      open().then((channel) => relay(conn, channel)).catch(() => conn.close());
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}
