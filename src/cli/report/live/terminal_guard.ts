/** A view that has to react to what happens to the process. */
export interface GuardedView {
  /** Leaves the terminal to others. */
  leave(): void;
  /** Takes it again, or it has another size. */
  redraw(): void;
}

/** The exit code of a process that SIGQUIT has ended. */
const QUIT = 128 + 3;

/**
 * Makes sure that a terminal is left in order when the process exits, fails,
 * is quit with Ctrl-\, or stopped with Ctrl-Z, which needs `--allow-run`.
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
