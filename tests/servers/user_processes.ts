/**
 * Ends every process of a user, and waits until none is left: politely first,
 * so that each removes its lock files, by force after that.
 */
export async function endProcessesOf(uid: number): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const deadline = performance.now() + 3000;
    const signalled = new Set<number>();
    while (performance.now() < deadline) {
      const pids = processesOf(uid);
      if (pids.length === 0) return;
      for (const pid of pids) {
        if (signalled.has(pid)) continue;
        signalled.add(pid);
        try {
          Deno.kill(pid, signal);
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`user ${uid} still has processes: ${processesOf(uid)}`);
}

function processesOf(uid: number): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = Deno.readTextFileSync(`/proc/${name}/status`);
      // A zombie has ended; whoever started it has not looked yet.
      if (/^State:\s+Z/m.test(status)) continue;
      // proc(5): real, effective, saved and filesystem uid.
      const uids = status.match(/^Uid:\s+(.*)$/m)?.[1]?.split(/\s+/) ?? [];
      if (uids.includes(String(uid))) found.push(Number(name));
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
