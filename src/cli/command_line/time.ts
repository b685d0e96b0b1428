import { ArgumentError } from "../../errors.ts";
import { shown } from "../../text/shown.ts";

const seconds: Record<string, number> = {
  "": 1,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
};

/**
 * A time as ssh_config has it: seconds, or `1m30s`. A fraction may be given too.
 *
 * @param argument What was given it, for the error.
 * @param leastMs The shortest that makes sense.
 * @returns milliseconds that a timer takes.
 * @throws {ArgumentError} if it is none.
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
