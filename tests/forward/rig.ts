/** A tunnel's two ends for tests: an SSH connection to a real server, targets here, programs there. */
import { setTimeout as delay } from "node:timers/promises";
import { connect, type ConnectOptions, type SshConnection } from "../../mod.ts";
import { closeQuietly } from "../../src/sockets/close_quietly.ts";
import { startDropbear } from "../servers/dropbear.ts";
import { type SshdOptions, startSshd } from "../servers/openssh.ts";
import type { SshServer } from "../servers/ssh_server.ts";
import { loginOptions } from "../servers/login_options.ts";

/** The real servers that the tests of this floor run against. */
export const servers = ["sshd", "dropbear"] as const;

/** A server and a connection to it; disposing ends both. */
export interface Rig extends AsyncDisposable {
  readonly server: SshServer;
  readonly connection: SshConnection;
}

/** Starts a real server and connects to it. */
export async function startRig(
  kind: typeof servers[number],
  options: Partial<ConnectOptions> & { sshd?: SshdOptions } = {},
): Promise<Rig> {
  await using stack = new AsyncDisposableStack();
  const { sshd, ...more } = options;
  const server = stack.use(
    kind === "sshd" ? await startSshd(sshd) : await startDropbear(),
  );
  const connection = stack.use(await connectTo(server, more));
  const kept = stack.move();
  return {
    server,
    connection,
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

/** Connects to a fixture's server. */
export function connectTo(
  server: SshServer,
  options: Partial<ConnectOptions> = {},
): Promise<SshConnection> {
  return connect(loginOptions(server, options));
}

/** A service on this side. */
export interface Service extends AsyncDisposable {
  readonly port: number;
  /** Connections that it has taken so far. */
  readonly taken: number;
}

/** Serves each connection with `serve`; disposing ends them all. */
export function startService(
  serve: (conn: Deno.Conn) => Promise<void>,
  listener: Deno.Listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }),
): Service {
  const live = new Set<Deno.Conn>();
  const work: Promise<void>[] = [];
  let taken = 0;
  const accepting = (async () => {
    for await (const conn of listener) {
      taken++;
      live.add(conn);
      work.push(
        serve(conn).catch(ignoreEnd).finally(() => {
          live.delete(conn);
          closeQuietly(conn);
        }),
      );
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    get taken() {
      return taken;
    },
    async [Symbol.asyncDispose]() {
      closeQuietly(listener); // it may be closed already
      await accepting;
      for (const conn of live) closeQuietly(conn);
      await Promise.all(work);
    },
  };
}

/** Connects to a bound port, as a program on the server does. */
export function visit(
  port: number,
  hostname = "127.0.0.1",
): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname, port });
}

/** Writes all of it. */
export async function send(
  conn: Deno.Conn,
  data: string | Uint8Array,
): Promise<void> {
  let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}

/** Reads to the end. */
export async function receive(
  conn: Deno.Conn,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  while (true) {
    const chunk = new Uint8Array(64 * 1024);
    const n = await conn.read(chunk);
    if (n === null) return await new Blob(chunks).bytes();
    chunks.push(chunk.subarray(0, n));
  }
}

/** Reads to the end, as text. */
export async function receiveText(conn: Deno.Conn): Promise<string> {
  return new TextDecoder().decode(await receive(conn));
}

/** Says `data`, ends, and returns the answer. */
export async function ask(
  port: number,
  data: string | Uint8Array,
): Promise<string> {
  using conn = await visit(port);
  await send(conn, data);
  await conn.closeWrite();
  return await receiveText(conn);
}

/**
 * Whether connections to a port are refused. It is tried a few times: programs
 * that another test starts keep a closed socket open until they are executed.
 */
export async function isRefused(
  port: number,
  hostname = "127.0.0.1",
): Promise<boolean> {
  for (let attempt = 1; attempt <= 5; attempt++) {
    if (attempt > 1) await delay(20);
    try {
      (await visit(port, hostname)).close();
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) return true;
      // It was about to be taken when the listener went away.
      const gone = [Deno.errors.ConnectionReset, Deno.errors.NotConnected];
      if (!gone.some((type) => error instanceof type)) throw error;
    }
  }
  return false;
}

/** A service that answers with its name and what it received, after EOF. */
export function startEcho(name: string, listener?: Deno.Listener): Service {
  return startService(async (conn) => {
    const heard = await receiveText(conn);
    await send(conn, `${name}: ${heard}`);
    await conn.closeWrite();
  }, listener);
}

/** A test's own end of things is no failure of the service. */
function ignoreEnd(error: unknown): void {
  const ends = [
    Deno.errors.BadResource,
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
    Deno.errors.Interrupted,
  ];
  if (!ends.some((end) => error instanceof end)) throw error;
}
