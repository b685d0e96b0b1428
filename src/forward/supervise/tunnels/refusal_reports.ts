import type {
  AdmissionRefusal,
  AdmissionRule,
} from "../../admission/admission_rules.ts";

/** How often refusals by one rule are reported, in milliseconds. */
const EVERY_MS = 1000;

/** Refusals by one rule that were not reported yet. */
interface Pending {
  last?: AdmissionRefusal;
  count: number;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Reports refusals without flooding: the first by a rule at once, those of the
 * second after it together.
 */
export class RefusalReports {
  readonly #report: (last: AdmissionRefusal, count: number) => void;
  readonly #pending = new Map<AdmissionRule, Pending>();

  /** @param report Receives the last refusal, and how many by this rule there were since the report before. */
  constructor(report: (last: AdmissionRefusal, count: number) => void) {
    this.#report = report;
  }

  /** Records a refusal. */
  add(refusal: AdmissionRefusal): void {
    const pending = this.#pending.get(refusal.rule);
    if (pending) {
      pending.last = refusal;
      pending.count++;
    } else {
      this.#wait(refusal.rule);
      this.#report(refusal, 1);
    }
  }

  /** Reports what was held back. */
  flush(): void {
    for (const [rule, pending] of this.#pending) this.#pass(rule, pending);
  }

  #wait(rule: AdmissionRule): void {
    const pending: Pending = {
      count: 0,
      timer: setTimeout(() => {
        this.#pass(rule, pending);
        if (pending.last) this.#wait(rule);
      }, EVERY_MS),
    };
    this.#pending.set(rule, pending);
  }

  #pass(rule: AdmissionRule, { last, count, timer }: Pending): void {
    clearTimeout(timer);
    this.#pending.delete(rule);
    if (last) this.#report(last, count);
  }
}
