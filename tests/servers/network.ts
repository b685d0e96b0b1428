import { serverTest } from "./availability.ts";
import { run } from "./run.ts";

/** A machine, as far as the network is concerned. */
export interface Machine {
  /** Its address. */
  readonly address: string;
  /** What a program is started through to run on it; it becomes the program. */
  readonly through: string[];
}

/** Two machines with a router between them. */
export interface Network extends AsyncDisposable {
  readonly client: Machine;
  readonly server: Machine;
  /** Drops all packets from now on, without an error to either side. */
  cut(): Promise<void>;
  /** They arrive again. */
  heal(): Promise<void>;
}

/**
 * Registers a test that makes networks. It is ignored where the kernel does
 * not let it, which no package can mend.
 */
export function networkTest(name: string, fn: () => Promise<void>): void {
  const reason = whyNoNamespaces();
  if (reason === undefined) return serverTest(["sshd", "ip", "bash"], name, fn);
  Deno.test({ name: `${name} (ignored: ${reason})`, ignore: true, fn });
}

function whyNoNamespaces(): string | undefined {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    return "it makes network namespaces, which only root on Linux may";
  }
  const { success } = new Deno.Command("unshare", {
    args: ["--net", "true"],
    stderr: "null",
  }).outputSync();
  return success ? undefined : "the kernel does not permit network namespaces";
}

/** Makes two machines that reach each other, each a network namespace of its own. */
export async function startNetwork(): Promise<Network> {
  await using stack = new AsyncDisposableStack();
  const [client, router, server] = [
    stack.use(await Namespace.start()),
    stack.use(await Namespace.start()),
    stack.use(await Namespace.start()),
  ];
  for (const [i, end] of [client, server].entries()) {
    await router.run(
      `ip link add name wire${i} type veth peer name wire netns ${end.pid}`,
      `ip addr add 10.0.${i}.1/24 dev wire${i}`,
      `ip link set dev wire${i} up`,
    );
    await end.run(
      `ip addr add 10.0.${i}.2/24 dev wire`,
      "ip link set dev wire up",
      `ip route add default via 10.0.${i}.1`,
    );
  }
  const forward = (on: 0 | 1) =>
    router.run(`echo ${on} >/proc/sys/net/ipv4/ip_forward`);
  await forward(1);
  const kept = stack.move();
  return {
    client: { address: "10.0.0.2", through: client.through },
    server: { address: "10.0.1.2", through: server.through },
    cut: () => forward(0),
    heal: () => forward(1),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** A network namespace; it ends with the last process in it. */
class Namespace implements AsyncDisposable {
  readonly #holder: Deno.ChildProcess;

  private constructor(holder: Deno.ChildProcess) {
    this.#holder = holder;
  }

  static async start(): Promise<Namespace> {
    const holder = new Deno.Command("unshare", {
      args: ["--net", "sh", "-c", "ip link set dev lo up; echo; exec cat"],
      stdin: "piped", // closes with this process, whatever ends that
      stdout: "piped",
    }).spawn();
    const ready = holder.stdout.getReader();
    await ready.read();
    ready.releaseLock();
    return new Namespace(holder);
  }

  get pid(): number {
    return this.#holder.pid;
  }

  get through(): string[] {
    return ["nsenter", `--net=/proc/${this.pid}/ns/net`];
  }

  async run(...commands: string[]): Promise<void> {
    const [program = "", ...args] = this.through;
    await run(program, [...args, "sh", "-e", "-c", commands.join("\n")]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.stdout.cancel();
    await this.#holder.status;
  }
}
