/** What the parts of the contract have in common. */
import type {
  ForwardedOpen,
  SshChannel,
  SshConnection,
} from "../../../src/ssh/connection.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { type Program, serverTest } from "../../servers/availability.ts";
import type { SshServer } from "../../servers/ssh_server.ts";
import { within } from "../../within.ts";

/** What makes connections. */
export type Engine = (options: ConnectOptions) => Promise<SshConnection>;

/** A kind of server that an engine is tested with, and its peculiarities. */
export interface ServerKind {
  /** Its name, for the tests' names. */
  readonly name: string;
  /** The programs that it needs. */
  readonly needs: Program[];
  /** Starts one; one that takes a configuration takes sshd's. */
  start(config?: string[]): Promise<SshServer>;
  /** Whether it can be configured, and has the extensions of OpenSSH. */
  readonly openssh: boolean;
  /** Whether commands cannot be shown on it. */
  readonly runsNoCommands?: true;
  /** What else cannot be shown on it, and why. */
  readonly lacks?: Readonly<Record<string, string>>;
}

/** An engine and a kind of server. */
export interface Subject {
  readonly engine: Engine;
  readonly kind: ServerKind;
}

/** What a behaviour is shown on. */
export interface Setting {
  readonly server: SshServer;
  /** A connection of the behaviour's own, closed after it. */
  readonly connection: SshConnection;
  /** Makes another one. */
  connect(options?: Partial<ConnectOptions>): Promise<SshConnection>;
}

/** What the contract says, and a check of it. */
export type Behaviour = [string, (setting: Setting) => Promise<void>];

/** Registers one test with a server of its own, and a step for each behaviour. */
export function section(
  { engine, kind }: Subject,
  title: string,
  behaviours: Behaviour[],
  config?: string[],
): void {
  serverTest(kind.needs, `${title}, on ${kind.name}`, async (t) => {
    await using server = await kind.start(config);
    const connect = (options: Partial<ConnectOptions> = {}) =>
      engine({
        hostname: server.hostname,
        port: server.port,
        user: server.user,
        privateKeys: [{ file: server.keyFile }],
        hostKeys: { text: server.knownHosts },
        ...options,
      });
    for (const [name, check] of behaviours) {
      const why = kind.lacks?.[name];
      await t.step({
        name: why === undefined ? name : `${name} (not here: ${why})`,
        ignore: why !== undefined,
        async fn() {
          await using connection = await connect();
          const setting = { server, connection, connect };
          await within(60_000, name, check(setting));
        },
      });
    }
  });
}

/** An opening that waits for the test's answer. */
export interface HeldOpen {
  readonly open: ForwardedOpen;
  /** Lets the taker's promise settle. */
  release(): void;
}

/** Takes the connections that the server opens, for the test to answer one by one. */
export class Taker {
  readonly #arrived: HeldOpen[] = [];
  #waiting: ((held: HeldOpen) => void) | undefined;

  constructor(connection: SshConnection) {
    connection.takeForwardedOpens((open) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const held = { open, release: resolve };
      if (this.#waiting) this.#waiting(held);
      else this.#arrived.push(held);
      this.#waiting = undefined;
      return promise;
    });
  }

  /** The next opening. */
  async next(): Promise<HeldOpen> {
    return this.#arrived.shift() ??
      await new Promise((resolve) => this.#waiting = resolve);
  }

  /** Confirms the next opening. */
  async confirm(): Promise<SshChannel> {
    const { open, release } = await this.next();
    const channel = open.confirm();
    release();
    return channel;
  }
}

/** Both ends of a forwarded connection: the program's on the server, and ours. */
export interface Ends extends Disposable {
  readonly program: Deno.TcpConn;
  readonly channel: SshChannel;
}

/** Binds a port; each call of the returned function connects to it. */
export async function forwarding(
  connection: SshConnection,
): Promise<() => Promise<Ends>> {
  const taker = new Taker(connection);
  const { port } = await connection.requestForward({
    hostname: "127.0.0.1",
    port: 0,
  });
  return async () => {
    const program = await Deno.connect({ hostname: "127.0.0.1", port });
    const channel = await taker.confirm();
    return {
      program,
      channel,
      [Symbol.dispose]() {
        try {
          program.close();
        } catch (error) {
          // The test has closed it.
          if (!(error instanceof Deno.errors.BadResource)) throw error;
        }
      },
    };
  };
}

/** Both ends of the first connection to a port of its own. */
export async function forwarded(connection: SshConnection): Promise<Ends> {
  return await (await forwarding(connection))();
}

/** A port that the server cannot bind, be it that it binds one address of two. */
export function takePort(): { port: number } & Disposable {
  const ipv4 = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = ipv4.addr;
  let ipv6: Deno.TcpListener | undefined;
  try {
    // Dropbear makes "localhost" of every address.
    ipv6 = Deno.listen({ hostname: "::1", port });
  } catch {
    // This machine has no IPv6, or the port is in use.
  }
  return {
    port,
    [Symbol.dispose]() {
      ipv4.close();
      ipv6?.close();
    },
  };
}

/** Text as bytes. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
