/** Every message that is written and read here, against its RFC. */
import fc from "fast-check";
import { ProtocolError } from "../../../src/errors.ts";
import {
  readChannelConfirmation,
  readChannelData,
  readChannelOpen,
  readChannelOpenFailure,
  readChannelRequest,
  readExtendedData,
  readGlobalRequest,
  readRecipient,
  readWindowAdjust,
  writeChannelConfirmation,
  writeChannelDataHead,
  writeChannelMessage,
  writeChannelOpen,
  writeChannelOpenFailure,
  writeChannelRequest,
  writeGlobalRequest,
  writeRequestFailure,
  writeWindowAdjust,
} from "../../../src/ssh/messages/connection_messages.ts";
import {
  publicKeySignatureData,
  readBanner,
  readInfoRequest,
  readLoginFailure,
  readPasswordChangeRequest,
  readPublicKeyOk,
  writeInfoResponse,
  writeKeyboardInteractiveRequest,
  writeNoneRequest,
  writePasswordRequest,
  writePublicKeyQuery,
  writeSignedRequest,
} from "../../../src/ssh/messages/login_messages.ts";
import {
  cancelForwardRequest,
  directStreamlocal,
  directTcpip,
  execRequest,
  forwardRequest,
  readChosenPort,
  readExit,
  readForwardedConnection,
  signalRequest,
} from "../../../src/ssh/messages/request_payloads.ts";
import {
  readDebug,
  readDisconnect,
  readExtInfo,
  readServiceRequest,
  writeDisconnect,
  writeExtInfo,
  writeIgnore,
  writeServiceAccept,
  writeServiceRequest,
  writeUnimplemented,
} from "../../../src/ssh/messages/transport_messages.ts";
import { assert, assertEquals, assertThrows } from "../../assert.ts";
import { damaged, fuzz } from "../../fuzz.ts";

/** Bytes of numbers (one byte), texts (a string) and bytes as they are. */
function wire(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => {
    if (typeof part === "number") return [part];
    if (part instanceof Uint8Array) return [...part];
    const bytes = new TextEncoder().encode(part);
    return [0, 0, bytes.length >> 8, bytes.length & 255, ...bytes];
  }));
}
const u32 = (value: number) =>
  Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const bytes = Uint8Array.of(1, 2, 3);
const key = { user: "me", algorithm: "ssh-ed25519", blob: bytes };

/** A message as it is written, and as the RFC specifies it. */
const WRITTEN: [what: string, written: Uint8Array, expected: Uint8Array][] = [
  [
    "DISCONNECT",
    writeDisconnect({ reason: 11, text: "bye" }),
    wire(1, u32(11), "bye", ""),
  ],
  ["IGNORE", writeIgnore(bytes), wire(2, u32(3), bytes)],
  ["UNIMPLEMENTED", writeUnimplemented(2 ** 32 - 1), wire(3, u32(2 ** 32 - 1))],
  ["SERVICE_REQUEST", writeServiceRequest("x"), wire(5, "x")],
  ["SERVICE_ACCEPT", writeServiceAccept("x"), wire(6, "x")],
  [
    "EXT_INFO",
    writeExtInfo(new Map([["server-sig-algs", "a,b"]])),
    wire(7, u32(1), "server-sig-algs", "a,b"),
  ],
  [
    "USERAUTH_REQUEST none",
    writeNoneRequest("me"),
    wire(50, "me", "ssh-connection", "none"),
  ],
  [
    "USERAUTH_REQUEST publickey, without a signature",
    writePublicKeyQuery(key),
    wire(
      ...[50, "me", "ssh-connection", "publickey", 0],
      ...["ssh-ed25519", u32(3), bytes],
    ),
  ],
  [
    "USERAUTH_REQUEST publickey, with a signature",
    writeSignedRequest(key, Uint8Array.of(7)),
    wire(
      ...[50, "me", "ssh-connection", "publickey", 1],
      ...["ssh-ed25519", u32(3), bytes, u32(1), 7],
    ),
  ],
  [
    "what is signed",
    publicKeySignatureData(Uint8Array.of(8, 9), key),
    wire(
      ...[u32(2), 8, 9, 50, "me", "ssh-connection", "publickey", 1],
      ...["ssh-ed25519", u32(3), bytes],
    ),
  ],
  [
    "USERAUTH_REQUEST password",
    writePasswordRequest("me", "pass"),
    wire(50, "me", "ssh-connection", "password", 0, "pass"),
  ],
  [
    "USERAUTH_REQUEST password, with a new one",
    writePasswordRequest("me", "old", ""),
    wire(50, "me", "ssh-connection", "password", 1, "old", ""),
  ],
  [
    "USERAUTH_REQUEST keyboard-interactive",
    writeKeyboardInteractiveRequest("me"),
    wire(50, "me", "ssh-connection", "keyboard-interactive", "", ""),
  ],
  [
    "USERAUTH_INFO_RESPONSE",
    writeInfoResponse(["é", ""]),
    wire(61, u32(2), "é", ""),
  ],
  [
    "GLOBAL_REQUEST",
    writeGlobalRequest({ name: "x", wantReply: true, data: bytes }),
    wire(80, "x", 1, bytes),
  ],
  ["REQUEST_FAILURE", writeRequestFailure(), wire(82)],
  [
    "CHANNEL_OPEN",
    writeChannelOpen({
      ...{ type: "session", sender: 1, window: 2 },
      ...{ maxPacket: 3, data: bytes },
    }),
    wire(90, "session", u32(1), u32(2), u32(3), bytes),
  ],
  [
    "CHANNEL_OPEN_CONFIRMATION",
    writeChannelConfirmation({
      ...{ recipient: 1, sender: 2, window: 3, maxPacket: 4 },
    }).slice(),
    wire(91, u32(1), u32(2), u32(3), u32(4)),
  ],
  [
    "CHANNEL_OPEN_FAILURE",
    writeChannelOpenFailure(1, "connect-failed", "no"),
    wire(92, u32(1), u32(2), "no", ""),
  ],
  [
    "CHANNEL_WINDOW_ADJUST",
    writeWindowAdjust(1, 2).slice(),
    wire(93, u32(1), u32(2)),
  ],
  [
    "the head of CHANNEL_DATA",
    writeChannelDataHead(1, 2).slice(),
    wire(94, u32(1), u32(2)),
  ],
  ["CHANNEL_EOF", writeChannelMessage(96, 1).slice(), wire(96, u32(1))],
  [
    "CHANNEL_REQUEST",
    writeChannelRequest(1, { type: "x", wantReply: false, data: bytes }),
    wire(98, u32(1), "x", 0, bytes),
  ],
  [
    "tcpip-forward",
    forwardRequest({ hostname: "::1", port: 80 }).data,
    wire("::1", u32(80)),
  ],
  [
    "streamlocal-forward@openssh.com",
    cancelForwardRequest({ path: "/s" }).data,
    wire("/s"),
  ],
  [
    "direct-tcpip",
    directTcpip("host", 80, { address: "::1", port: 9 }).data,
    wire("host", u32(80), "::1", u32(9)),
  ],
  [
    "direct-streamlocal@openssh.com",
    directStreamlocal("/s").data,
    wire("/s", "", u32(0)),
  ],
  ["exec", execRequest("ls").data, wire("ls")],
  ["signal", signalRequest("TERM").data, wire("TERM")],
];
for (const [what, written, expected] of WRITTEN) {
  Deno.test(`${what} is written as its RFC has it`, () => {
    assertEquals(written.toHex(), expected.toHex());
  });
}

Deno.test("forwardRequest() and cancelForwardRequest() name the request for either kind of bind", () => {
  const binds = [{ hostname: "", port: 0 }, { path: "/s" }];
  const named = binds.flatMap((bind) => [
    forwardRequest(bind).name,
    cancelForwardRequest(bind).name,
  ]);
  assertEquals(named, [
    ...["tcpip-forward", "cancel-tcpip-forward"],
    "streamlocal-forward@openssh.com",
    "cancel-streamlocal-forward@openssh.com",
  ]);
});

interface Readable {
  what: string;
  read: (message: Uint8Array) => unknown;
  message: Uint8Array;
  value: unknown;
  /** How many bytes at its end may be missing. */
  optional?: number;
}

const READ: Readable[] = [
  {
    what: "DISCONNECT",
    read: readDisconnect,
    message: wire(1, u32(2), "no", ""),
    value: { reason: 2, text: "no" },
    optional: 4,
  },
  {
    what: "DEBUG",
    read: readDebug,
    message: wire(4, 1, "said", ""),
    value: "said",
    optional: 4,
  },
  {
    what: "SERVICE_REQUEST",
    read: readServiceRequest,
    message: wire(5, "x"),
    value: "x",
  },
  {
    what: "EXT_INFO",
    read: readExtInfo,
    message: wire(7, u32(2), "a", "1", "b", ""),
    value: new Map([["a", "1"], ["b", ""]]),
  },
  {
    what: "USERAUTH_FAILURE",
    read: readLoginFailure,
    message: wire(51, "password,publickey", 1),
    value: { methods: ["password", "publickey"], partialSuccess: true },
  },
  {
    what: "USERAUTH_BANNER",
    read: readBanner,
    message: wire(53, "hi", ""),
    value: "hi",
    optional: 4,
  },
  {
    what: "USERAUTH_PK_OK",
    read: readPublicKeyOk,
    message: wire(60, "ssh-ed25519", u32(3), bytes),
    value: { algorithm: "ssh-ed25519", blob: bytes },
  },
  {
    what: "USERAUTH_PASSWD_CHANGEREQ",
    read: readPasswordChangeRequest,
    message: wire(60, "expired", ""),
    value: "expired",
    optional: 4,
  },
  {
    what: "USERAUTH_INFO_REQUEST",
    read: readInfoRequest,
    message: wire(60, "n", "i", "", u32(2), "Password:", 0, "Name:", 1),
    value: {
      ...{ name: "n", instruction: "i" },
      prompts: [
        { text: "Password:", echo: false },
        { text: "Name:", echo: true },
      ],
    },
  },
  {
    what: "GLOBAL_REQUEST",
    read: readGlobalRequest,
    message: wire(80, "x", 1),
    value: { name: "x", wantReply: true, data: new Uint8Array() },
  },
  {
    what: "CHANNEL_OPEN",
    read: readChannelOpen,
    message: wire(90, "x11", u32(1), u32(2), u32(3)),
    value: {
      ...{ type: "x11", sender: 1, window: 2, maxPacket: 3 },
      data: new Uint8Array(),
    },
  },
  {
    what: "CHANNEL_OPEN_CONFIRMATION",
    read: readChannelConfirmation,
    message: wire(91, u32(1), u32(2), u32(3), u32(4)),
    value: { recipient: 1, sender: 2, window: 3, maxPacket: 4 },
  },
  {
    what: "CHANNEL_OPEN_FAILURE",
    read: readChannelOpenFailure,
    message: wire(92, u32(1), u32(2), "no", ""),
    value: { recipient: 1, reason: "connect-failed", text: "no" },
    optional: 4,
  },
  {
    what: "CHANNEL_WINDOW_ADJUST",
    read: (message) => [readRecipient(message), readWindowAdjust(message)],
    message: wire(93, u32(1), u32(2 ** 32 - 1)),
    value: [1, 2 ** 32 - 1],
  },
  {
    what: "CHANNEL_DATA",
    read: readChannelData,
    message: wire(94, u32(1), u32(3), bytes),
    value: bytes,
  },
  {
    what: "CHANNEL_EXTENDED_DATA",
    read: readExtendedData,
    message: wire(95, u32(1), u32(1), u32(3), bytes),
    value: bytes,
  },
  {
    what: "CHANNEL_REQUEST",
    read: readChannelRequest,
    message: wire(98, u32(1), "exit-status", 0),
    value: { type: "exit-status", wantReply: false, data: new Uint8Array() },
  },
  {
    what: "forwarded-tcpip",
    read: (data) => readForwardedConnection("forwarded-tcpip", data),
    message: wire("", u32(80), "::1", u32(9)),
    value: {
      bind: { hostname: "", port: 80 },
      originator: { address: "::1", port: 9 },
    },
  },
  {
    what: "forwarded-streamlocal@openssh.com",
    read: (data) =>
      readForwardedConnection("forwarded-streamlocal@openssh.com", data),
    message: wire("/s", ""),
    value: { bind: { path: "/s" }, originator: { address: "", port: 0 } },
    optional: 4,
  },
  {
    what: "exit-status",
    read: (data) => readExit("exit-status", data),
    message: u32(7),
    value: { code: 7 },
  },
  {
    what: "exit-signal",
    read: (data) => readExit("exit-signal", data),
    message: wire("TERM", 0, "", ""),
    value: { signal: "TERM" },
    optional: 9,
  },
];
for (const { what, read, message, value, optional = 0 } of READ) {
  Deno.test(`${what} is read as its RFC has it, and refused where it is cut short`, () => {
    assertEquals(read(message), value);
    const start = message.length > 5 ? 1 : 0; // the number was looked at before
    for (let size = start; size < message.length - optional; size++) {
      assertThrows(() => read(message.subarray(0, size)), ProtocolError);
    }
  });
}

Deno.test("readChosenPort() reads what a server chose, and takes a reply without a port for none", () => {
  assertEquals(readChosenPort(u32(40_000)), 40_000);
  assertEquals(readChosenPort(new Uint8Array()), undefined);
});

Deno.test("readers ignore types that they do not know", () => {
  assertEquals(readForwardedConnection("x11", bytes), undefined);
  assertEquals(readExit("pty-req", bytes), undefined);
});

Deno.test("readers limit counts as OpenSSH does", () => {
  assertThrows(() => readExtInfo(wire(7, u32(1025))), ProtocolError);
  assertThrows(
    () => readInfoRequest(wire(60, "", "", "", u32(101))),
    ProtocolError,
  );
});

for (const { what, read, message } of READ) {
  fuzz(
    `${what} is read, or refused with a ProtocolError, whatever it is`,
    [fc.oneof(
      damaged(message),
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
    )],
    (input) => {
      try {
        read(input);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    },
  );
}
