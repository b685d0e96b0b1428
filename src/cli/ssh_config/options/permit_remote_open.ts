import type { SocksPermit } from "../../../forward/socks/socks_target.ts";
import { shown } from "../../../text/shown.ts";
import { parsePort } from "../../command_line/values/port.ts";
import type { ConfigLine } from "../reader/config_line.ts";
import { once, type Option } from "./option.ts";

/** `PermitRemoteOpen` */
export const permitRemoteOpen: Option<SocksPermit, SocksPermit | undefined> =
  once("PermitRemoteOpen", {
    parse(line) {
      const words = line.words();
      if (words.length === 0) throw line.error("has no argument");
      for (const all of ["any", "none"] as const) {
        if (!words.some((word) => word.toLowerCase() === all)) continue;
        if (words.length > 1) throw line.error(`takes ${all} only alone`);
        return all;
      }
      return words.map((word) => toDestination(word, line));
    },
    print: (permit) => typeof permit === "string" ? permit : permit.join(" "),
  });

/** The port may be the name of a service. */
function toDestination(word: string, line: ConfigLine): string {
  const [, host, service = ""] =
    /^(\[[^\]]+\]|[^:[\]/]+):([^:]+)$/.exec(word) ??
      [];
  const port = service === "*" ? service : parsePort(service);
  if (host !== undefined && port) return `${host}:${port}`;
  throw line.error(
    `cannot be ${shown(word)}; use host:port, *:port, host:*, any or none`,
  );
}
