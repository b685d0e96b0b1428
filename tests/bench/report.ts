/** What one client reached in one suite. */
export interface Result {
  /** The client's name. */
  readonly client: string;
  /** For each metric, its value in each round. */
  readonly rounds: readonly (readonly number[])[];
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) +
    (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/**
 * A suite as a table: the medians, then the first client's in relation to
 * every other client's. A metric's name breaks at its comma, to keep its column
 * narrow.
 */
export function table(
  title: string,
  metrics: readonly string[],
  results: readonly Result[],
): string {
  const medians = results.map(({ client, rounds }) => ({
    client,
    values: rounds.map(median),
  }));
  const [first, ...others] = medians;
  const header = [title, ...metrics].map((name) => name.split(", "));
  const height = Math.max(...header.map((lines) => lines.length));
  const rows = [
    ...Array.from(
      { length: height },
      (_, line) => header.map((name) => name.at(line - height) ?? ""),
    ),
    ...medians.map(({ client, values }) => [client, ...values.map(digits)]),
    ...others.map(({ client, values }) => [
      `${first?.client} / ${client}`,
      ...values.map((value, i) => ratio((first?.values[i] ?? NaN) / value)),
    ]),
  ];
  const widths = header.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) =>
    row.map((cell, column) =>
      column === 0
        ? cell.padEnd(widths[0] ?? 0)
        : cell.padStart(widths[column] ?? 0)
    ).join("  ")
  ).join("\n");
}

/** A metric's value in each round, and the middle one. */
export interface Rounds {
  readonly median: number;
  readonly rounds: readonly number[];
}

/** A suite as an object: each client's metrics, with their medians and rounds. */
export function byName(
  metrics: readonly string[],
  results: readonly Result[],
): Record<string, Record<string, Rounds>> {
  return Object.fromEntries(results.map(({ client, rounds }) => [
    client,
    Object.fromEntries(metrics.map((metric, m) => {
      const values = rounds[m] ?? [];
      return [metric, { median: median(values), rounds: values }];
    })),
  ]));
}

/** A suite as a table in Markdown: a line for each metric, with medians and the range of the rounds. */
export function markdown(
  title: string,
  metrics: readonly string[],
  results: readonly Result[],
): string {
  const first = results[0];
  const rows = metrics.map((metric, m) => {
    const of = ({ rounds }: Result) => rounds[m] ?? [];
    const ours = median(first ? of(first) : []);
    return [
      `${title}: ${metric}`,
      ...results.map((result) => {
        const values = of(result);
        const value = median(values);
        if (Number.isNaN(value)) return "-";
        const range = `${digits(Math.min(...values))}–${
          digits(Math.max(...values))
        }`;
        const held = result === first ? "" : `, ${ratio(ours / value)}`;
        return `${digits(value)} (${range})${held}`;
      }),
    ];
  });
  return [
    ["", ...results.map(({ client }) => client)],
    ["---", ...results.map(() => "---")],
    ...rows,
  ].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/**
 * Clients that should be steady and were not: the machine had other things to
 * do. Some of their rounds took twice as long as others.
 */
export function unsteady(
  title: string,
  metrics: readonly string[],
  results: readonly Result[],
): string[] {
  return results.flatMap(({ client, rounds }) =>
    metrics.flatMap((metric, m) => {
      const values = rounds[m] ?? [];
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return least > 0 && most > 2 * least
        ? [
          `${title}, ${client}, ${metric}: ${digits(least)} to ${digits(most)}`,
        ]
        : [];
    })
  );
}

/** Three digits that count. */
function digits(value: number): string {
  if (Number.isNaN(value)) return "-";
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(value >= 1 ? 2 : 3);
}

function ratio(value: number): string {
  return Number.isFinite(value) ? `${value.toFixed(2)}x` : "-";
}
