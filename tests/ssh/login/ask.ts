/** Gives one answer after the other, and counts how often it was asked. */
export function ask<T>(...answers: T[]) {
  const asking = {
    count: 0,
    ask: () => Promise.resolve(answers[asking.count++] as T),
  };
  return asking;
}
