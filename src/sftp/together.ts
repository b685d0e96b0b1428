import { Packet } from "./protocol/sftp_protocol.ts";

/** The most requests that are processed together: their replies have to fit one buffer. */
const MAX_TOGETHER = 16;

/** Requests that change nothing and use no handle. */
const QUESTIONS: ReadonlySet<number | undefined> = new Set([
  Packet.lstat,
  Packet.stat,
  Packet.readlink,
  Packet.realpath,
]);

/** Groups consecutive requests that change nothing, as each waits for the disk; all others stay alone. */
export function* together<T extends object>(
  steps: Iterable<T | Uint8Array>,
): Generator<(T | Uint8Array)[], void, void> {
  let questions: Uint8Array[] = [];
  for (const step of steps) {
    const isQuestion = step instanceof Uint8Array && QUESTIONS.has(step[0]);
    if (isQuestion) questions.push(step);
    if (questions.length === MAX_TOGETHER || !isQuestion) {
      if (questions.length > 0) yield questions;
      questions = [];
    }
    if (!isQuestion) yield [step];
  }
  if (questions.length > 0) yield questions;
}
