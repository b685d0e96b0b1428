/** A view that reacts to signals and the end of the process. */
export interface GuardedView {
  /** Releases the terminal. */
  leave(): void;
  /** Takes it again, or adapts to its new size. */
  redraw(): void;
}

/** The exit code after SIGQUIT. */
const QUIT = 128 + 3;

/**
 * Restores the terminal when the process exits, fails, is quit with Ctrl-\, or
 * stopped with Ctrl-Z, which needs `--allow-run`.
 */
export class TerminalGuard implements Disposable {
  readonly #resources: DisposableStack;

  /** Installs the listeners. */
  constructor(view: GuardedView) {
    using stack = new DisposableStack();
    for (const name of ["unload", "error", "unhandledrejection"]) {
      const leave = () => view.leave();
      addEventListener(name, leave);
      stack.defer(() => removeEventListener(name, leave));
    }
    const on = (name: Deno.Signal, listener: () => void) => {
      Deno.addSignalListener(name, listener);
      stack.defer(() => Deno.removeSignalListener(name, listener));
    };
    if (Deno.build.os !== "windows") {
      on("SIGWINCH", () => view.redraw());
      on("SIGCONT", () => view.redraw());
      on("SIGQUIT", () => Deno.exit(QUIT));
      if (Deno.permissions.querySync({ name: "run" }).state === "granted") {
        on("SIGTSTP", () => {
          view.leave();
          Deno.kill(Deno.pid, "SIGSTOP");
        });
      }
    }
    this.#resources = stack.move();
  }

  /** Removes them. */
  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
