/** How OpenSSH's client reads a command line. */
import { findProgram } from "../../servers/availability.ts";

/** The lines that `ssh -G` prints, by keyword; undefined if it does not take the command line. */
export function askSsh(
  args: readonly string[],
): Map<string, string[]> | undefined {
  const { success, stdout } = new Deno.Command(findProgram("ssh") ?? "ssh", {
    args: ["-F", "none", "-G", ...args],
    stdin: "null",
  }).outputSync();
  if (!success) return undefined;
  const settings = new Map<string, string[]>();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const [keyword = "", ...values] = line.split(" ");
    const value = values.join(" ");
    settings.set(keyword, [...settings.get(keyword) ?? [], value]);
  }
  return settings;
}
