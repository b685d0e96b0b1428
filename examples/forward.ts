/**
 * Forwards a port on an SSH server to a service that this side can reach,
 * until Ctrl-C:
 *
 *     deno run --no-prompt \
 *       --allow-net=server.example:22,127.0.0.1:8080 \
 *       --allow-read=$HOME/.ssh/id_ed25519,$HOME/.ssh/known_hosts \
 *       examples/forward.ts --host server.example --user alice \
 *       --key $HOME/.ssh/id_ed25519 --known-hosts $HOME/.ssh/known_hosts \
 *       --bind 127.0.0.1:8022 --target 127.0.0.1:8080
 *
 * It needs to reach the server and the target, and to read the key and
 * known_hosts; the port on the server needs no permission.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { connect, forward, RForwardError } from "../mod.ts";

const options = {
  host: { type: "string" },
  port: { type: "string", default: "22" },
  user: { type: "string" },
  key: { type: "string" },
  "known-hosts": { type: "string" },
  bind: { type: "string" },
  target: { type: "string" },
} as const;

function readFlags() {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error((error as TypeError).message);
    Deno.exit(2);
  }
}

const flags = readFlags();

function required(name: keyof typeof flags): string {
  const value = flags[name];
  if (value !== undefined) return value;
  console.error(`--${name} is missing; see the first lines of this file`);
  Deno.exit(2);
}

/** `host:port`, where an IPv6 address stands in brackets. */
function parseAddress(text: string): { hostname: string; port: number } {
  const [, bracketed, plain, port] =
    /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(text) ?? [];
  if (port !== undefined) {
    return { hostname: bracketed ?? plain ?? "", port: Number(port) };
  }
  console.error(`${text} is not HOST:PORT`);
  Deno.exit(2);
}

const bind = parseAddress(required("bind"));
const target = parseAddress(required("target"));

try {
  await using connection = await connect({
    hostname: required("host"),
    port: Number(flags.port),
    user: required("user"),
    privateKeys: [{ file: required("key") }],
    hostKeys: { files: [required("known-hosts")] },
  });
  await using tunnel = await forward(connection, {
    bind,
    target,
    onTargetError: (error) => console.warn(error.message),
  });
  console.log(`port ${tunnel.port} on the server leads to ${tunnel.target}`);

  const interrupt = () => void tunnel.stop({ drainMs: 1000 });
  Deno.addSignalListener("SIGINT", interrupt);
  const { error } = await tunnel.closed;
  Deno.removeSignalListener("SIGINT", interrupt);
  if (error) throw error;
} catch (error) {
  if (!(error instanceof RForwardError)) throw error;
  console.error(error.message);
  Deno.exitCode = 1;
}
