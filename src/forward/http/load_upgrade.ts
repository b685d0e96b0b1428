import process from "node:process";

type UpgradeModule = typeof import("./upgrade.ts");

let loaded: Promise<UpgradeModule> | undefined;

/**
 * Loads what makes WebSockets, with npm:ws. That asks the environment whether
 * it may use native addons as it is loaded, for which Deno would want
 * `--allow-env`; so it gets the answer no from here.
 */
export function loadUpgrade(): Promise<UpgradeModule> {
  return loaded ??= load();
}

async function load(): Promise<UpgradeModule> {
  const { env } = process;
  // Everything else is read from and written to the real one meanwhile.
  process.env = Object.create(env, {
    WS_NO_BUFFER_UTIL: { value: "1" },
    WS_NO_UTF_8_VALIDATE: { value: "1" },
  });
  try {
    return await import("./upgrade.ts");
  } finally {
    process.env = env;
  }
}
