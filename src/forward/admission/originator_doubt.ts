import { isTcp } from "../../ssh/bind.ts";
import type { ForwardedOpen } from "../../ssh/connection.ts";
import { formatAddress } from "../../text/format_address.ts";
import { printable } from "../../text/printable.ts";
import { isAddress } from "./address_ranges.ts";

/**
 * Why what a server says of who connected cannot be what it is: sish names the
 * bind there, others a name.
 *
 * @returns a warning, or nothing.
 */
export function originatorDoubt(
  { bind, originator }: Pick<ForwardedOpen, "bind" | "originator">,
): string | undefined {
  const { address, port } = originator;
  const isBind = isTcp(bind) && address === bind.hostname &&
    port === bind.port;
  if (!isBind && isAddress(address)) return undefined;
  const name = printable(formatAddress(address, port));
  return `the server does not tell who connects (it names ${name}${
    isBind ? ", which is the bind" : ", which is not an IP address"
  }): rules by address see only that`;
}
