import { closeQuietly } from "../sockets/close_quietly.ts";
import { Turns } from "../turns.ts";
import { orAborted } from "../abort.ts";
import { connectTcp } from "../sockets/connect_tcp.ts";
import type { Logger } from "../logger.ts";
import type { Bind, Originator, TcpBind } from "../ssh/connection.ts";
import { Ssh2Socket } from "./ssh2_socket.ts";
import { ConnectionLostError } from "../errors.ts";
import { type Account, authenticate } from "./accounts.ts";
import { type CommandStreams, serveCommand } from "./command.ts";
import { Console } from "./console.ts";
import { BoundSockets, describe } from "./bound_sockets.ts";
import type { Manners } from "./profile.ts";
import { serveSocket, setNoDelay } from "./serve_socket.ts";
import { type ChannelHolder, ServedChannel } from "./served_channel.ts";
import { type Programs, serveSession } from "./served_session.ts";
import {
  acceptClient,
  acceptUnanswered,
  type Connection,
  type ForwardRequest,
  onForwardRequest,
  openForwarded,
  type ParsedKey,
  type ServerChannel,
  type Session,
} from "./ssh2_server.ts";

/** What the server does for its clients. */
export interface Service extends Programs {
  readonly hostKey: ParsedKey;
  readonly account: Account;
  /** What it does as a tunnel service, which serves its sessions itself. */
  readonly manners: Manners | undefined;
  /** How long a connection lasts without a session, in milliseconds. */
  readonly sessionWithinMs: number | undefined;
  readonly allowForward: (bind: Bind) => boolean;
  readonly logger: Logger;
}

/** What is bound for a client. */
interface Forward {
  readonly listener: BoundSockets;
  /** As it was asked, with the port that was chosen. */
  readonly bind: Bind;
  /** As it is named to the client when a visitor connects. */
  readonly name: Bind;
}

/** Where a tunnel service listens for visitors, whatever the client asks for. */
const VISITORS = { hostname: "127.0.0.1", port: 0 };

/** One client's SSH connection and all that is open for it. */
export class ServedConnection implements ChannelHolder {
  readonly socket: Ssh2Socket;
  readonly signal: AbortSignal;
  /** Settles when everything of it is released. */
  readonly closed: Promise<void>;

  readonly #service: Service;
  readonly #gone = new AbortController();
  readonly #forwards = new Set<Forward>();
  readonly #console: Console;
  readonly #tasks = new Set<Promise<void>>();
  readonly #requests = new Turns();

  constructor(conn: Deno.TcpConn, service: Service) {
    setNoDelay(conn);
    this.#service = service;
    this.#console = new Console(service.manners?.welcome ?? "");
    this.signal = this.#gone.signal;
    this.socket = new Ssh2Socket(conn);
    // Before ssh2 hears of it: it answers what is pending then, and nothing later.
    this.socket.on("close", () => {
      this.#gone.abort(new ConnectionLostError("the client is gone"));
    });
    acceptClient(
      this.socket,
      service.hostKey,
      (client) => this.#serve(client),
      service.manners && "Go",
    );
    this.closed = this.#release();
  }

  /** What is bound for this client. */
  get forwards(): Bind[] {
    return Array.from(this.#forwards, (forward) => forward.bind);
  }

  /** Drops the connection without DISCONNECT; settles when everything is released. */
  drop(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  async #release(): Promise<void> {
    await this.socket.closed;
    await this.#requests.take(() => {});
    await Promise.all(Array.from(this.#forwards, (it) => this.#unbind(it)));
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #serve(client: Connection): void {
    const { account, logger, manners, sessionWithinMs } = this.#service;
    client.on("error", (error) => {
      logger.debug(`the test server lost a client: ${error.message}`, error);
      this.socket.end(); // after what ssh2 says about it
    });
    client.on("authentication", (request) => authenticate(request, account));
    onForwardRequest(client, (request) => {
      // One by one: a bind may follow the cancel that frees its port.
      void this.#requests.take(() => this.#answer(client, request));
    });
    if (manners?.direct !== "refused") {
      client.on("tcpip", (accept, reject, { destIP, destPort }) => {
        if (!manners) {
          return this.#run(this.#connect(destIP, destPort, accept, reject));
        }
        accept();
        this.socket.destroy();
      });
    }
    if (sessionWithinMs !== undefined) {
      client.on("ready", () => this.#expectSession(client, sessionWithinMs));
    }
    const { exec, shell } = this.#service;
    if (exec || shell || manners) {
      client.on("session", (accept) => this.#serveSession(client, accept()));
    }
  }

  #expectSession(client: Connection, ms: number): void {
    const timer = setTimeout(() => this.socket.destroy(), ms);
    client.on("session", () => clearTimeout(timer));
    this.signal.addEventListener("abort", () => clearTimeout(timer));
  }

  #serveSession(client: Connection, session: Session): void {
    const serve = (
      accepted: ServerChannel,
      program: (streams: CommandStreams) => Promise<number>,
    ) => {
      const channel = new ServedChannel(accepted, this);
      const { logger } = this.#service;
      this.#run(serveCommand(session, channel, program, logger));
    };
    const { manners } = this.#service;
    const programs = manners
      ? this.#console.programs(manners.exec !== "refused")
      : this.#service;
    serveSession(
      session,
      programs,
      serve,
      (accept) =>
        manners?.exec === "unanswered"
          ? acceptUnanswered(client, accept)
          : accept(),
    );
  }

  async #answer(client: Connection, request: ForwardRequest): Promise<void> {
    try {
      if (this.#service.manners?.waitsForSession) await this.#session();
      if (request.cancel) {
        await this.#cancel(request.bind);
        request.accept();
      } else {
        request.accept(this.#bind(client, request.bind));
      }
    } catch (error) {
      this.#service.logger.debug(
        `the test server refuses to ${request.cancel ? "cancel" : "bind"} ` +
          `${describe(request.bind)}: ${error}`,
        error,
      );
      request.reject();
    }
  }

  /** Waits until there is a session; rejects if the client goes before. */
  async #session(): Promise<void> {
    await orAborted(this.#console.opened, this.signal);
  }

  /** Returns the port; undefined for a Unix socket. */
  #bind(client: Connection, asked: Bind): number | undefined {
    this.signal.throwIfAborted();
    const { allowForward, manners, logger } = this.#service;
    if (!allowForward(asked)) throw new Error("not allowed");
    if (manners && "path" in asked) throw new Error("not offered");
    const listener = new BoundSockets(
      manners ? VISITORS : asked,
      (conn) => this.#run(this.#forward(client, forward.name, conn)),
      logger,
    );
    const { bind: bound } = listener;
    const forward = manners && "port" in asked && "port" in bound
      ? this.#announce(manners, asked, bound.port, listener)
      : { listener, bind: bound, name: bound };
    this.#forwards.add(forward);
    return "port" in forward.bind ? forward.bind.port : undefined;
  }

  /** Writes the visitors' address on the session. */
  #announce(
    manners: Manners,
    asked: TcpBind,
    port: number,
    listener: BoundSockets,
  ): Forward {
    const bind = { ...asked, port: asked.port || port };
    this.#console.say(manners.announce(bind, `${VISITORS.hostname}:${port}`));
    return { listener, bind, name: manners.name(bind) };
  }

  /** As sshd does: the very string that was asked, and the port that was bound. */
  async #cancel(bind: Bind): Promise<void> {
    const key = JSON.stringify(bind);
    for (const forward of this.#forwards) {
      if (JSON.stringify(forward.bind) === key) {
        return await this.#unbind(forward);
      }
    }
    throw new Error("it is not bound");
  }

  #unbind(forward: Forward): Promise<void> {
    this.#forwards.delete(forward);
    return forward.listener.close();
  }

  /** Carries a connection that came in on a bound port. */
  async #forward(
    client: Connection,
    bind: Bind,
    conn: Deno.Conn,
  ): Promise<void> {
    try {
      this.signal.throwIfAborted();
      const channel = await openForwarded(client, bind, originatorOf(conn));
      await serveSocket(new ServedChannel(channel, this), conn);
    } catch (error) {
      this.#service.logger.debug(
        `the client does not accept connections to ${describe(bind)}: ${error}`,
        error,
      );
    } finally {
      closeQuietly(conn);
    }
  }

  /** Carries a connection that the client opens from here (`direct-tcpip`). */
  async #connect(
    hostname: string,
    port: number,
    accept: () => ServerChannel,
    reject: () => void,
  ): Promise<void> {
    let conn: Deno.TcpConn;
    try {
      conn = await connectTcp({ hostname, port }, this.signal);
    } catch (error) {
      this.#service.logger.debug(
        `the test server cannot connect to ${hostname} port ${port}: ${error}`,
        error,
      );
      return reject();
    }
    await serveSocket(new ServedChannel(accept(), this), conn);
  }

  /** Keeps a task until it has ended. */
  #run(task: Promise<void>): void {
    const kept: Promise<void> = task
      .catch((error) => void this.#service.logger.error(`${error}`, error))
      .finally(() => void this.#tasks.delete(kept));
    this.#tasks.add(kept);
  }
}

function originatorOf({ remoteAddr }: Deno.Conn): Originator {
  if (remoteAddr.transport !== "tcp") return { address: "", port: 0 };
  // An IPv4 connection to a socket for both families.
  const address = remoteAddr.hostname.replace(/^::ffff:(?=\d+\.)/, "");
  return { address, port: remoteAddr.port };
}
