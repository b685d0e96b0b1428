import { assertEquals } from "../assert.ts";
import { sshArguments, type SshServer } from "./ssh_server.ts";

/** Logs in with `ssh`, and checks that `killSessions()` ends its connection. */
export async function assertKillsSessions(server: SshServer): Promise<void> {
  await using session = new Deno.Command("ssh", {
    args: [...sshArguments(server), "echo there; exec sleep 60"],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = session.stdout.getReader();
  await reader.read();

  server.killSessions("SIGKILL");

  assertEquals((await session.status).code, 255);
  await reader.cancel();
}
