import { connectTcp } from "../connect_tcp.ts";
import type { Logger } from "../logger.ts";
import type { Bind, Originator } from "../ssh/connection.ts";
import { Ssh2Socket } from "../ssh/ssh2_socket.ts";
import { ConnectionLostError } from "../errors.ts";
import { type Account, authenticate } from "./accounts.ts";
import { type CommandHandler, serveCommand } from "./command.ts";
import { describe, ForwardListener } from "./forward_listener.ts";
import { closeConn, relay, setNoDelay } from "./relay.ts";
import { type ChannelCarrier, ServedChannel } from "./served_channel.ts";
import {
  acceptClient,
  type Connection,
  type ForwardRequest,
  onForwardRequest,
  openForwarded,
  type ParsedKey,
  type ServerChannel,
  type Session,
} from "./ssh2_server.ts";

/** What the server does for its clients. */
export interface Service {
  readonly hostKey: ParsedKey;
  readonly account: Account;
  /** Runs commands; without one, sessions are refused. */
  readonly exec: CommandHandler | undefined;
  readonly allowForward: (bind: Bind) => boolean;
  readonly logger: Logger;
}

/** One client's SSH connection and all that is open for it. */
export class ServedConnection implements ChannelCarrier {
  readonly socket: Ssh2Socket;
  readonly signal: AbortSignal;
  /** Settles when everything of it is released. */
  readonly closed: Promise<void>;

  readonly #service: Service;
  readonly #gone = new AbortController();
  readonly #forwards = new Set<ForwardListener>();
  readonly #tasks = new Set<Promise<void>>();
  #lastRequest: Promise<void> = Promise.resolve();

  constructor(conn: Deno.TcpConn, service: Service) {
    setNoDelay(conn);
    this.#service = service;
    this.signal = this.#gone.signal;
    this.socket = new Ssh2Socket(conn);
    // Before ssh2 hears of it: it answers what is pending then, and nothing later.
    this.socket.on("close", () => {
      this.#gone.abort(new ConnectionLostError("the client is gone"));
    });
    acceptClient(this.socket, service.hostKey, (client) => this.#serve(client));
    this.closed = this.#release();
  }

  /** What is bound for this client. */
  get forwards(): Bind[] {
    return Array.from(this.#forwards, (forward) => forward.bind);
  }

  /** Drops the connection without a word; settles when all is released. */
  drop(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  async #release(): Promise<void> {
    await this.socket.closed;
    await this.#lastRequest;
    await Promise.all(Array.from(this.#forwards, (it) => this.#unbind(it)));
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #serve(client: Connection): void {
    const { account, exec, logger } = this.#service;
    client.on("error", (error) => {
      logger.debug(`the test server lost a client: ${error.message}`, error);
      this.socket.destroy();
    });
    client.on("authentication", (request) => authenticate(request, account));
    onForwardRequest(client, (request) => {
      // One by one: a bind may follow the cancel that frees its port.
      this.#lastRequest = this.#lastRequest.then(() =>
        this.#answer(client, request)
      );
    });
    client.on("tcpip", (accept, reject, { destIP, destPort }) => {
      this.#run(this.#connect(destIP, destPort, accept, reject));
    });
    if (exec) {
      client.on("session", (accept) => this.#serveSession(accept(), exec));
    }
  }

  #serveSession(session: Session, exec: CommandHandler): void {
    session.on("exec", (accept, _reject, { command }) => {
      // Undefined for a second command on one channel, which RFC 4254 section 6.5 forbids.
      const accepted: ServerChannel | undefined = accept();
      if (!accepted) return;
      this.#run(serveCommand(
        session,
        new ServedChannel(accepted, this),
        (streams) => exec(command, streams),
        this.#service.logger,
      ));
    });
  }

  async #answer(client: Connection, request: ForwardRequest): Promise<void> {
    try {
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

  /** Returns the port; undefined for a Unix socket. */
  #bind(client: Connection, bind: Bind): number | undefined {
    this.signal.throwIfAborted();
    if (!this.#service.allowForward(bind)) throw new Error("not allowed");
    const forward = new ForwardListener(
      bind,
      (conn) => this.#run(this.#forward(client, forward.bind, conn)),
      this.#service.logger,
    );
    this.#forwards.add(forward);
    return "port" in forward.bind ? forward.bind.port : undefined;
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

  #unbind(forward: ForwardListener): Promise<void> {
    this.#forwards.delete(forward);
    return forward.close();
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
      await relay(new ServedChannel(channel, this), conn);
    } catch (error) {
      this.#service.logger.debug(
        `the client takes no connection to ${describe(bind)}: ${error}`,
        error,
      );
    } finally {
      closeConn(conn);
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
    await relay(new ServedChannel(accept(), this), conn);
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
