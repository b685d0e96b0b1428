import { SharedTimeout } from "../src/shared_timeout.ts";
import { delay } from "../src/abort.ts";
import { assert, assertEquals } from "./assert.ts";

const { signal } = new AbortController();

Deno.test("SharedTimeout ends each wait after its own time, and those that were stopped not at all", async () => {
  const timeout = new SharedTimeout(30);
  const ended: string[] = [];
  const last = Promise.withResolvers<void>();
  const started = performance.now();
  timeout.start(() => ended.push("first"));
  const stopped = timeout.start(() => ended.push("stopped"));
  await delay(15, signal);
  const secondStarted = performance.now();
  timeout.start(() => {
    ended.push("second");
    last.resolve();
  });
  timeout.stop(stopped);
  await last.promise;
  assertEquals(ended, ["first", "second"]);
  const now = performance.now();
  assert(now - started >= 44 && now - secondStarted >= 29);
});

Deno.test("SharedTimeout leaves no timer behind", () => {
  const timeout = new SharedTimeout(60_000);
  const waits = [1, 2].map(() => timeout.start(() => {}));
  for (const wait of [...waits, ...waits]) timeout.stop(wait);
}); // Deno's sanitizer would complain
