import type { Algorithms } from "../../ssh/algorithms.ts";
import type { Engine } from "../../ssh/engine.ts";
import { applyAlgorithmList } from "../ssh_config/options/algorithm_list.ts";
import { optionTable } from "../ssh_config/options/option_table.ts";
import type { SshSettings } from "../ssh_config/ssh_settings.ts";

/** The settings that list algorithms, by the kind of algorithm. */
const LISTS = {
  cipher: "ciphers",
  kex: "kexAlgorithms",
  mac: "macs",
  serverHostKey: "hostKeyAlgorithms",
  userKey: "pubkeyAcceptedAlgorithms",
} as const;

/**
 * The algorithms that the settings choose; those that they do not mention are
 * left to the engine.
 *
 * @throws {ArgumentError} if a list leaves none that the engine supports.
 */
export function algorithmOptions(
  settings: SshSettings,
  engine: Engine,
): Algorithms {
  const chosen: Algorithms = {};
  if (settings.compression) {
    // As in ssh, a preference: a server that cannot compress is no error.
    chosen.compression = engine.supportedAlgorithms.compression.toReversed();
  }
  for (const kind of Object.keys(LISTS) as (keyof typeof LISTS)[]) {
    const list = settings[LISTS[kind]];
    // The default of host keys depends on those that are known.
    if (list === undefined) continue;
    chosen[kind] = applyAlgorithmList(
      optionTable[LISTS[kind]].keywords[0]!,
      list,
      engine.defaultAlgorithms[kind],
      engine.supportedAlgorithms[kind],
    );
  }
  return chosen;
}
