/** What happened to the connections that were live when a tunnel or supervisor was stopped. */
export interface DrainResult {
  /** Connections that ended by themselves. */
  readonly finished: number;
  /** Connections that were closed at the end of the drain, or lost with the SSH connection. */
  readonly cut: number;
}

/** Adds them up. */
export function sumDrains(results: readonly DrainResult[]): DrainResult {
  return {
    finished: results.reduce((sum, { finished }) => sum + finished, 0),
    cut: results.reduce((sum, { cut }) => sum + cut, 0),
  };
}
