/** Options that TypeScript has not checked: a misspelled one must not share more than was meant. */

import { ArgumentError } from "../../../src/errors.ts";
import { FolderServer } from "../../../src/x2go/folders/folder_server.ts";
import { FolderShare } from "../../../src/x2go/folders/folder_share.ts";
import { PrinterShare } from "../../../src/x2go/jobs/printer_share.ts";
import {
  resumeScript,
  startScript,
} from "../../../src/x2go/server/protocol.ts";
import { SoundShare } from "../../../src/x2go/sound/sound_share.ts";
import { assertEquals, assertThrows } from "../../assert.ts";

const server = new FolderServer();

const mistakes: Record<string, () => unknown> = {
  "readonly: there is no such option; did you mean readOnly?": () =>
    new FolderShare(server, "/srv", js({ readonly: true })),
  "readOnly: use true or false": () =>
    new FolderShare(server, "/srv", js({ readOnly: "no" })),
  "cookiefile: there is no such option; did you mean cookieFile?": () =>
    new SoundShare(js({ cookiefile: "/c" })),
  "onProblem: use a function": () =>
    new PrinterShare(server, () => {}, js({ onProblem: 1 })),
  "handler: use a function": () => new PrinterShare(server, js("lp"), {}),
  "clipbord: there is no such option; did you mean clipboard?": () =>
    startScript(js({ command: "xterm", clipbord: "none" }), 1),
  "kind: use application, desktop": () =>
    startScript(js({ command: "xterm", kind: "window" }), 1),
  "command: undefined is not a valid command; use text that is not empty and has no NUL":
    () => startScript(js({}), 1),
  "clipboard: use both, client, server, none": () =>
    resumeScript("alice-50-1_stRxterm_dp24", js({ clipboard: "off" }), 1),
};

for (const [message, call] of Object.entries(mistakes)) {
  Deno.test(`what is shared with a session is not more than was meant: ${message}`, () => {
    assertEquals(assertThrows(call, ArgumentError).message, message);
  });
}

/** As JavaScript passes it. */
// deno-lint-ignore no-explicit-any -- what is passed is wrong on purpose
function js(value: unknown): any {
  return value;
}
