/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The address without the brackets that it has in a URL, as `URL.hostname` too. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[([^\]]*:[^\]]*)\]$/, "$1");
}
