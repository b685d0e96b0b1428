import type { AdmissionRules } from "../../../forward/admission/admission_rules.ts";

/** What can be said of all forwards, or of one. */
export interface ForwardOptions {
  /** Who may connect, how often and how much. */
  admission?: AdmissionRules;
}

/** The options of one forward: its own, and those for all that it has not. */
export function mergeForwardOptions(
  all: ForwardOptions,
  own: ForwardOptions = {},
): ForwardOptions {
  const admission = { ...all.admission, ...own.admission };
  return {
    ...all,
    ...own,
    ...Object.keys(admission).length > 0 && { admission },
  };
}
