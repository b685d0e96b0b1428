const SIZES = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes in at most five characters: `999B`, `1.2MB`, `340kB`. */
export function formatBytes(bytes: number): string {
  let value = Math.round(bytes);
  let size = 0;
  // From 999.5 on it would be rounded to 1000.
  for (; value >= 999.5 && size < SIZES.length - 1; size++) value /= 1000;
  const digits = size > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits)}${SIZES[size]}`;
}

/** A time in its two greatest units: `12 ms`, `41 s`, `3 min 20 s`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  const [great, small, greatUnit, smallUnit] = seconds < 60
    ? [seconds, 0, "s", ""] as const
    : seconds < 3600
    ? [seconds / 60, seconds % 60, "min", "s"] as const
    : seconds < 86_400
    ? [seconds / 3600, seconds / 60 % 60, "h", "min"] as const
    : [seconds / 86_400, seconds / 3600 % 24, "d", "h"] as const;
  const rest = Math.floor(small);
  return `${Math.floor(great)} ${greatUnit}${
    rest > 0 ? ` ${rest} ${smallUnit}` : ""
  }`;
}

/** `1 reconnect`, `2 reconnects`. */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
