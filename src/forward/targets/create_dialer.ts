import { ArgumentError } from "../../errors.ts";
import { connectTcpUntil } from "../../sockets/connect_tcp.ts";
import { connectUnix } from "../../sockets/connect_unix.ts";
import { formatAddress } from "../../text/format_address.ts";
import { shown } from "../../text/shown.ts";
import {
  checkHost,
  checkKeys,
  checkPort,
  checkText,
  isPlain,
} from "../../validate.ts";
import { checkFetchTarget, type FetchTarget } from "../http/fetch_target.ts";
import type { Dialer, DialerOptions } from "./dialer.ts";
import { FetchDialer } from "./fetch_dialer.ts";
import { HandlerDialer } from "./handler_dialer.ts";
import { checkSocksOptions } from "../socks/socks_target.ts";
import { SocketDialer } from "./socket_dialer.ts";
import { SocksDialer } from "./socks_dialer.ts";
import type { Target } from "./target.ts";
import { requireTargetPermission } from "./target_permission.ts";

/**
 * @throws {ArgumentError} if nothing can be dialled there.
 * @throws {RForwardError} `permission-denied` if Deno does not allow it.
 */
export function createDialer(
  target: Target,
  options: DialerOptions = {},
): Dialer {
  if (typeof target === "function") {
    refuseTimes("a function", options);
    return new HandlerDialer(target);
  }
  if (target === "socks") return new SocksDialer({}, options);
  if (typeof target !== "object" || target === null) {
    throw new ArgumentError(
      "target",
      "use { hostname, port }, { path }, { fetch }, { socks }, 'socks' or a function",
    );
  }
  refuseOptions(target);
  if ("socks" in target) {
    checkSocksOptions(target.socks);
    return new SocksDialer(target.socks, options);
  }
  if ("fetch" in target) {
    checkFetchTarget(target);
    refuseTimes("{ fetch }", options);
    return new FetchDialer(isPlain(target) ? target : fetchOf(target), options);
  }
  const { proxyProtocol } = target;
  if (![undefined, 1, 2].includes(proxyProtocol)) {
    throw new ArgumentError(
      "target.proxyProtocol",
      `cannot be ${shown(proxyProtocol)}; use 1 or 2`,
    );
  }
  if ("path" in target) {
    checkText("target.path", target.path, "path");
    requireTargetPermission(target);
    return new SocketDialer(
      target.path,
      options,
      (ending) => connectUnix(target.path, ending.signal),
      proxyProtocol,
    );
  }
  const { hostname = "127.0.0.1", port } = target;
  checkHost("target.hostname", hostname);
  checkPort("target.port", port);
  requireTargetPermission(target);
  return new SocketDialer(
    formatAddress(hostname, port),
    options,
    async (ending) => {
      const conn = await connectTcpUntil({ hostname, port }, ending);
      conn.setNoDelay(true);
      return conn;
    },
    proxyProtocol,
  );
}

/** The options of each kind of target, by the one that makes it that kind. */
const optionsOf: Record<string, readonly string[]> = {
  socks: ["socks"],
  fetch: [
    "fetch",
    "onError",
    "maxHeaderBytes",
    "headerTimeoutMs",
    "idleTimeoutMs",
  ],
  path: ["path", "proxyProtocol"],
  port: ["port", "hostname", "proxyProtocol"],
};

/** What addresses of Deno's have besides, such as `listener.addr`. */
const ofAddresses = ["transport"];

/** @throws {ArgumentError} if the target has an option of another kind of target, or one that there is not. */
function refuseOptions(target: object): void {
  const kind = Object.keys(optionsOf).find((it) => it in target) ?? "port";
  const wrong = Object.values(optionsOf).flat().find((name) =>
    !optionsOf[kind]!.includes(name) &&
    (target as Record<string, unknown>)[name] !== undefined
  );
  if (wrong !== undefined) {
    throw new ArgumentError(
      `target.${wrong}`,
      `has no effect on a target { ${kind} }`,
    );
  }
  checkKeys("target", target, optionsOf[kind]!, ofAddresses);
}

/** An app of a framework may have an `onError` of its own, which is not ours: Hono's sets a handler. */
function fetchOf(app: FetchTarget): FetchTarget {
  return { fetch: (request, info) => app.fetch(request, info) };
}

/** @throws {ArgumentError} if a time is given that does nothing for what answers in this process. */
function refuseTimes(target: string, options: DialerOptions): void {
  for (const name of ["targetTimeoutMs", "lingerMs"] as const) {
    if (options[name] === undefined) continue;
    throw new ArgumentError(name, `has no effect on a target ${target}`);
  }
}
