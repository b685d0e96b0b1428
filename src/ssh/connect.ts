import { withoutBrackets } from "../text/format_address.ts";
import { silentLogger } from "../logger.ts";
import type { SshConnection } from "./connection.ts";
import { Deadline } from "../abort.ts";
import { agentSocket } from "./login/agent.ts";
import type { Credentials } from "./login/credentials.ts";
import { checkOptions } from "./check_options.ts";
import { reachServer } from "./dial/reach_server.ts";
import { Handshake } from "./handshake.ts";
import {
  type HostKeyCheck,
  preferKnownKeys,
  prepareHostKeys,
} from "./host_keys/host_keys.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { loadPrivateKey } from "./login/user_keys/private_keys.ts";
import { loadPublicKey } from "./login/user_keys/public_keys.ts";
import { plainKey } from "./keys/public/plain_key.ts";
import { loadUserCertificates } from "./login/user_keys/user_certificates.ts";
import type { AlgorithmLists } from "./message_transport.ts";
import { nativeEngine } from "./native/native_engine.ts";
import type { ClientConnection } from "./channels/client_connection.ts";

/**
 * Connects to an SSH server and logs in.
 *
 * The host key is verified before any secret is sent. Needs
 * `--allow-net=HOST:PORT` unless `dial` reaches the server, `--allow-read` for
 * the key and known_hosts files that it reads, and `--allow-env=HOME` to find
 * those of known_hosts unless `hostKeys` names them. An agent's socket needs
 * `--allow-net=unix:PATH`, `--allow-read` and `--allow-write`, and `agent: true`
 * `--allow-env=SSH_AUTH_SOCK`.
 *
 * @param options The server, the user, and how to connect.
 * @returns the connection; close it, or hold it with `await using`.
 * @throws {ArgumentError} if an option cannot be used.
 * @throws {ConnectError} if the server cannot be reached or does not speak SSH.
 * @throws {HostKeyError} if its host key is unknown, changed or revoked.
 * @throws {AuthenticationError} if it refuses the login, or a key cannot be used.
 * @throws the signal's reason, if it aborts first.
 *
 * @example
 * ```ts
 * import { connect } from "@x2go/rforward";
 * import { startTestServer } from "@x2go/rforward/testing";
 *
 * await using server = await startTestServer();
 * await using connection = await connect({
 *   hostname: server.hostname,
 *   port: server.port,
 *   user: server.user,
 *   password: server.password,
 *   hostKeys: { text: server.knownHosts },
 * });
 * ```
 *
 * @example Through a program, as `ssh` does with `ProxyCommand`
 * ```ts ignore
 * import { connect } from "@x2go/rforward";
 *
 * await using connection = await connect({
 *   hostname: "inner.example",
 *   user: "alice",
 *   dial({ hostname, port }) {
 *     const child = new Deno.Command("nc", {
 *       args: ["-X", "connect", "-x", "proxy.example:3128", hostname, `${port}`],
 *       stdin: "piped",
 *       stdout: "piped",
 *     }).spawn();
 *     const { stdout: readable, stdin: writable } = child;
 *     const close = async () => void await child.status;
 *     return Promise.resolve({ readable, writable, close });
 *   },
 * });
 * ```
 */
export function connect(options: ConnectOptions): Promise<SshConnection> {
  return establish(options);
}

/** {@linkcode connect}, for callers that end the connection with the error of another one. */
export async function establish(
  given: ConnectOptions,
): Promise<ClientConnection> {
  checkOptions(given);
  const options = { ...given, hostname: withoutBrackets(given.hostname) };
  const { signal, connectTimeoutMs = 20_000 } = options;
  signal?.throwIfAborted();
  const where = { hostname: options.hostname, port: options.port ?? 22 };
  using deadline = new Deadline(connectTimeoutMs, signal);
  const { hostKeys, credentials } = await deadline.race(
    prepare(options, where, deadline.signal),
  );
  const stream = await reachServer(
    options,
    where,
    connectTimeoutMs,
    deadline.signal,
  );
  return await new Handshake({
    options,
    where: {
      ...where,
      ...("remoteAddr" in stream && { address: stream.remoteAddr.hostname }),
    },
    stream,
    hostKeys,
    credentials,
    deadline,
    algorithms: offer(options, hostKeys.keyTypes),
  }).run();
}

/** What is read before the server is dialled. */
async function prepare(
  options: ConnectOptions,
  { hostname, port }: { hostname: string; port: number },
  signal: AbortSignal,
): Promise<{ hostKeys: HostKeyCheck; credentials: Credentials }> {
  const { logger = silentLogger } = options;
  const agent = options.agent === true ? agentSocket() : options.agent;
  const hostKeys = await prepareHostKeys(
    options.hostKeys,
    hostname,
    port,
    logger,
    signal,
    options.dial === undefined,
    { minRsaBits: options.minRsaBits },
  );
  const missingFiles: string[] = [];
  const privateKeys = await loadAll(
    options.privateKeys ?? [],
    async (source) => {
      const key = await loadPrivateKey(source, logger, agent !== undefined);
      if (!key && "file" in source) missingFiles.push(source.file);
      return key;
    },
  );
  const agentKeys = agent === undefined || options.agentKeys === undefined
    ? undefined
    : await loadAll(
      options.agentKeys,
      (source) => loadPublicKey(source, logger),
    );
  const certificates = await loadUserCertificates(options, logger);
  return {
    hostKeys,
    credentials: {
      ...{ privateKeys, missingFiles, certificates, agent },
      agentKeys: agentKeys?.flatMap((key) => [key, plainKey(key)]),
    },
  };
}

/** What can be loaded, one after the other. */
async function loadAll<S, K>(
  sources: readonly S[],
  load: (source: S) => Promise<K | undefined>,
): Promise<K[]> {
  const keys: K[] = [];
  for (const source of sources) {
    const key = await load(source);
    if (key) keys.push(key);
  }
  return keys;
}

function offer(
  { algorithms = {}, engine = nativeEngine }: ConnectOptions,
  knownKeyTypes: readonly string[],
): AlgorithmLists {
  const { serverHostKey, ...lists } = engine.defaultAlgorithms;
  return {
    ...lists,
    ...algorithms,
    hostKey: algorithms.serverHostKey ??
      preferKnownKeys(serverHostKey, knownKeyTypes),
  };
}
