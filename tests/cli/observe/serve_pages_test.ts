import { assertEquals } from "../../assert.ts";
import { freePort } from "../../servers/free_port.ts";
import { CommandProcess, withPermissions } from "../command_process.ts";

Deno.test({
  name:
    "rforward goes on, and serves metrics and status again, after clients had held all file descriptors",
  ignore: Deno.build.os === "windows",
  async fn() {
    const ports = [freePort(), freePort()];
    const command = withPermissions("--allow-all");
    await using rforward = new CommandProcess({
      command: ["sh", "-c", 'ulimit -n 50; exec "$@"', "sh", ...command],
      args: [
        ...["-F", "none", "--metrics", `${ports[0]}`, "--status"],
        ...[`${ports[1]}`, "-R", "80:localhost:80", "-p", "1", "a@127.0.0.1"],
      ],
    });
    await rforward.see(/next try in/i);
    for (const port of ports) {
      const clients: Deno.TcpConn[] = [];
      try {
        for (let i = 0; i < 60; i++) {
          clients.push(await Deno.connect({ hostname: "127.0.0.1", port }));
        }
      } catch (error) {
        if (!isNotServed(error)) throw error;
      } finally {
        for (const client of clients) client.close();
      }
    }
    for (const url of [`${ports[0]}/metrics`, `${ports[1]}/status.json`]) {
      assertEquals(await fetchAgain(`http://127.0.0.1:${url}`), 200);
    }
    rforward.signal("SIGTERM");
    assertEquals((await rforward.ended()).code, 0);
  },
});

/** Whether nothing listens for a moment, or the listener closed just now. */
function isNotServed(error: unknown): boolean {
  const { ConnectionRefused, ConnectionReset } = Deno.errors;
  return error instanceof ConnectionRefused || error instanceof ConnectionReset;
}

/** The status, once there is an answer. */
async function fetchAgain(url: string): Promise<number> {
  for (let i = 0;; i++) {
    try {
      const { status, body } = await fetch(url);
      await body?.cancel();
      return status;
    } catch (error) {
      if (i === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
