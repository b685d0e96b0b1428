import {
  type FetchHandler,
  serve,
  type ServedPort,
  type ServeOptions,
} from "../../../mod.ts";
import { startRig } from "../rig.ts";

/** A served port on a real sshd; disposing shuts all of it down. */
export interface Site extends AsyncDisposable {
  readonly web: ServedPort;
  readonly url: string;
}

/** Starts a server, a connection to it and serve() with this handler. */
export async function startSite(
  handler: FetchHandler,
  options: Partial<ServeOptions> = {},
): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const { connection } = stack.use(await startRig("sshd"));
  const web = await serve(connection, { port: 0, ...options }, handler);
  // A test that failed in mid-request must not wait for its end.
  stack.defer(() => web.shutdown({ drainMs: 0 }));
  const kept = stack.move();
  return {
    web,
    url: `http://127.0.0.1:${web.port}`,
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

/** A body of `size` bytes that is made as it is read. */
export function bytes(size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = size;
  return new ReadableStream({
    pull(controller) {
      const chunk = new Uint8Array(Math.min(left, 64 * 1024)).fill(left % 251);
      if (chunk.length === 0) return controller.close();
      left -= chunk.length;
      controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
}
