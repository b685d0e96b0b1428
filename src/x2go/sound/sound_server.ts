/** Where the sound server of this side is, and where its cookie is. @module */

import type { TcpTarget, UnixTarget } from "../../forward/targets/target.ts";

/** Sound systems that X2Go knows: PulseAudio (PipeWire speaks its protocol too), and the old esd. */
export type SoundSystem = "pulse" | "esd";

/** An address that a sound server may listen on. */
export type SoundTarget = TcpTarget | UnixTarget;

/** The environment of this process. */
export interface Surroundings {
  /** An environment variable; undefined also without Deno's permission. */
  env(name: string): string | undefined;
  /** The user id; null on systems without, or without Deno's permission. */
  uid(): number | null;
}

/** PulseAudio's port, and where X2Go's clients have always looked for it. */
const PULSE_PORT = 4713;
const ESD_PORT = 16_001;

/** Where a sound server may listen, likeliest first, by the rules of its own clients. */
export function soundTargets(
  system: SoundSystem,
  { env, uid }: Surroundings,
): SoundTarget[] {
  if (system === "esd") {
    return [parseServer(env("ESPEAKER") ?? "", ESD_PORT) ?? { port: ESD_PORT }];
  }
  const named = (env("PULSE_SERVER") ?? "").split(/\s+/)
    .map((server) => parseServer(server, PULSE_PORT))
    .filter((target) => target !== undefined);
  // As with libpulse, named servers replace the defaults.
  if (named.length > 0) return named;
  const directories = [
    env("PULSE_RUNTIME_PATH"),
    below(env("XDG_RUNTIME_DIR"), "pulse"),
    // Where the login session's variables are missing, e.g. under cron.
    uid() === null ? undefined : `/run/user/${uid()}/pulse`,
  ];
  const paths = directories.flatMap((path) => path ? [`${path}/native`] : []);
  return [
    ...[...new Set(paths)].map((path) => ({ path })),
    { port: PULSE_PORT },
  ];
}

/** Files that may hold the sound server's cookie, likeliest first. */
export function cookieFiles(
  system: SoundSystem,
  { env }: Surroundings,
): string[] {
  const home = env("HOME") ?? env("USERPROFILE");
  const files = system === "esd" ? [below(home, ".esd_auth")] : [
    env("PULSE_COOKIE"),
    below(env("XDG_CONFIG_HOME") || below(home, ".config"), "pulse/cookie"),
    below(home, ".pulse-cookie"),
  ];
  return files.flatMap((file) => file ? [file] : []);
}

/** How many bytes a cookie has. */
export const COOKIE_BYTES: Record<SoundSystem, number> = {
  pulse: 256,
  esd: 16,
};

function below(directory: string | undefined, path: string) {
  return directory ? `${directory}/${path}` : undefined;
}

/** One server of `PULSE_SERVER`: `unix:PATH`, `PATH`, `tcp:HOST:PORT` or `HOST:PORT`, the port being optional; all also after `{MACHINE}`. */
function parseServer(text: string, port: number): SoundTarget | undefined {
  const server = text.replace(/^\{[^}]*\}/, "");
  const [, path] = /^(?:unix:)?(\/.*)$/.exec(server) ?? [];
  if (path !== undefined) return { path };
  const [, bracketed, name, number = port] =
    /^(?:tcp[46]?:)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(server) ??
      [];
  const hostname = bracketed ?? name;
  if (hostname === undefined || Number(number) > 65535) return undefined;
  return { hostname, port: Number(number) };
}
