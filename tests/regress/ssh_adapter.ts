/**
 * Stands in for `ssh` in OpenSSH's own regression tests. The command's parts
 * read options and ssh_config and connect, the library runs commands and
 * forwards. Only what ssh does around that is done here: the local ends of `-L`
 * and `-W`, `-f`, and the control socket.
 *
 * @module
 */

import { forward } from "../../mod.ts";
import { parseArguments } from "../../src/cli/command_line/parse_arguments.ts";
import { planConnection } from "../../src/cli/connection/plan_connection.ts";
import { resolveHops } from "../../src/cli/connection/resolve_hops.ts";
import { type Plan, readConfig, readPlan } from "../../src/cli/plan.ts";
import { Secrets } from "../../src/cli/connection/secrets.ts";
import { showConfig } from "../../src/cli/show_config.ts";
import { ForwardDeniedError } from "../../src/errors.ts";
import type { SshConnection } from "../../src/ssh/connection.ts";
import { nativeEngine } from "../../src/ssh/native/native_engine.ts";
import { goOnInBackground, isInBackground, tellReady } from "./background.ts";
import { controlMaster, ControlSocket } from "./control_socket.ts";
import {
  listenFor,
  type LocalForward,
  parseLocalForward,
} from "./local_forward.ts";
import { runCommand, runStdioForward } from "./run_command.ts";
import { splitSshArguments, type SshArguments } from "./ssh_arguments.ts";
import { SshLog } from "./ssh_log.ts";

/** The exit status of ssh for whatever fails here. */
const FAILED = 255;

async function main(argv: readonly string[]): Promise<number> {
  const ssh = splitSshArguments(argv);
  if (ssh.controlCommand !== undefined) {
    return await controlMaster(ssh.controlPath ?? "none", ssh.controlCommand);
  }
  if (ssh.forwardsAgent) throw new Error("the agent cannot be forwarded");
  const command = parseArguments(ssh.rest);
  if (command.name !== "run" && command.name !== "show-config") {
    throw new Error(`${command.name} is not a part of the tests`);
  }
  const { arguments: args } = command;
  const { settings, forwards } = await readConfig(args);
  if (command.name === "show-config") {
    await Deno.stdout.write(
      new TextEncoder().encode(showConfig(settings, forwards)),
    );
    return 0;
  }
  if (ssh.inBackground && !isInBackground()) {
    return await goOnInBackground(argv);
  }
  const log = new SshLog(args.logFile, args.verbosity < 0);
  try {
    const plan: Plan = forwards.length > 0 ? await readPlan(args) : {
      settings,
      forwards,
      engine: nativeEngine,
      session: args.remoteCommand === undefined ||
          settings.sessionType === "none"
        ? "never"
        : { command: args.remoteCommand },
      hops: await resolveHops(settings, args.configFile),
      fallbacks: [],
    };
    return await run(ssh, plan, log);
  } catch (error) {
    log.failed(error as Error);
    return FAILED;
  }
}

/** Connects, sets up what is to be forwarded, and runs the command. */
async function run(
  ssh: SshArguments,
  plan: Plan,
  log: SshLog,
): Promise<number> {
  for (const warning of plan.settings.warnings) log.warn(warning);
  const locals = plan.settings.clearAllForwardings
    ? []
    : ssh.localForwards.map(parseLocalForward);
  const connect = planConnection(plan.hops, {
    engine: plan.engine,
    secrets: new Secrets(undefined),
    logger: log,
    onBanner: (text) => console.error(text),
  });
  await using stack = new AsyncDisposableStack();
  const connection = stack.use(await connect(new AbortController().signal));
  if (!await setUp(connection, locals, plan, log, stack)) return FAILED;
  const control = ssh.isMaster && ssh.controlPath !== undefined
    ? stack.use(new ControlSocket(ssh.controlPath))
    : undefined;
  await tellReady();
  if (ssh.stdioForward !== undefined) {
    return await runStdioForward(connection, ssh.stdioForward);
  }
  const status = typeof plan.session === "object"
    ? await runCommand(connection, plan.session.command)
    : undefined;
  if (status !== undefined && !control) return status;
  await Promise.race([
    connection.closed,
    ...control ? [control.exitAsked] : [],
  ]);
  return status ?? (control ? 0 : FAILED);
}

/** @returns whether the connection is of use. */
async function setUp(
  connection: SshConnection,
  locals: readonly LocalForward[],
  { forwards, settings }: Plan,
  log: SshLog,
  stack: AsyncDisposableStack,
): Promise<boolean> {
  const all = [
    ...locals.map((local) => () => listenFor(local, connection)),
    ...forwards.map(({ bind, target }) => () =>
      forward(connection, { bind, target, logger: log })
    ),
  ];
  for (const start of all) {
    try {
      stack.use(await start());
    } catch (error) {
      const isTaken = error instanceof ForwardDeniedError ||
        error instanceof Deno.errors.AddrInUse;
      if (!isTaken) throw error;
      log.warn(error.message);
      if (settings.exitOnForwardFailure) return false;
    }
  }
  return true;
}

if (import.meta.main) {
  let status: number;
  try {
    status = await main(Deno.args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    status = FAILED;
  }
  // What reads standard input would keep the process.
  Deno.exit(status);
}
