/** What the tests of the command in a terminal share. */
import { assert, assertEquals } from "../assert.ts";
import type { Sshd } from "../servers/openssh.ts";
import { sshArguments } from "../servers/ssh_server.ts";
import { TerminalProcess } from "../servers/terminal.ts";
import { encryptKey } from "../servers/encrypt_key.ts";

export const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** What the view shows once a tunnel is up and verified. */
export const UP = / up ✓ (?:\S+:(\d+)) →/;

/** The command, as `deno install -g -A` has it, in a terminal of its own. */
export function start(
  args: string[],
  redirect = "",
  env: Record<string, string> = {},
): Promise<TerminalProcess> {
  return TerminalProcess.start({
    program: Deno.execPath(),
    args: ["run", "--quiet", "--allow-all", main, ...args],
    env: { NO_COLOR: "1", SSH_AUTH_SOCK: "", ...env },
    redirect,
  });
}

/** Arguments that forward a port that sshd chooses; `options` come before the fixture's own. */
export function toSshd(
  sshd: Sshd,
  { target = 9, options = [] }: { target?: number; options?: string[] } = {},
): string[] {
  return [
    ...options.flatMap((option) => ["-o", option]),
    ...["-o", "BatchMode=no", "--max-wait", "0.2"],
    ...["-R", `127.0.0.1:0:127.0.0.1:${target}`],
    ...sshArguments(sshd),
  ];
}

/** Waits until the view shows that the tunnel is up; returns its port. */
export async function see(terminal: TerminalProcess): Promise<number> {
  const [, port] = await terminal.see(UP);
  return Number(port);
}

/** Presses Ctrl-C; the terminal echoes again afterwards. */
export async function interrupt(terminal: TerminalProcess): Promise<void> {
  await terminal.type("\x03");
  assertEquals(await terminal.exitCode(), 0);
  assert(await terminal.echoes());
}

/** Encrypts the fixture's key. */
export async function lock(sshd: Sshd): Promise<string> {
  const passphrase = crypto.randomUUID();
  const { keyFile } = sshd;
  await encryptKey(keyFile, passphrase);
  return passphrase;
}
