/** How often the addresses are compared, in milliseconds. Deno has no event for it. */
const LOOK_MS = 1000;

/**
 * Watches for addresses of this machine that are gone or new, such as those of
 * another wireless network. Needs `--allow-sys=networkInterfaces`, and does
 * nothing without it.
 *
 * @param onChange Called once for each change.
 * @param addresses Reads them as one text.
 * @returns stops watching when disposed of.
 */
export function watchNetwork(
  onChange: () => void,
  { addresses = readAddresses, everyMs = LOOK_MS } = {},
): Disposable {
  let before = addresses();
  const timer = setInterval(() => {
    const now = addresses();
    if (now === before) return;
    before = now;
    onChange();
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The addresses of this machine, without those of loopback. */
function readAddresses(): string {
  const { state } = Deno.permissions.querySync({
    name: "sys",
    kind: "networkInterfaces",
  });
  if (state !== "granted") return "";
  return Deno.networkInterfaces()
    .filter(({ address }) => !/^(127\.|::1$)/.test(address))
    .map(({ name, cidr }) => `${name} ${cidr}`)
    .sort().join("\n");
}
