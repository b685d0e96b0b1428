/** What the tests of the live view run in a terminal: shows a view until something ends it. */
import { LiveView } from "../../../../src/cli/report/live/live_view.ts";
import { snapshotOf } from "../scene.ts";

const [how] = Deno.args;
const view = new LiveView(() => snapshotOf(), Deno.stderr, {
  destination: "server.example",
  color: false,
});
view.message("warn", "begun");
const ended = Promise.withResolvers<void>();
Deno.addSignalListener("SIGUSR2", () => {
  if (how === "exit") Deno.exit(7);
  if (how === "throw") throw new Error("thrown");
  if (how === "reject") void Promise.reject(new Error("rejected"));
  else ended.resolve();
});
// A signal listener alone keeps no process alive.
const alive = setInterval(() => {}, 60_000);
await ended.promise;
clearInterval(alive);
await view[Symbol.asyncDispose]();
Deno.exit(0);
