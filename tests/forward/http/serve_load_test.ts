/** serve() under load; `RFORWARD_THOROUGH=1` for as long and as much as is worth a figure. */
import { assert, assertEquals, assertMatch } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { startSshd } from "../../servers/openssh.ts";
import { run } from "../../servers/run.ts";
import { THOROUGH } from "../../thorough.ts";

const [bytes, seconds, events] = THOROUGH
  ? [1024 ** 3, 10, 61]
  : [128 * 1024 ** 2, 1, 2];

/** A process that serves. */
interface LoadServer extends AsyncDisposable {
  readonly url: string;
  /** The most memory that it has had, in bytes. */
  peak(): Promise<number>;
}

async function startLoadServer(): Promise<LoadServer> {
  await using stack = new AsyncDisposableStack();
  const { hostname, port, user, keyFile, knownHosts } = stack.use(
    await startSshd(),
  );
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--allow-all"],
      new URL("load_server.ts", import.meta.url).pathname,
      JSON.stringify({ hostname, port, user, keyFile, knownHosts }),
    ],
    stdout: "piped",
  }).spawn();
  stack.defer(async () => {
    child.kill("SIGKILL");
    await child.status;
  });
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  stack.defer(() => reader.cancel());
  const url = `http://127.0.0.1:${(await reader.read()).value?.trim()}`;
  const kept = stack.move();
  return {
    url,
    async peak() {
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

serverTest(
  ["sshd", "curl", "bash"],
  "serve() moves large bodies either way in little memory",
  async () => {
    await using server = await startLoadServer();
    const { url } = server;
    const before = await server.peak();
    const bash = (script: string) => run("bash", ["-c", script]);
    assertEquals(
      (await bash(`curl -sS '${url}/download?n=${bytes}' | wc -c`)).trim(),
      `${bytes}`,
    );
    const downloaded = await server.peak();
    const upload = `head -c ${bytes} /dev/zero | curl -sS -T - '${url}/upload'`;
    assertEquals(await bash(upload), `${bytes}`);
    const uploaded = await server.peak();
    console.log(
      `peak memory: ${mb(before)} before, ${
        mb(downloaded)
      } after a download and ${mb(uploaded)} after an upload of ${mb(bytes)}`,
    );
    assert(uploaded - before < 160 * 1024 ** 2);
    if (!THOROUGH) return;
    // What gathers before V8 collects it does not depend on the size.
    for (let i = 0; i < 3; i++) assertEquals(await bash(upload), `${bytes}`);
    const again = await server.peak();
    console.log(`${mb(again)} after three more`);
    assert(again - uploaded < 24 * 1024 ** 2);
  },
);

serverTest(
  ["sshd", "wrk"],
  "serve() answers wrk without an error",
  async () => {
    await using server = await startLoadServer();
    const said = await run("wrk", [
      ...["-t", "1", "-c", "50", "-d", `${seconds}s`],
      server.url,
    ]);
    tell(said.trim());
    assertMatch(said, /Requests\/sec: +\d{2,}/);
    assertEquals(/Socket errors|Non-2xx/.exec(said), null);
  },
);

serverTest(
  ["sshd", "curl"],
  "serve() sends events for as long as they come",
  async () => {
    await using server = await startLoadServer();
    const said = await run("curl", [
      ...["-sS", "-N"],
      `${server.url}/events?n=${events}`,
    ]);
    assertEquals(said.match(/^data: \d+$/gm)?.length, events);
  },
);

/** Figures are of interest where they were asked for. */
function tell(text: string): void {
  if (THOROUGH) console.log(text);
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
