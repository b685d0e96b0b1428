import { defined } from "../../../defined.ts";
import { shown } from "../../../text/shown.ts";
import { each, type Option } from "./option.ts";
import { duration } from "./value_types.ts";

/** When to exchange keys again. */
export interface RekeyLimitSetting {
  /** After how many bytes; 0 for ssh's default. */
  readonly bytes: number;
  /** After what time, in milliseconds; 0 for never. */
  readonly ms?: number;
}

/** `RekeyLimit`, an amount of data and perhaps a time; each is set by the first line that has it. */
export const rekeyLimit: Option<
  RekeyLimitSetting,
  RekeyLimitSetting | undefined
> = each(
  "RekeyLimit",
  {
    parse(line, env) {
      const amount = line.word();
      const valid = amount === "default" || amount === "0" ||
        /^(\d+[kmgt]|\d{3,}|1[6-9]|[2-9]\d)$/i.test(amount);
      if (!valid) {
        throw line.error(
          `cannot be ${shown(amount)}; use bytes from 16, e.g. 512M or 1G`,
        );
      }
      const ms = line.hasMore ? duration.parse(line, env) : undefined;
      return defined({ bytes: toBytes(amount), ms });
    },
    isSame: () => false,
    expand: (limits) =>
      limits.map(({ value }) => value)
        .reduceRight<RekeyLimitSetting | undefined>(
          (later, limit) => ({ ...later, ...limit }),
          undefined,
        ),
    print: ({ bytes, ms = 0 }) => `${bytes} ${ms / 1000}`,
  },
);

/** @returns 0 for `default`. */
function toBytes(amount: string): number {
  const power = "kmgt".indexOf(amount.at(-1)!.toLowerCase()) + 1;
  return amount === "default" ? 0 : parseInt(amount) * 1024 ** power;
}
