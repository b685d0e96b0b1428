import type { CheckTargetOptions } from "../../../forward/supervise/tunnels/target_health.ts";
import type { AdmissionRules } from "../../../forward/admission/admission_rules.ts";
import type { ProxyProtocol } from "../../../forward/targets/target.ts";

/** What can be said of all forwards, or of one. */
export interface ForwardOptions {
  /** Who may connect, how often and how much. */
  admission?: AdmissionRules;
  /** The version of the PROXY protocol that tells the target who connected. */
  proxyProtocol?: ProxyProtocol;
  /** Whether the target is dialled now and then. */
  checkTarget?: CheckTargetOptions;
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
