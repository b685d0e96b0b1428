/**
 * A port as ssh reads it: a number from 0 to 65535, or the name of a TCP
 * service in `/etc/services`, which is read only for a name, and only if Deno
 * permits it.
 *
 * @returns undefined if it is not valid.
 */
export function parsePort(text: string): number | undefined {
  // strtonum(3), which ssh uses, accepts spaces and a sign too.
  if (/^\s*[+-]?\d+$/.test(text)) {
    const port = Number(text);
    return port >= 0 && port <= 65535 ? Math.abs(port) : undefined;
  }
  return /^[\w.+-]+$/.test(text) ? servicePort(text) : undefined;
}

function servicePort(name: string): number | undefined {
  for (const line of readServices().split("\n")) {
    const [service, number, ...aliases] = line.replace(/#.*/, "").trim()
      .split(/\s+/);
    const port = /^(\d+)\/tcp$/.exec(number ?? "")?.[1];
    if (port !== undefined && (service === name || aliases.includes(name))) {
      return Number(port);
    }
  }
  return undefined;
}

function readServices(): string {
  const path = "/etc/services";
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state !== "granted") return "";
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
