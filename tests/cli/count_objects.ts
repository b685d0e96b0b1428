/**
 * Is loaded before the command: at each SIGUSR2 it collects garbage and prints
 * on standard error, as one line of JSON, how many promises are alive. Needs
 * V8's `--expose-gc`.
 *
 * Each connection and each channel holds some, V8 and Deno keep none. (Deno's
 * store of keys holds bytes of up to about 500 keys that are gone, and the size
 * of the heap grows with what V8 learns.) Counting a class takes a quarter of a
 * second or more.
 */
import * as v8 from "node:v8";

const { gc } = globalThis as unknown as { gc: () => void };
/** Node 20's types have it, those of Node 18, which npm:@types/ssh2 brings, do not. */
const { queryObjects } = v8 as unknown as {
  queryObjects(type: unknown, options: { format: "count" }): number;
};

Deno.addSignalListener("SIGUSR2", () => {
  gc();
  const promises = queryObjects(Promise, { format: "count" });
  console.error(`alive ${JSON.stringify({ promises })}`);
});
