import { join } from "node:path";
import { findProgram } from "./availability.ts";

/** What nxproxy has to know of a session. */
export interface DisplayedSession {
  name: string;
  display: number;
  cookie: string;
  graphicsPort: number;
}

/** A session on a display. */
export interface ShownSession extends AsyncDisposable {
  /** Settles when the session left the display. */
  readonly status: Promise<unknown>;
}

/** An X display here that sessions show themselves on: without one, a session never gets beyond "starting". */
export interface X2GoDisplay extends AsyncDisposable {
  /** Connects a session to it; disposing that disconnects, and the session suspends itself. */
  show(session: DisplayedSession): ShownSession;
}

/** Starts an X server without a screen. */
export async function startDisplay(): Promise<X2GoDisplay> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-display-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const xvfb = stack.use(
    new Deno.Command(findProgram("Xvfb") ?? "Xvfb", {
      // It chooses a display that is free, and prints its number once it is there.
      args: [
        "-displayfd",
        "1",
        "-nolisten",
        "tcp",
        "-screen",
        "0",
        "800x600x24",
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn(),
  );
  let display = "";
  for await (const text of xvfb.stdout.pipeThrough(new TextDecoderStream())) {
    display += text;
    if (display.endsWith("\n")) break;
  }
  if (display === "") throw new Error("Xvfb did not start");

  const resources = stack.move();
  return {
    show: ({ name, display: agent, cookie, graphicsPort }) =>
      new Deno.Command("nxproxy", {
        args: [
          "-S",
          `nx/nx,retry=5,composite=1,connect=127.0.0.1,clipboard=1,cookie=${cookie},port=${graphicsPort},errors=${
            join(dir, name)
          }:${agent}`,
        ],
        env: {
          DISPLAY: `:${display.trim()}`,
          HOME: dir,
          NX_ROOT: dir,
          NX_CLIENT: "/bin/true",
        },
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).spawn(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
