/**
 * Reverse SSH tunnelling: a program on an SSH server connects to a port there
 * and reaches a service on this side.
 *
 * {@linkcode connect} makes an SSH connection. {@linkcode forward} binds a port
 * on the server and relays its connections to a target here;
 * {@linkcode listen} binds one and accepts its connections in this process.
 *
 * @example A port on the server that leads to a web server here
 * ```ts ignore
 * import { connect, forward } from "@x2go/rforward";
 *
 * await using connection = await connect({
 *   hostname: "server.example",
 *   user: "alice",
 *   privateKeys: [{ file: "/home/alice/.ssh/id_ed25519" }],
 * });
 * await using tunnel = await forward(connection, {
 *   bind: { port: 8022 },
 *   target: { port: 8080 },
 * });
 * console.log((await connection.closed).reason);
 * ```
 *
 * @module
 */

export {
  ArgumentError,
  AuthenticationError,
  ChannelError,
  ConnectError,
  ConnectionLostError,
  type ErrorCode,
  ForwardDeniedError,
  HostKeyError,
  type HostKeyLocation,
  type HostKeyProblem,
  ProtocolError,
  type RefusalReason,
  RForwardError,
  TargetError,
} from "./src/errors.ts";
export type { Logger } from "./src/logger.ts";

export { connect } from "./src/ssh/connect.ts";
export { connectThrough } from "./src/ssh/connect_through.ts";
export type { Algorithms } from "./src/ssh/algorithms.ts";
export type {
  AskSecret,
  ChangePassword,
  ConnectOptions,
  KeyboardInteractive,
  KeyboardInteractiveRequest,
  KeySource,
  PrivateKey,
  PublicKey,
} from "./src/ssh/connect_options.ts";
export type { Engine } from "./src/ssh/engine.ts";
export type { NoDelay } from "./src/ssh/no_delay.ts";
export type {
  Negotiated,
  NegotiatedDirection,
  RekeyLimit,
} from "./src/ssh/message_transport.ts";
export type { Dial, DialRequest, Transport } from "./src/ssh/dial/transport.ts";
export { viaProxy } from "./src/ssh/dial/proxy/via_proxy.ts";
export type { KeepaliveOptions } from "./src/ssh/connect_options.ts";
export type {
  HostKey,
  HostKeyChanges,
  HostKeyUpdateVerifier,
  HostKeyVerifier,
} from "./src/ssh/host_keys/host_key.ts";
export type { KnownHostsOptions } from "./src/ssh/host_keys/known_hosts/known_hosts_options.ts";
export type { HostKeyPolicy } from "./src/ssh/host_keys/host_key_policy.ts";
export type {
  Bind,
  CloseReason,
  CommandOutput,
  ExecOptions,
  ExitStatus,
  ForwardedOpen,
  ForwardedOpenTaker,
  OpenDirectOptions,
  Originator,
  PingOptions,
  RequestOptions,
  ServerInfo,
  SshChannel,
  SshConnection,
  SshProcess,
  SshSignal,
  TcpBind,
  UnixBind,
} from "./src/ssh/connection.ts";

export { forward } from "./src/forward/tunnel/forward.ts";
export {
  ReverseTunnel,
  type TunnelState,
} from "./src/forward/tunnel/tunnel.ts";
export type { DrainResult } from "./src/forward/tunnel/drain_result.ts";
export type { TunnelOptions } from "./src/forward/tunnel/tunnel_options.ts";
export type { TunnelConnection } from "./src/forward/tunnel/tunnel_connection.ts";
export {
  type ForwardListener,
  listen,
  type ListenOptions,
} from "./src/forward/listen/listener.ts";
export {
  acceptUnclaimed,
  type UnclaimedConnections,
} from "./src/forward/listen/accept_unclaimed.ts";
export { takeUnclaimed } from "./src/forward/listen/take_unclaimed.ts";
export type { ForwardedConn } from "./src/forward/tunnel/forwarded_conn.ts";
export {
  Admission,
  type AdmissionCounts,
} from "./src/forward/admission/admission.ts";
export type {
  AdmissionDecision,
  AdmissionRefusal,
  AdmissionRule,
  AdmissionRules,
  TimeLimitRule,
} from "./src/forward/admission/admission_rules.ts";
export {
  serve,
  type ServedPort,
  type ServeOptions,
} from "./src/forward/http/serve.ts";
export type {
  FetchHandler,
  FetchInfo,
  FetchTarget,
  HttpLimits,
  UpgradeWebSocketOptions,
  WebSocketUpgrade,
} from "./src/forward/http/fetch_target.ts";
export type {
  SocksOptions,
  SocksPermit,
  SocksTarget,
} from "./src/forward/socks/socks_target.ts";
export type { BindOptions } from "./src/forward/tunnel/bind_options.ts";
export type {
  ProxyProtocol,
  SocketTargetOptions,
  Target,
  TargetHandler,
  TcpTarget,
  UnixTarget,
} from "./src/forward/targets/target.ts";
export type { ProbeAnswer } from "./src/forward/verify/look_at.ts";
export {
  probe,
  type ProbeOptions,
  type ProbeResult,
  type ProbeVerdict,
} from "./src/forward/verify/probe.ts";
export type { Reach } from "./src/forward/verify/reach.ts";
export { supervise } from "./src/forward/supervise/supervise.ts";
export type { MissedEvents } from "./src/forward/supervise/event_stream.ts";
export type { Supervisor } from "./src/forward/supervise/supervisor.ts";
export type {
  ConnectWith,
  FallbackOptions,
  SessionMode,
  SupervisedTunnel,
  SupervisedTunnelSnapshot,
  SupervisedTunnelState,
  SupervisorEvent,
  SupervisorOptions,
  SupervisorSnapshot,
  SupervisorState,
} from "./src/forward/supervise/supervisor_options.ts";
export type { HandOverResult } from "./src/forward/supervise/hand_over.ts";
export type { CheckTargetOptions } from "./src/forward/supervise/tunnels/target_health.ts";
export type { RetryOptions } from "./src/forward/tunnel/retry_options.ts";
export type { DenialReason } from "./src/forward/verify/denial.ts";
export { relay, type RelayOptions } from "./src/forward/tunnel/relay.ts";
export type { RelayResult } from "./src/forward/tunnel/duplex_relay.ts";
export type { Duplex } from "./src/streams/duplex.ts";
