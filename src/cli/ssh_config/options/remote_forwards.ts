import { defined } from "../../../defined.ts";
import {
  parseRemoteForward,
  type RemoteForwardLine,
} from "../../command_line/values/forward_spec.ts";
import { expandTokens, expandVariables } from "../expand/expand.ts";
import { each, type Option } from "./option.ts";

/** `RemoteForward` */
export const remoteForwards: Option<
  Omit<RemoteForwardLine, "where">,
  readonly RemoteForwardLine[]
> = each("RemoteForward", {
  parse(line, env) {
    const listen = expandVariables(line.word(), line, env);
    const second = line.next();
    const connect = second && expandVariables(second, line, env);
    // Without a second end it is a SOCKS proxy.
    const forward = defined({ listen, connect: connect || undefined });
    parseRemoteForward({ ...forward, where: line.where });
    return forward;
  },
  isSame: (a, b) =>
    a.value.listen === b.value.listen && a.value.connect === b.value.connect,
  async expand(forwards, { tokens, values }) {
    const [clear] = values.get("clearAllForwardings") ?? [];
    if (clear?.value) return [];
    return await Promise.all(
      forwards.map(async ({ line, value: { listen, connect } }) => {
        const expand = async (end: string) =>
          end.includes("/") ? await expandTokens(end, line, tokens) : end;
        return defined({
          listen: await expand(listen),
          connect: connect && await expand(connect),
          where: line.where,
        });
      }),
    );
  },
  print: (forwards) =>
    forwards.map(({ listen, connect = "" }) => `${listen} ${connect}`.trim()),
});
