import type { Outcome } from "./run_script.ts";
import type { Inapplicable, Script } from "./scripts.ts";

/** What a script shows. */
export interface Verdict {
  /** How many steps passed. */
  readonly passed: number;
  /** How many steps do not apply, by the reason. */
  readonly inapplicable: ReadonlyMap<string, number>;
  /** What failed. */
  readonly failed: readonly string[];
}

/**
 * Judges a script's steps.
 *
 * @param isWhole Whether all of its steps were run: then a rule that no step matches is a failure, as it could hide one to come.
 */
export function judge(
  { inapplicable = [] }: Script,
  { steps, problem }: Outcome,
  isWhole: boolean,
): Verdict {
  const reasons = new Map<string, number>();
  const failed = problem === undefined ? [] : [problem];
  const used = new Set<Inapplicable>();
  let passed = 0;
  for (const { label, failures } of steps) {
    const rule = inapplicable.find((rule) => rule.steps.test(label));
    if (rule) {
      used.add(rule);
      reasons.set(rule.reason, (reasons.get(rule.reason) ?? 0) + 1);
    } else if (failures.length === 0) {
      passed++;
    } else {
      failed.push(`${label}: ${failures.join("; ")}`);
    }
  }
  const unused = inapplicable.filter((rule) => isWhole && !used.has(rule));
  failed.push(...unused.map(({ steps }) => `no step matches ${steps}`));
  return { passed, inapplicable: reasons, failed };
}

/** The columns of a table of verdicts. */
export const heading =
  "script            passed  do not apply  failed  seconds";

/** A row of the table, with what is to be said about it below. */
export function row(name: string, verdict: Verdict, ms: number): string {
  const { passed, inapplicable, failed } = verdict;
  const others = [...inapplicable.values()].reduce((sum, n) => sum + n, 0);
  return [
    name.padEnd(18) + `${passed}`.padStart(6) + `${others}`.padStart(14) +
    `${failed.length}`.padStart(8) + (ms / 1000).toFixed(0).padStart(9),
    ...inapplicable.entries().map(([reason, n]) => `    ${n}: ${reason}`),
    ...failed.map((problem) => `    FAILED ${problem}`),
  ].join("\n");
}
