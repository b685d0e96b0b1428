import { callBack } from "../../call_back.ts";
import { type ForwardDeniedError, TargetError } from "../../errors.ts";
import { type Logger, silentLogger } from "../../logger.ts";
import { formatBind } from "../../ssh/bind.ts";
import type { Bind, Originator } from "../../ssh/connection.ts";
import { formatAddress } from "../../text/format_address.ts";
import { printable } from "../../text/printable.ts";
import type { AdmissionRefusal } from "../admission/admission_rules.ts";
import type { TunnelConnection } from "./tunnel_connection.ts";
import type { TunnelOptions } from "./tunnel_options.ts";

/** Logs what happens to a tunnel, and calls the user's callbacks. An error in one is logged; the tunnel continues. */
export class TunnelCallbacks {
  readonly #options: TunnelOptions;
  readonly #logger: Logger;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
  }

  onConnection(connection: TunnelConnection, bound: Bind): void {
    if (this.#logger !== silentLogger) this.#log(connection, bound);
    this.#call(() => this.#options.onConnection?.(connection));
  }

  onRefused(refusal: AdmissionRefusal, bound: Bind): void {
    this.#logger.debug(
      `${formatBind(bound)}: connection from ${
        source(refusal.originator)
      } refused (${refusal.rule})`,
    );
    this.#call(() => this.#options.onRefused?.(refusal));
  }

  /** @throws any other error. */
  onTargetError(error: unknown, originator: Originator): void {
    if (!(error instanceof TargetError)) throw error;
    this.#logger[this.#options.onTargetError ? "debug" : "warn"](error.message);
    this.#call(() => this.#options.onTargetError?.(error, originator));
  }

  onRequestDenied(error: ForwardDeniedError): void {
    this.#logger[this.#options.onRequestDenied ? "debug" : "warn"](
      error.message,
    );
    this.#call(() => this.#options.onRequestDenied?.(error));
  }

  onCancelled(): void {
    this.#call(() => this.#options.onCancelled?.());
  }

  #log(connection: TunnelConnection, bound: Bind): void {
    const way = `${formatBind(bound)} → ${connection.target}`;
    this.#logger.debug(
      `${way}: connection from ${source(connection.originator)}`,
    );
    connection.closed.then(({ error }) => {
      this.#logger.debug(
        `${way}: connection ended, ${connection.bytesToTarget} bytes to the target, ${connection.bytesToServer} to the server${
          error ? `; ${error.message}` : ""
        }`,
      );
    });
  }

  #call(callback: () => unknown): void {
    callBack("a callback of the tunnel", this.#logger, callback);
  }
}

function source({ address, port }: Originator): string {
  return printable(formatAddress(address, port));
}
