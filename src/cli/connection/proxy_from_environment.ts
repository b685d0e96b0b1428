import { BlockList, isIP } from "node:net";
import { readVariable } from "../../environment.ts";
import {
  parseProxyUrl,
  type ProxyAddress,
} from "../../ssh/dial/proxy/proxy_address.ts";

/** The variables that name a proxy, the first that is set counts; lower case first, as in curl. */
const names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/**
 * The proxy that the environment names for a server, unless `NO_PROXY` excepts
 * it.
 *
 * @param read Reads a variable.
 * @throws {ArgumentError} if it is not a URL of a proxy.
 */
export function proxyFromEnvironment(
  { hostname, port }: { hostname: string; port: number },
  read: (name: string) => string | undefined = readVariable,
): ProxyAddress | undefined {
  const name = names.find((name) => read(name));
  const url = name && read(name);
  if (!url) return undefined;
  const exceptions = read("no_proxy") || read("NO_PROXY") || "";
  return isExcepted(exceptions, hostname, port)
    ? undefined
    : parseProxyUrl(name, url);
}

/**
 * Whether `NO_PROXY` names a host, as curl and Go read it: `*`, a domain with
 * all below it, an address, or addresses in CIDR notation, each with a port or
 * for all of them.
 */
function isExcepted(list: string, hostname: string, port: number): boolean {
  // The zone of an address (fe80::1%eth0) is this machine's own.
  const host = hostname.toLowerCase().replace(/%.*|\.$/, "");
  return list.toLowerCase().split(/[\s,]+/).some((entry) => {
    const [, bracketed, plain = "", only] =
      /^(?:\[([^\]]*)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
    const name = (bracketed ?? plain).replace(/^\*?\./, "").replace(/\.$/, "");
    if (name === "" || only !== undefined && Number(only) !== port) {
      return false;
    }
    if (name === "*") return true;
    return isIP(host)
      ? isInRange(name, host)
      : host === name || host.endsWith(`.${name}`);
  });
}

function isInRange(range: string, address: string): boolean {
  const [network = "", bits] = range.split("/");
  const family = isIP(network);
  const most = family === 6 ? 128 : 32;
  const length = bits === undefined ? most : Number(bits);
  if (!family || !/^\d*$/.test(bits ?? "") || length > most) return false;
  const list = new BlockList();
  list.addSubnet(network, length, family === 6 ? "ipv6" : "ipv4");
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
