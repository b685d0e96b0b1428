import { findProgram } from "./availability.ts";

/** A page in Debian's Chromium, without a screen. */
export interface BrowserPage extends AsyncDisposable {
  /** Sends a command of the DevTools protocol. */
  send(
    method: string,
    params?: Record<string, unknown>,
    // deno-lint-ignore no-explicit-any -- the protocol has hundreds of results
  ): Promise<any>;
  /** Opens an address, and waits until it is loaded. */
  open(url: string): Promise<void>;
  /** The value of an expression in the page. */
  evaluate<T>(expression: string): Promise<T>;
  /** Waits until an expression is true in the page. */
  until(expression: string): Promise<void>;
  /** What the page or the browser complained about. */
  readonly complaints: string[];
}

/** Starts Chromium with an empty page. */
export async function startChromium(
  args: string[] = [],
): Promise<BrowserPage> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-chromium-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }).catch(() => {}));
  const child = new Deno.Command(findProgram("chromium") ?? "chromium", {
    args: [
      ...["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"],
      ...["--disable-dev-shm-usage", "--remote-debugging-port=0"],
      ...["--disable-background-networking", `--user-data-dir=${dir}`],
      ...args,
      "about:blank",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const errors = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  stack.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
    while (!(await errors.read()).done);
  });
  while (!/DevTools listening on ws:\/\/[^/]+\//.test(said)) {
    const { value, done } = await errors.read();
    if (done) throw new Error(`chromium did not start: ${said}`);
    said += value;
  }
  const [, host] = /ws:\/\/([^/]+)\//.exec(said)!;
  const targets: { type: string; webSocketDebuggerUrl: string }[] =
    await (await fetch(`http://${host}/json/list`)).json();
  const { webSocketDebuggerUrl } = targets.find(({ type }) => type === "page")!;
  const socket = new WebSocket(webSocketDebuggerUrl);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  stack.defer(async () => {
    socket.close();
    await closed;
  });
  await new Promise((resolve) => socket.onopen = resolve);

  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const complaints: string[] = [];
  let loaded = Promise.withResolvers<void>();
  let sent = 0;
  socket.onmessage = ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(data);
    if (error) waiting.get(id)?.reject(new Error(error.message));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
    if (method === "Page.loadEventFired") loaded.resolve();
    if (method === "Log.entryAdded" && params.entry.level === "error") {
      complaints.push(params.entry.text);
    }
    if (method === "Runtime.exceptionThrown") {
      complaints.push(params.exceptionDetails.exception?.description ?? "");
    }
  };
  const send: BrowserPage["send"] = (method, params = {}) => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(++sent, answer);
    socket.send(JSON.stringify({ id: sent, method, params }));
    return answer.promise;
  };
  for (const domain of ["Page", "Log", "Runtime"]) {
    await send(`${domain}.enable`);
  }
  const kept = stack.move();
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      ...{ expression, awaitPromise: true, returnByValue: true },
    });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  return {
    send,
    evaluate,
    complaints,
    async open(url) {
      loaded = Promise.withResolvers();
      // Without a loader only the fragment has changed.
      const { loaderId } = await send("Page.navigate", { url });
      if (loaderId) await loaded.promise;
    },
    async until(expression) {
      for (let i = 0; i < 200; i++) {
        if (await evaluate<boolean>(`!!(${expression})`)) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(
        `not within 10 s: ${expression}\n${await evaluate(
          "document.body.innerText",
        )}`,
      );
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
