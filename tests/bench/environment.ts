import { findProgram } from "../servers/availability.ts";

/** Where a run took place: numbers of two runs compare only where this is the same. */
export interface Environment {
  /** The processor's name. */
  readonly processor: string;
  /** How many processors there are: the clients, sshd and the load share them. */
  readonly processors: number;
  /** The load average of the last minute when the run began. */
  readonly loadAverage: number;
  /** The kernel's release. */
  readonly kernel: string;
  /** Deno's version. */
  readonly deno: string;
  /** How the kernel paces TCP. */
  readonly congestionControl: string;
}

const congestionControlFile = "/proc/sys/net/ipv4/tcp_congestion_control";

/** Looks at this machine. */
export function inspectEnvironment(): Environment {
  const cpuInfo = Deno.readTextFileSync("/proc/cpuinfo");
  return {
    processor: cpuInfo.match(/^model name\s*: (.*)$/m)?.[1] ?? Deno.build.arch,
    processors: navigator.hardwareConcurrency,
    loadAverage: Deno.loadavg()[0] ?? NaN,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    congestionControl: Deno.readTextFileSync(congestionControlFile).trim(),
  };
}

/** The machine on which the figures were measured, as a reader has to know it. */
export function warnings(environment: Environment): string[] {
  const { congestionControl, loadAverage, processors } = environment;
  const found: string[] = [];
  if (congestionControl === "bbr") {
    found.push(
      "TCP congestion control is bbr, which distorts loopback: run with --netns (as root) for reno",
    );
  }
  if (loadAverage > processors / 4) {
    found.push(
      `the machine was busy before the run began (load average ${
        loadAverage.toFixed(1)
      })`,
    );
  }
  return found;
}

/**
 * Runs this program again in a network namespace of its own, with nothing but
 * loopback and reno.
 *
 * @returns its exit status.
 */
export async function runInNamespace(args: string[]): Promise<number> {
  if (Deno.uid() !== 0) throw new Error("--netns: only root can do that");
  for (const program of ["unshare", "ip"]) {
    if (findProgram(program) === undefined) {
      throw new Error(`--netns needs ${program} (util-linux, iproute2)`);
    }
  }
  const script =
    `ip link set lo up && echo reno >${congestionControlFile} && exec "$0" "$@"`;
  await using child = new Deno.Command("unshare", {
    args: [
      ...["--net", "sh", "-c", script, Deno.execPath(), "run", "-A"],
      Deno.mainModule,
      ...args,
    ],
  }).spawn();
  return (await child.status).code;
}
