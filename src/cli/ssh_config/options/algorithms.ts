import { nativeEngine } from "../../../ssh/native/native_engine.ts";
import { checkAlgorithmNames } from "./algorithm_list.ts";
import { opensshAlgorithms } from "./openssh_algorithms.ts";
import type { ValueType } from "./option.ts";
import { word } from "./value_types.ts";

/** A list of algorithms as it is written: a name that neither ssh nor this program knows is an error. */
export function algorithms(
  kind: keyof typeof opensshAlgorithms,
): ValueType<string> {
  const known = [
    ...opensshAlgorithms[kind],
    ...nativeEngine.supportedAlgorithms[kind],
  ];
  return {
    ...word,
    parse(line) {
      const list = line.word();
      checkAlgorithmNames(line, list, known);
      return list;
    },
  };
}
