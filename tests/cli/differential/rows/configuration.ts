import { startSshAgent } from "../../../servers/ssh_agent.ts";
import type { Row } from "../row.ts";
import type { Site } from "../site.ts";

const forward = ["-R", "{port}:127.0.0.1:{tcp}"];
const loopback = "127.0.0.1:{port} → tcp, ::1:{port} → tcp";
const loopback2 = "127.0.0.1:{port2} → tcp2, ::1:{port2} → tcp2";

/** What ssh_config and the command line say together, and the way to the server. */
export const configuration: Row[] = [
  {
    name: "RemoteForward for a Host",
    args: ["server"],
    config: "Host serv*\n  RemoteForward {port} 127.0.0.1:{tcp}",
    both: loopback,
  },
  {
    name: "RemoteForward for another Host",
    args: [...forward, "server"],
    config: "Host !server *\n  RemoteForward {port2} 127.0.0.1:{tcp2}",
    both: loopback,
  },
  {
    name: "RemoteForward in a Match",
    args: ["server"],
    // Nothing has said yet that server is 127.0.0.1.
    config: `
Match host 127.0.0.1
  RemoteForward {port} 127.0.0.1:{tcp}
Match originalhost server exec "test %n = server"
  RemoteForward {port2} 127.0.0.1:{tcp2}`,
    both: loopback2,
  },
  {
    name: "RemoteForward in an included file",
    args: ["server"],
    config: "Include {dir}/*.conf {dir}/missing",
    files: { "a.conf": "RemoteForward {port} 127.0.0.1:{tcp}\n" },
    both: loopback,
  },
  {
    name: "RemoteForward with an address and a port that the server chooses",
    args: ["server"],
    config: "RemoteForward 127.0.0.1:0 [127.0.0.1]:{tcp}",
    both: "127.0.0.1:chosen → tcp",
  },
  {
    name: "-R and RemoteForward",
    args: [...forward, "server"],
    config: "RemoteForward {port2} 127.0.0.1:{tcp2}",
    both: `${loopback}, ${loopback2}`,
  },
  {
    name: "-R and RemoteForward for the same port",
    args: [...forward, "server"],
    config: "RemoteForward {port} 127.0.0.1:{tcp2}",
    both: `${loopback}; forward refused`,
  },
  {
    name: "RemoteForward without a target",
    args: [...forward, "server"],
    config: "RemoteForward {port2}",
    ssh:
      `${loopback}, 127.0.0.1:{port2} → an end at once, ::1:{port2} → an end at once`,
    rforward:
      `${loopback}, 127.0.0.1:{port2} → an end at once, ::1:{port2} → an end at once; target failed`,
    because: "A client that SOCKS refuses",
  },
  {
    name: "ClearAllForwardings",
    args: [...forward, "-o", "ClearAllForwardings=yes", "server"],
    ssh: "nothing bound",
    rforward: "exit 2; not done here",
    because: "Nothing to forward",
  },
  {
    name: "no forward at all",
    args: ["server"],
    ssh: "nothing bound",
    rforward: "exit 2; not done here",
    because: "Nothing to forward",
  },
  {
    name: "-o before the file",
    args: [...forward, "-o", "Port={sshd}", "server"],
    config: "Port {closed}",
    both: loopback,
  },
  {
    name: "the first -o of two",
    args: [
      ...[...forward, "-o", "Port={sshd}", "-o", "Port={closed}"],
      "server",
    ],
    both: loopback,
  },
  {
    name: "-p",
    args: [...forward, "-p", "{sshd}", "127.0.0.1"],
    both: loopback,
  },
  {
    name: "-l",
    args: [...forward, "-l", "nobody-of-this-name", "server"],
    both: "exit 255; login refused",
  },
  {
    name: "ssh://user@host:port",
    args: [...forward, "ssh://{user}@127.0.0.1:{sshd}"],
    both: loopback,
  },
  {
    name: "options after the destination",
    args: ["server", ...forward, "-T"],
    both: loopback,
  },
  {
    name: "options in one word",
    args: ["-NTR{port}:127.0.0.1:{tcp}", "server"],
    both: loopback,
  },
  {
    name: "-F none",
    args: [
      ...["-F", "none", "-p", "{sshd}", "-i", "{key}", "-o", "BatchMode=yes"],
      ...["-o", "UserKnownHostsFile={dir}/known_hosts"],
      ...[...forward, "{user}@127.0.0.1"],
    ],
    both: loopback,
  },
  {
    name: "a Host in another case",
    args: [...forward, "SERVER"],
    both: "exit 255; host not found",
  },
  {
    name: "HostKeyAlias",
    args: [...forward, "-o", "HostKeyAlias=other-name", "server"],
    files: { known_hosts: "other-name {hostPublicKey}\n" },
    both: loopback,
  },
  {
    name: "-6, to an IPv4 address",
    args: [...forward, "-6", "server"],
    both: "exit 255; host not found",
  },
  {
    name: "-b",
    args: [...forward, "-b", "{loop}", "server"],
    both: loopback,
  },
  {
    name: "-b, an address of another machine",
    args: [...forward, "-b", "192.0.2.1", "server"],
    both: "exit 255; no address of ours",
  },
  {
    name: "-c and -m",
    args: [...forward, "-c", "aes128-ctr", "-m", "hmac-sha2-512", "server"],
    both: loopback,
  },
  {
    name: "-v three times",
    args: [...forward, "-vvv", "server"],
    both: loopback,
  },
  {
    name: "-J",
    args: [...forward, "-J", "jump", "server"],
    both: loopback,
  },
  {
    name: "-J, two hops",
    args: [...forward, "-J", "jump,{user}@jump2:{sshd}", "server"],
    both: loopback,
  },
  {
    name: "-J, a hop that refuses",
    args: [...forward, "-J", "127.0.0.1:{closed}", "server"],
    both: "exit 255; connection refused",
  },
  {
    name: "ProxyCommand",
    args: [
      ...[...forward, "-o"],
      ...["ProxyCommand=ssh -F {dir}/config -W %h:%p jump", "server"],
    ],
    both: loopback,
  },
  {
    name: "ProxyCommand that is no program",
    args: [...forward, "-o", "ProxyCommand=/missing/program", "server"],
    both: "exit 255; command not found",
  },
  {
    name: "an agent",
    args: [...forward, "-o", "IdentitiesOnly=no", "server"],
    identity: "{dir}/missing",
    given: (site) => startAgent(site, "{wrongKey}", "{key}"),
    both: loopback,
  },
  {
    name: "an agent, and IdentitiesOnly with another key",
    args: [...forward, "server"],
    identity: "{wrongKey}",
    given: (site) => startAgent(site, "{key}"),
    both: "exit 255; login refused",
  },
  {
    name: "an agent's key, named by its public half",
    args: [...forward, "server"],
    identity: "{key}.pub",
    given: (site) => startAgent(site, "{wrongKey}", "{key}"),
    both: loopback,
  },
  {
    name: "an encrypted key that an agent has",
    args: [...forward, "server"],
    identity: "{lockedKey}",
    given: (site) => startAgent(site, "{key}"),
    both: loopback,
  },
  {
    name: "an option that makes no difference here",
    args: [...forward, "-o", "CheckHostIP=yes", "server"],
    ssh: loopback,
    rforward: `${loopback}; no effect here`,
    because: "Options without effect",
  },
  {
    name: "-g -C -a -x -k -A -X",
    args: [...forward, "-gCaxkAX", "server"],
    ssh: loopback,
    rforward: `${loopback}; no effect here`,
    because: "Options without effect",
  },
];

/** Starts an agent that has some keys. */
async function startAgent(site: Site, ...keys: string[]): Promise<void> {
  const agent = await startSshAgent(keys.map((key) => site.fill(key)));
  site.env.SSH_AUTH_SOCK = site.use(agent).socket;
}
