import { startFullPort, startTcpServer } from "../../../servers/tcp_server.ts";
import type { Row } from "../row.ts";
import type { Site } from "../site.ts";
import { serve } from "../world.ts";

const forward = ["-R", "{port}:127.0.0.1:{tcp}"];
const forward4 = ["-R", "127.0.0.1:{port}:127.0.0.1:{tcp}"];
const loopback = "127.0.0.1:{port} → tcp, ::1:{port} → tcp";
const taken = "127.0.0.1:{port} → another program";
const exitOnFailure = ["-o", "ExitOnForwardFailure=yes"];

/** Requests that the server refuses, and targets that cannot be reached. */
export const failures: Row[] = [
  {
    name: "a taken port",
    args: [...forward4, "server"],
    given: takePort,
    both: `${taken}; forward refused`,
  },
  {
    name: "a taken port, ExitOnForwardFailure",
    args: [...forward4, ...exitOnFailure, "server"],
    given: takePort,
    both: "exit 255; forward refused",
  },
  {
    name: "one of two ports taken",
    args: [...forward4, "-R", "{port2}:127.0.0.1:{tcp2}", "server"],
    given: takePort,
    both:
      `${taken}, 127.0.0.1:{port2} → tcp2, ::1:{port2} → tcp2; forward refused`,
  },
  {
    name: "one of two ports taken, ExitOnForwardFailure",
    args: [
      ...[...forward4, "-R", "{port2}:127.0.0.1:{tcp2}"],
      ...[...exitOnFailure, "server"],
    ],
    given: takePort,
    both: "exit 255; forward refused",
  },
  {
    name: "half of localhost taken",
    args: [...forward, "server"],
    given: takePort,
    ssh: `${taken}, ::1:{port} → tcp`,
    rforward: `${taken}; half-bound`,
    because: "Half of `localhost` taken",
  },
  ...[
    "AllowTcpForwarding no",
    "PermitListen none",
    "PermitListen 127.0.0.1:*",
    "DisableForwarding yes",
  ].map((line): Row => ({
    name: line,
    args: [...forward, "server"],
    sshd: [line],
    ssh: "nothing bound; forward refused",
    rforward: "exit 255; forward refused",
    because: "All forwards prohibited",
  })),
  {
    name: "AllowTcpForwarding no, ExitOnForwardFailure",
    args: [...forward, ...exitOnFailure, "server"],
    sshd: ["AllowTcpForwarding no"],
    both: "exit 255; forward refused",
  },
  {
    name: "PermitListen 127.0.0.1:*, for that address",
    args: [...forward4, "server"],
    sshd: ["PermitListen 127.0.0.1:*"],
    both: "127.0.0.1:{port} → tcp",
  },
  {
    name: "AllowStreamLocalForwarding no",
    args: ["-R", "{dir}/socket:{unix}", "server"],
    sshd: ["AllowStreamLocalForwarding no"],
    ssh: "nothing bound; forward refused",
    rforward: "exit 255; forward refused",
    because: "All forwards prohibited",
  },
  {
    name: "PermitOpen none, so that who answers cannot be checked",
    args: [...forward, "server"],
    sshd: ["PermitOpen none"],
    both: loopback,
  },
  {
    name: "a port for root alone",
    args: ["-R", "1:127.0.0.1:{tcp}", "server"],
    asUser: true,
    ssh: "nothing bound; forward refused",
    rforward: "exit 255; forward refused",
    because: "All forwards prohibited",
  },

  {
    name: "a server that refuses",
    args: [...forward, "-p", "{closed}", "server"],
    both: "exit 255; connection refused",
  },
  {
    name: "a server that refuses, without --once",
    args: [...forward, "-p", "{closed}", "server"],
    again: true,
    ssh: "exit 255; connection refused",
    rforward: "tries again; connection refused",
    because: "The connection is lost, or cannot be made",
  },
  {
    name: "ConnectionAttempts",
    args: [
      ...[...forward, "-o", "ConnectionAttempts=2"],
      ...["-p", "{closed}", "server"],
    ],
    both: "exit 255; connection refused",
  },
  {
    name: "ConnectionAttempts, without --once",
    args: [
      ...[...forward, "-o", "ConnectionAttempts=2"],
      ...["-p", "{closed}", "server"],
    ],
    again: true,
    ssh: "exit 255; connection refused",
    rforward: "tries again; connection refused",
    because: "The connection is lost, or cannot be made",
  },
  {
    name: "a host that is not known",
    args: [...forward, "nohost.invalid"],
    both: "exit 255; host not found",
  },
  {
    name: "ConnectTimeout",
    args: [...forward, "-o", "ConnectTimeout=1", "server"],
    given: async (site) => {
      const { port } = site.use(await startFullPort());
      site.values.sshd = `${port}`;
    },
    both: "exit 255; timeout",
  },
  {
    name: "ConnectTimeout, a server that says nothing",
    args: [...forward, "-o", "ConnectTimeout=1", "server"],
    given: (site) =>
      serveInstead(site, async (conn) => {
        while (await conn.read(new Uint8Array(1024)) !== null);
      }),
    both: "exit 255; timeout",
  },
  {
    name: "a server that says something else",
    args: [...forward, "server"],
    given: (site) =>
      serveInstead(site, async (conn) => {
        await conn.write(new TextEncoder().encode("HTTP/1.1 400\r\n"));
      }),
    both: "exit 255; no SSH",
  },
  {
    name: "a server that hangs up",
    args: [...forward, "server"],
    given: (site) => serveInstead(site, () => Promise.resolve()),
    both: "exit 255; no SSH",
  },
  {
    name: "ServerAliveInterval, a network that is cut",
    args: [
      ...[...forward, "-o", "ServerAliveInterval=1"],
      ...["-o", "ServerAliveCountMax=1", "server"],
    ],
    given: (site) => site.throughProxy(),
    then: (_, { proxy }) => proxy?.freeze(),
    both: "exit 255; server silent",
  },
  {
    name: "a connection that breaks",
    args: [...forward, "server"],
    given: (site) => site.throughProxy(),
    then: (_, { proxy }) => proxy?.cut(),
    both: "exit 255; connection lost",
  },
  {
    name: "a connection that breaks, without --once",
    args: [...forward, "server"],
    given: (site) => site.throughProxy(),
    then: (_, { proxy }) => proxy?.cut(),
    again: true,
    ssh: "exit 255; connection lost",
    rforward: "tries again; connection lost",
    because: "The connection is lost, or cannot be made",
  },
  {
    name: "SIGTERM",
    args: [...forward, "server"],
    then: (client) => client.kill("SIGTERM"),
    both: "exit 0",
  },
  {
    name: "SIGINT",
    args: [...forward, "server"],
    then: (client) => client.kill("SIGINT"),
    ssh: "exit 255",
    rforward: "exit 0",
    because: "Ctrl-C",
  },

  {
    name: "a server with ecdh-sha2-nistp521 and one other key exchange",
    args: [...forward, "server"],
    sshd: [
      "KexAlgorithms ecdh-sha2-nistp521,diffie-hellman-group14-sha256",
    ],
    both: loopback,
  },
  {
    name: "aes192-cbc and another cipher",
    args: [...forward, "-c", "aes192-cbc,aes256-ctr", "server"],
    sshd: ["Ciphers aes192-cbc,aes256-ctr"],
    both: loopback,
  },
  {
    name: "a cipher that the server does not take",
    args: [...forward, "-c", "aes128-ctr", "server"],
    sshd: ["Ciphers aes256-ctr", "MACs hmac-sha2-512"],
    both: "exit 255; no common algorithm",
  },
  {
    name: "a MAC that the server does not take",
    args: [...forward, "-c", "aes256-ctr", "-m", "hmac-sha2-256", "server"],
    sshd: ["Ciphers aes256-ctr", "MACs hmac-sha2-512"],
    both: "exit 255; no common algorithm",
  },
  {
    name: "a key exchange that the server does not take",
    args: [...forward, "-o", "KexAlgorithms=ecdh-sha2-nistp256", "server"],
    sshd: ["KexAlgorithms curve25519-sha256"],
    both: "exit 255; no common algorithm",
  },
  {
    name: "HostKeyAlgorithms that the server does not have",
    args: [...forward, "-o", "HostKeyAlgorithms=rsa-sha2-512", "server"],
    both: "exit 255; no common algorithm",
  },

  {
    name: "-E",
    args: [...forward, "-E", "{dir}/log", "-p", "{closed}", "server"],
    plain: true,
    both: "exit 255; connection refused (in the log)",
  },
  {
    name: "-q",
    args: [...forward, "-q", "-p", "{closed}", "server"],
    plain: true,
    ssh: "exit 255",
    rforward: "exit 255; connection refused",
    because: "`-q`",
  },
];

/** Another program listens at one of the addresses of localhost. */
function takePort(site: Site): void {
  const port = Number(site.values.port);
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  site.use(serve("another program", listener));
}

/** Puts something in the place of the SSH server. */
function serveInstead(
  site: Site,
  talk: (conn: Deno.TcpConn) => Promise<void>,
): void {
  site.values.sshd = `${site.use(startTcpServer(talk)).port}`;
}
