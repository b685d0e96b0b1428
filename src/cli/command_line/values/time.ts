import { ArgumentError } from "../../../errors.ts";
import { shown } from "../../../text/shown.ts";

const seconds: Record<string, number> = {
  "": 1,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/**
 * Reads a time as in ssh_config: seconds, or `1m30s`, also with fractions.
 *
 * @param argument The name of the argument, for the error.
 * @param leastMs The shortest valid time.
 * @returns milliseconds, at most what a timer can wait.
 * @throws {ArgumentError} if it is not valid.
 */
export function parseTime(
  argument: string,
  text: string,
  leastMs = 0,
): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([smhdw]?)/gi)];
  const ms = parts.reduce(
    (sum, [, number, unit = ""]) =>
      sum + Number(number) * 1000 * (seconds[unit.toLowerCase()] ?? 1),
    0,
  );
  const isWhole = parts.map(([part]) => part).join("") === text && text !== "";
  if (isWhole && ms >= leastMs && ms < 2 ** 31) return Math.round(ms);
  throw new ArgumentError(
    argument,
    `${shown(text)} is not a valid time; give seconds, or as in 1m30s`,
  );
}
