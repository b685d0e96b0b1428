/** The target of the tunnels under test, as a process of its own: prints `READY` and its port, then serves. */
import { serveLoad } from "./load.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`READY ${listener.addr.port}`);

for await (const conn of listener) {
  serveLoad(conn)
    // A tunnel that is killed resets its connections; one that fails is
    // noticed on the other side, which does the measuring.
    .catch(() => {})
    .finally(() => conn.close());
}
