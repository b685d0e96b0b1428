/** A scripted implementation of the upper seam, for behaviour that no real server here can be made to show. */
import type {
  Bind,
  CloseReason,
  ForwardedOpen,
  ForwardedOpenTaker,
  RefusalReason,
  ServerInfo,
  SshChannel,
  SshConnection,
  SshProcess,
} from "../../mod.ts";
import { RForwardError } from "../../mod.ts";
import { negotiated } from "../negotiated.ts";

/** An SshConnection whose server is the test. */
export class FakeConnection implements SshConnection {
  readonly server: ServerInfo;
  readonly openChannels = 0;
  readonly requested: Bind[] = [];
  readonly cancelled: Bind[] = [];
  /** How the next requests for a forward are answered. */
  answer: (bind: Bind) => Promise<Bind> = (bind) => Promise.resolve(bind);
  #taker: ForwardedOpenTaker | undefined;
  #onCancelled: (bind: Bind) => void = () => {};
  readonly #ended = new AbortController();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly closed = this.#closed.promise;

  /** @param software How the server calls itself. */
  constructor(software = "fake") {
    this.server = {
      hostname: "fake",
      port: 22,
      user: "test",
      software,
      hostKeyFingerprint: "SHA256:fake",
      cipher: { toServer: "none", toClient: "none" },
      negotiated,
    };
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  async requestForward<B extends Bind>(bind: B): Promise<B> {
    this.requested.push(bind);
    return await this.answer(bind) as B;
  }

  cancelForward(bind: Bind): Promise<boolean> {
    this.cancelled.push(bind);
    this.#onCancelled(bind);
    return Promise.resolve(true);
  }

  takeForwardedOpens(
    taker: ForwardedOpenTaker,
    onCancelled: (bind: Bind) => void = () => {},
  ): void {
    this.#taker = taker;
    this.#onCancelled = onCancelled;
  }

  /** The server opens a connection; settles when it was answered. */
  async open(bind: Bind): Promise<FakeOpen> {
    const open = new FakeOpen(bind);
    await this.offer(open);
    return open;
  }

  /** The server opens this one; settles when it was answered. */
  async offer(open: FakeOpen): Promise<void> {
    await this.#taker?.(open);
  }

  openDirect(_host: string, _port: number): Promise<SshChannel> {
    return Promise.reject(new Error("not played"));
  }

  openDirectUnix(): Promise<SshChannel> {
    return Promise.reject(new Error("not played"));
  }

  ping(): Promise<number> {
    return Promise.reject(new Error("not played"));
  }

  exec(): Promise<SshProcess> {
    return Promise.reject(new Error("not played"));
  }

  shell(): Promise<SshProcess> {
    return Promise.reject(new Error("not played"));
  }

  close(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  /** Ends it: by us, or lost. */
  end(lost?: RForwardError): void {
    this.#ended.abort(
      lost ?? new RForwardError("connection-closed", "closed"),
    );
    this.#closed.resolve(
      lost ? { reason: "lost", error: lost } : { reason: "closed" },
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A connection that the server opens, and its outcome. */
export class FakeOpen implements ForwardedOpen {
  readonly originator = { address: "192.0.2.1", port: 1234 };
  readonly signal = new AbortController().signal;
  /** Who confirmed it, or why it was refused. */
  outcome: "confirmed" | RefusalReason | undefined;

  constructor(readonly bind: Bind) {}

  get answered(): boolean {
    return this.outcome !== undefined;
  }

  confirm(): SshChannel {
    this.outcome = "confirmed";
    const { readable, writable } = new TransformStream<
      Uint8Array<ArrayBuffer>
    >();
    const closed = Promise.withResolvers<CloseReason>();
    return {
      readable,
      writable: writable as WritableStream<Uint8Array>,
      bytesReceived: 0,
      bytesSent: 0,
      closed: closed.promise,
      close: () => closed.resolve({ reason: "closed" }),
    };
  }

  refuse(reason: RefusalReason): void {
    this.outcome ??= reason;
  }
}
