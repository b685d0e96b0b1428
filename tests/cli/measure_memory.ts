/**
 * Is loaded before the command: at each SIGUSR2 it collects garbage, and prints
 * on standard error how many bytes of the heap are in use. Needs V8's
 * `--expose-gc`.
 */
const { gc } = globalThis as unknown as { gc: () => void };

Deno.addSignalListener("SIGUSR2", () => {
  gc();
  console.error(`heap ${Deno.memoryUsage().heapUsed}`);
});
