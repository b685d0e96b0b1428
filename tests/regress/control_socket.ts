/** The socket that a connection in the background is controlled by (`-M -S PATH`). */
export class ControlSocket implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  readonly #exit = Promise.withResolvers<void>();

  constructor(path: string) {
    this.#listener = Deno.listen({ transport: "unix", path });
    void this.#serve();
  }

  /** Settles when the connection is to end (`-O exit`). */
  get exitAsked(): Promise<void> {
    return this.#exit.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { path } = this.#listener.addr;
    this.#listener.close();
    await Deno.remove(path);
  }

  async #serve(): Promise<void> {
    for await (const conn of this.#listener) {
      const request = new Uint8Array(1);
      await conn.read(request);
      await conn.write(new TextEncoder().encode(`${Deno.pid}`));
      conn.close();
      if (request[0] === EXIT) this.#exit.resolve();
    }
  }
}

const [CHECK, EXIT] = [0, 1];

/** Asks the process that listens on a control socket, and prints its answer as `ssh -O` does. */
export async function controlMaster(
  path: string,
  command: string,
): Promise<number> {
  const conn = await Deno.connect({ transport: "unix", path });
  await conn.write(Uint8Array.of(command === "exit" ? EXIT : CHECK));
  const pid = await new Response(conn.readable).text();
  console.log(
    command === "exit" ? "Exit request sent." : `Master running (pid=${pid})`,
  );
  return 0;
}
