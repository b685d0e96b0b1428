import { checkConnection } from "./check_connection.ts";
import { RForwardError } from "../../errors.ts";
import { formatBind, isTcp } from "../../ssh/bind.ts";
import type {
  Bind,
  ForwardedOpen,
  ForwardedOpenTaker,
  SshConnection,
  TcpBind,
} from "../../ssh/connection.ts";
import { serverKind } from "../../ssh/server_kind.ts";
import { Registration } from "./registration.ts";

/**
 * Hands each connection that the server opens to the owner of the port that it
 * came in on, by port first and then by address. A connection that has no owner
 * goes to {@linkcode takeUnclaimed}, or is refused.
 *
 * A registration is made before the request goes out, so that a connection
 * that overtakes the server's answer is not lost. Servers that name the
 * address otherwise than it was asked (asyncssh lower-cases it) or echo port 0
 * (asyncssh, OpenSSH 5) are understood as far as that leaves no doubt. So are
 * tunnel services (sish, remotemoe) that give out a name, with a port that is
 * not the one that was asked for.
 */
export class PortDispatcher {
  static readonly #dispatchers = new WeakMap<SshConnection, PortDispatcher>();

  readonly #registrations = new Set<Registration>();
  #unclaimed: ForwardedOpenTaker | undefined;
  /** Whether the server is one that may name another port than it was asked for. */
  readonly #renames: boolean;
  /** Ports that were ours on this connection: a late connection there belongs to no other tunnel. */
  readonly #former = new Set<number>();

  private constructor(renames: boolean) {
    this.#renames = renames;
  }

  /** The dispatcher of a connection: there is one for each. */
  static of(connection: SshConnection): PortDispatcher {
    checkConnection(connection);
    let dispatcher = PortDispatcher.#dispatchers.get(connection);
    if (!dispatcher) {
      const created = dispatcher = new PortDispatcher(
        serverKind(connection.server) === "go",
      );
      connection.takeForwardedOpens(
        (open) => created.dispatch(open),
        (bind) => created.#holderOf(bind)?.cancel(),
      );
      PortDispatcher.#dispatchers.set(connection, dispatcher);
    }
    return dispatcher;
  }

  /** What is registered now. */
  get registrations(): ReadonlySet<Registration> {
    return this.#registrations;
  }

  /**
   * Registers an owner for a bind; to be called before the server is asked.
   *
   * @param asked What will be asked.
   * @param take Takes the connections that come in there.
   * @param onCancelled Called when the server has released it because of a
   * {@linkcode SshConnection.cancelForward}; it is no longer registered then.
   */
  register(
    asked: Bind,
    take: ForwardedOpenTaker,
    onCancelled?: () => void,
  ): Registration {
    const registration = new Registration(
      asked,
      take,
      (r) => this.#forget(r),
      onCancelled,
    );
    this.#registrations.add(registration);
    return registration;
  }

  /**
   * See the function `takeUnclaimed`.
   *
   * @throws {RForwardError} if these connections have a taker already.
   */
  takeUnclaimed(taker: ForwardedOpenTaker): Disposable {
    if (this.#unclaimed) {
      throw new RForwardError(
        "invalid-argument",
        "this connection's unclaimed connections have a taker already",
      );
    }
    this.#unclaimed = taker;
    return {
      [Symbol.dispose]: () => {
        if (this.#unclaimed === taker) this.#unclaimed = undefined;
      },
    };
  }

  /** The owner of what the server listens on. */
  owner(bound: Bind): Registration | undefined {
    return this.#find(bound);
  }

  /** Hands over a connection, or refuses it. */
  dispatch(open: ForwardedOpen): Promise<void> {
    return this.#find(open.bind)?.pass(open) ?? this.#dispatchUnknown(open);
  }

  async #dispatchUnknown(open: ForwardedOpen): Promise<void> {
    // A port that the server is just choosing is known only by its answer.
    for (const undecided of this.#undecided(open.bind)) {
      await undecided.answered;
      const owner = this.#find(open.bind);
      if (owner) return await owner.pass(open);
    }
    if (this.#unclaimed) return await this.#unclaimed(open);
    const renamed = this.#renamed(open.bind);
    if (renamed) return await renamed.pass(open);
    open.refuse(
      "administratively-prohibited",
      `nothing here forwards ${formatBind(open.bind)}`,
    );
  }

  /** The owner of exactly this bind, which the server holds. */
  #holderOf(bind: Bind): Registration | undefined {
    const isSame = ({ bound, held }: Registration) =>
      held &&
      (isTcp(bound) && isTcp(bind)
        ? bound.port === bind.port && sameName(bound, bind)
        : formatBind(bound) === formatBind(bind));
    return this.#registrations.values().find(isSame);
  }

  #find(bind: Bind): Registration | undefined {
    if (!isTcp(bind)) {
      return this.#holder(({ bound }) =>
        !isTcp(bound) && bound.path === bind.path
      );
    }
    const samePort = (bound: Bind): bound is TcpBind =>
      isTcp(bound) && bound.port !== 0 && bound.port === bind.port;
    return this.#holder(({ bound }) =>
      samePort(bound) && bound.hostname === bind.hostname
    ) ??
      this.#holder(({ bound }) => samePort(bound) && sameName(bound, bind)) ??
      this.#only(({ bound }) => samePort(bound)) ??
      (bind.port === 0
        ? this.#only(({ asked }) =>
          isTcp(asked) && asked.port === 0 && sameName(asked, bind)
        )
        : undefined);
  }

  /** The owner of a port that the server has another name for: the only one there is. */
  #renamed(bind: Bind): Registration | undefined {
    if (!this.#renames || !isTcp(bind) || this.#former.has(bind.port)) {
      return undefined;
    }
    return this.#only(({ held, bound }) => held && isTcp(bound));
  }

  #forget(registration: Registration): void {
    const { bound } = registration;
    if (isTcp(bound)) this.#former.add(bound.port);
    this.#registrations.delete(registration);
  }

  /** The registration that fits: if several do, the one that the server listens for, as it will deny the others. */
  #holder(
    fits: (registration: Registration) => boolean,
  ): Registration | undefined {
    return this.#only(fits) ?? this.#only((r) => r.held && fits(r));
  }

  /** The registration that fits, if exactly one does. */
  #only(
    fits: (registration: Registration) => boolean,
  ): Registration | undefined {
    let only: Registration | undefined;
    for (const registration of this.#registrations) {
      if (!fits(registration)) continue;
      if (only) return undefined;
      only = registration;
    }
    return only;
  }

  #undecided(bind: Bind): Registration[] {
    if (!isTcp(bind)) return [];
    return [...this.#registrations].filter(({ bound }) =>
      isTcp(bound) && bound.port === 0
    );
  }
}

function sameName(a: TcpBind, b: TcpBind): boolean {
  return a.hostname.toLowerCase() === b.hostname.toLowerCase();
}
