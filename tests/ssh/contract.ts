/**
 * What an engine has to do to take `connect`'s place: the contract of
 * `src/ssh/connection.ts`, as tests against real servers.
 *
 * @module
 */

import { testChannels } from "./contract/channels.ts";
import { testDirect } from "./contract/direct.ts";
import { testExec } from "./contract/exec.ts";
import { testForwards } from "./contract/forwards.ts";
import { testLife } from "./contract/life.ts";
import { testOpens } from "./contract/opens.ts";
import type { Engine, ServerKind } from "./contract/setting.ts";

export type { Engine, ServerKind } from "./contract/setting.ts";

/** Registers the tests of the contract for an engine, against one kind of server. */
export function testContract(engine: Engine, kind: ServerKind): void {
  const subject = { engine, kind };
  testForwards(subject);
  testOpens(subject);
  testChannels(subject);
  testDirect(subject);
  if (!kind.runsNoCommands) testExec(subject);
  testLife(subject);
}
