/** Runs in the terminal of the tests: asks, and prints the outcome on standard output. */
import { RForwardError } from "../../../src/errors.ts";
import { Prompts } from "../../../src/cli/terminal/prompts.ts";
import { Terminal } from "../../../src/cli/terminal/terminal.ts";

using terminal = Terminal.open();
if (terminal === undefined) {
  console.log("no terminal");
  Deno.exit(3);
}
const hostKey = {
  hostname: "server.example",
  port: 22,
  type: "ssh-ed25519",
  fingerprint: "SHA256:uNiVztksCsDhcc0u9e8BrlQXsWCn94gG9CQgOdXOFQI",
  data: new Uint8Array(),
};

/** Each is `hidden`, `line` or `key`; a suffix `-MS` aborts it after that time (ms). */
for (const what of Deno.args) {
  const [how = "", ms] = what.split("-");
  const signal = ms === undefined ? undefined : AbortSignal.timeout(Number(ms));
  const ask: Record<string, () => Promise<unknown>> = {
    hidden: () => terminal.askHidden("Secret: ", signal),
    line: () => terminal.askLine("Name: ", signal),
    key: () => new Prompts(terminal, signal).confirmHostKey(hostKey),
  };
  try {
    const answer = await ask[how]?.();
    console.log(`got ${JSON.stringify(answer)}`);
  } catch (error) {
    if (error instanceof RForwardError) console.log(error.code, error.message);
    else console.log((error as Error).name);
  }
}
console.log("done");
