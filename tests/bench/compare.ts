import type { Rounds } from "./report.ts";

/** Results as `--json` prints them: suite, client, metric. */
export type Results = Record<string, Record<string, Record<string, Rounds>>>;

/** A metric of one run beside that of another. */
export interface Comparison {
  readonly suite: string;
  /** What the first client is held against: only ratios of one run count. */
  readonly peer: string;
  readonly metric: string;
  readonly then: number;
  readonly now: number;
}

/**
 * The first client's ratios to every other client, in two runs; where both
 * measured them.
 */
export function compare(then: Results, now: Results): Comparison[] {
  return Object.entries(now).flatMap(([suite, clients]) => {
    const [first = "", ...peers] = Object.keys(clients);
    return peers.flatMap((peer) =>
      Object.keys(clients[first] ?? {}).flatMap((metric) => {
        const ratio = (results: Results) =>
          (results[suite]?.[first]?.[metric]?.median ?? NaN) /
          (results[suite]?.[peer]?.[metric]?.median ?? NaN);
        const both = { then: ratio(then), now: ratio(now) };
        return Number.isFinite(both.then) && Number.isFinite(both.now)
          ? [{ suite, peer, metric, ...both }]
          : [];
      })
    );
  });
}

/** What was measured now and is not in the saved run, which may be older: `suite, metric`. */
export function unmatched(then: Results, now: Results): string[] {
  return Object.entries(now).flatMap(([suite, clients]) => {
    const known = new Set(
      Object.values(then[suite] ?? {}).flatMap(Object.keys),
    );
    const metrics = new Set(Object.values(clients).flatMap(Object.keys));
    return [...metrics.difference(known)].map((it) => `${suite}, ${it}`);
  });
}

/** The comparisons as lines, with those first that changed most. */
export function comparisonTable(comparisons: readonly Comparison[]): string {
  const change = ({ then, now }: Comparison) => now / then;
  return comparisons
    .toSorted((a, b) =>
      Math.abs(Math.log(change(b))) - Math.abs(Math.log(change(a)))
    )
    .map((comparison) => {
      const { suite, peer, metric, then, now } = comparison;
      return `${change(comparison).toFixed(2).padStart(6)}x  ${
        then.toFixed(2)
      } → ${now.toFixed(2)}  ${suite}, ${metric}, to ${peer}`;
    })
    .join("\n");
}
