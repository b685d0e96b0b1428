/** What became of the connections that were live when something was stopped. */
export interface DrainResult {
  /** Those that ended by themselves. */
  readonly finished: number;
  /** Those that were cut: closed here at the end of the time that they had, or lost. */
  readonly cut: number;
}

/** Adds them up. */
export function sumDrains(results: readonly DrainResult[]): DrainResult {
  return {
    finished: results.reduce((sum, { finished }) => sum + finished, 0),
    cut: results.reduce((sum, { cut }) => sum + cut, 0),
  };
}
