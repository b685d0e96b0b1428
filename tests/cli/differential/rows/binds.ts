import { hasServices } from "../../../servers/services.ts";
import type { Row } from "../row.ts";

const loopback = "127.0.0.1:{port} → tcp, ::1:{port} → tcp";
const all = "0.0.0.0:{port} → tcp, :::{port} → tcp";
const v4 = "127.0.0.1:{port} → tcp";
const v6 = "::1:{port} → tcp";

/** A port that sshd chooses at ::1 may be another program's at 127.0.0.1. */
const oneFamily = ["AddressFamily inet"];

/** The bind address of `-R`, sshd's GatewayPorts, and the address that is bound. */
const addresses: [address: string, gatewayPorts: string, both: string][] = [
  ["", "no", loopback],
  [":", "no", loopback],
  ["LocalHost:", "no", loopback],
  ["127.0.0.1:", "no", v4],
  ["[::1]:", "no", v6],
  ["0.0.0.0:", "no", loopback],
  ["{loop}:", "no", loopback],
  ["nohost.invalid:", "no", loopback],
  ["", "yes", all],
  ["127.0.0.1:", "yes", all],
  ["{loop}:", "yes", all],
  ["", "clientspecified", loopback],
  [":", "clientspecified", all],
  ["*:", "clientspecified", all],
  ["localhost:", "clientspecified", loopback],
  ["127.0.0.1:", "clientspecified", v4],
  ["[::1]:", "clientspecified", v6],
  ["0.0.0.0:", "clientspecified", "0.0.0.0:{port} → tcp"],
  ["[::]:", "clientspecified", ":::{port} → tcp"],
  ["{loop}:", "clientspecified", "{loop}:{port} → tcp"],
  ["nohost.invalid:", "clientspecified", "nothing bound; forward refused"],
];

/** What is bound, and which target answers there. */
export const binds: Row[] = [
  ...addresses.map(([address, gatewayPorts, both]): Row => ({
    name: `-R ${address}port:host:port, GatewayPorts ${gatewayPorts}`,
    args: ["-R", `${address}{port}:127.0.0.1:{tcp}`, "server"],
    sshd: [`GatewayPorts ${gatewayPorts}`],
    both,
  })),
  {
    name: "a port that the server chooses",
    args: ["-R", "0:127.0.0.1:{tcp}", "server"],
    sshd: oneFamily,
    both: "127.0.0.1:chosen → tcp",
  },
  {
    name: "two ports that the server chooses",
    args: ["-R", "0:127.0.0.1:{tcp}", "-R", "0:127.0.0.1:{tcp2}", "server"],
    sshd: oneFamily,
    both: "127.0.0.1:chosen → tcp, 127.0.0.1:chosen → tcp2",
  },
  {
    name: "a port that the server chooses, at one address",
    args: ["-R", "127.0.0.1:0:127.0.0.1:{tcp}", "server"],
    sshd: ["GatewayPorts clientspecified"],
    both: "127.0.0.1:chosen → tcp",
  },
  ...hasServices
    ? [{
      name: "a port by its name",
      args: ["-R", "{loop}:http-alt:127.0.0.1:{tcp}", "server"],
      sshd: ["GatewayPorts clientspecified"],
      both: "{loop}:8080 → tcp",
    }]
    : [],
  {
    name: "several -R",
    args: [
      ...["-R", "{port}:127.0.0.1:{tcp}"],
      ...["-R", "{port2}:127.0.0.1:{tcp2}", "server"],
    ],
    both: `${loopback}, 127.0.0.1:{port2} → tcp2, ::1:{port2} → tcp2`,
  },
  {
    name: "the same -R twice",
    args: [
      ...["-R", "{port}:127.0.0.1:{tcp}"],
      ...["-R", "{port}:127.0.0.1:{tcp}", "server"],
    ],
    both: loopback,
  },
  {
    name: "the same -R with and without localhost",
    args: [
      ...["-R", "{port}:127.0.0.1:{tcp}"],
      ...["-R", "localhost:{port}:127.0.0.1:{tcp}", "server"],
    ],
    ssh: `${loopback}; forward refused`,
    rforward: loopback,
    because: "The same forward twice",
  },
  {
    name: "one port for two targets",
    args: [
      ...["-R", "{port}:127.0.0.1:{tcp}"],
      ...["-R", "{port}:127.0.0.1:{tcp2}", "server"],
    ],
    both: `${loopback}; forward refused`,
  },
  {
    name: "one port for two targets, ExitOnForwardFailure",
    args: [
      ...["-R", "{port}:127.0.0.1:{tcp}", "-R", "{port}:127.0.0.1:{tcp2}"],
      ...["-o", "ExitOnForwardFailure=yes", "server"],
    ],
    both: "exit 255; forward refused",
  },
  {
    name: "a target by name",
    args: ["-R", "{port}:localhost:{tcp}", "server"],
    both: loopback,
  },
  ...["127.0.0.1:{closed}", "nohost.invalid:80", "{dir}/missing"].map((
    target,
  ): Row => ({
    name: `a target that is not there: ${target}`,
    args: ["-R", `{port}:${target}`, "server"],
    both:
      "127.0.0.1:{port} → an end at once, ::1:{port} → an end at once; target failed",
  })),
  {
    name: "-R port:/socket",
    args: ["-R", "{port}:{unix}", "server"],
    both: "127.0.0.1:{port} → unix, ::1:{port} → unix",
  },
  {
    name: "-R /socket:host:port",
    args: ["-R", "{dir}/socket:127.0.0.1:{tcp}", "server"],
    both: "{dir}/socket → tcp",
  },
  {
    name: "-R /socket:/socket",
    args: ["-R", "{dir}/socket:{unix}", "server"],
    both: "{dir}/socket → unix",
  },
  {
    name: "-R /socket with tokens",
    args: ["-R", "{dir}/s%%-%n:{unix}", "server"],
    both: "{dir}/s%-server → unix",
  },
  {
    name: "-R [/socket:with:colons]:/socket",
    args: ["-R", "[{dir}/so:ck:et]:{unix}", "server"],
    both: "{dir}/so:ck:et → unix",
  },
  {
    name: "a socket in a directory that is missing",
    args: ["-R", "{dir}/missing/socket:{unix}", "server"],
    both: "nothing bound; forward refused",
  },
  {
    name: "a file in the way of a socket",
    args: ["-R", "{dir}/file:{unix}", "server"],
    files: { file: "" },
    both: "nothing bound; forward refused",
  },
  {
    name: "a stale socket in the way",
    args: ["-R", "{dir}/socket:{unix}", "server"],
    given: leaveSocket,
    both: "nothing bound; forward refused",
  },
  {
    name: "a stale socket in the way, sshd's StreamLocalBindUnlink",
    args: ["-R", "{dir}/socket:{unix}", "server"],
    sshd: ["StreamLocalBindUnlink yes"],
    given: leaveSocket,
    both: "{dir}/socket → unix",
  },
  {
    name: "a stale socket in the way, the client's StreamLocalBindUnlink",
    args: [
      ...["-o", "StreamLocalBindUnlink=yes"],
      ...["-R", "{dir}/socket:{unix}", "server"],
    ],
    given: leaveSocket,
    ssh: "nothing bound; forward refused",
    rforward: "{dir}/socket → unix",
    because: "`StreamLocalBindUnlink`",
  },
];

/** A stale socket: nothing listens on it. */
async function leaveSocket({ dir }: { dir: string }): Promise<void> {
  const path = `${dir}/socket`;
  const listener = Deno.listen({ transport: "unix", path: `${path}.new` });
  // Deno removes the path with its listener.
  await Deno.rename(`${path}.new`, path);
  listener.close();
}
