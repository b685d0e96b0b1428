import type { Row } from "../row.ts";

const forward = ["-R", "{port}:127.0.0.1:{tcp}"];
const loopback = "127.0.0.1:{port} → tcp, ::1:{port} → tcp";
const ended = "127.0.0.1:{port} → an end at once, ::1:{port} → an end at once";

/** What both refuse for the same reason. */
const refused: [name: string, kind: string, ...args: string[]][] = [
  ...[
    "x:127.0.0.1:1",
    "{port}:127.0.0.1",
    "{port}:127.0.0.1:",
    "{port}:127.0.0.1:x",
    "{port}:a:b:c:1",
    "::1:{port}:127.0.0.1:1",
    "[::1:{port}:127.0.0.1:1",
    "",
    ":",
  ].map((spec): [string, string, ...string[]] => [
    `-R ${JSON.stringify(spec)}`,
    "bad forward",
    ...["-R", spec, "server"],
  ]),
  ["-R without a value", "value missing", "server", "-R"],
  ["no destination", "no destination", ...forward],
  ["a destination for a shell", "bad host", ...forward, "a;b"],
  ["an unknown option", "unknown option", ...forward, "-Z", "server"],
  ["-p 0", "bad port", ...forward, "-p", "0", "server"],
  ...["NoSuchOption=yes", "BatchMode=perhaps", "BatchMode", "ConnectTimeout=1x"]
    .map((option): [string, string, ...string[]] => [
      `-o ${option}`,
      "bad configuration",
      ...[...forward, "-o", option, "server"],
    ]),
  ["-c rot13", "no such algorithm", ...forward, "-c", "rot13", "server"],
  ["-m crc32", "no such algorithm", ...forward, "-m", "crc32", "server"],
  [
    "KexAlgorithms rot13",
    "no such algorithm",
    ...[...forward, "-o", "KexAlgorithms=rot13", "server"],
  ],
  ...[
    "Ciphers=aes256-ctr,rot13",
    "Ciphers=+rot13",
    "MACs=^crc32",
    "KexAlgorithms=curve25519-sha256,rot13",
    "HostKeyAlgorithms=ssh-ed25519,rot13",
    "PubkeyAcceptedAlgorithms=rot13",
    "PubkeyAcceptedKeyTypes=rot13",
  ].map((option): [string, string, ...string[]] => [
    `-o ${option}`,
    "no such algorithm",
    ...[...forward, "-o", option, "server"],
  ]),
  ...["none", "12", "1Q", "1G 1x"].map((
    limit,
  ): [string, string, ...string[]] => [
    `-o RekeyLimit=${limit}`,
    "bad configuration",
    ...[...forward, "-o", `RekeyLimit=${limit}`, "server"],
  ]),
  [
    "-J to the server itself",
    "jump loop",
    ...[...forward, "-J", "{user}@127.0.0.1:{sshd}", "server"],
  ],
];

/** What cannot be meant, or cannot be done here. */
export const mistakes: Row[] = [
  ...refused.map(([name, kind, ...args]): Row => ({
    name,
    args,
    ssh: `exit 255; ${kind}`,
    rforward: `exit 2; ${kind}`,
    because: "A usage error",
  })),
  {
    name: "an empty destination",
    args: [...forward, ""],
    ssh: "exit 255; host not found",
    rforward: "exit 2; bad host",
    because: "A usage error",
  },
  {
    name: "a destination with a port behind it",
    args: [...forward, "{user}@127.0.0.1:{sshd}"],
    ssh: "exit 255; host not found",
    rforward: "exit 2; bad host",
    because: "A usage error",
  },
  {
    name: "Ciphers that leave nothing",
    args: [...forward, "-o", "Ciphers=-*", "server"],
    ssh: "exit 255; no common algorithm",
    rforward: "exit 2; no such algorithm",
    because: "A usage error",
  },
  {
    name: "-E, a file that cannot be written",
    args: [...forward, "-E", "{dir}/missing/log", "server"],
    ssh: "exit 1; file unwritable",
    rforward: "exit 255; file unwritable",
    because: "`-E` with a file that cannot be written",
  },
  ...["{port}::1", "{port}:a b:1"].map((spec): Row => ({
    name: `-R ${JSON.stringify(spec)}`,
    args: ["-R", spec, "server"],
    ssh: `${ended}; target failed`,
    rforward: "exit 2; bad forward",
    because: "A target without a host",
  })),
  ...["{port}", "localhost:{port}"].map((spec): Row => ({
    name: `-R ${spec}`,
    args: ["-R", spec, "server"],
    ssh: ended,
    rforward: `${ended}; target failed`,
    because: "A client that SOCKS refuses",
  })),
  {
    name: "-R, a target without a host",
    args: ["-R", "1:{port}", "server"],
    ssh: ended,
    rforward: "exit 2; bad forward",
    because: "A number before a port",
  },
  {
    name: "-L",
    args: [...forward, "-L", "{port2}:127.0.0.1:{tcp2}", "server"],
    ssh: `${loopback}, 127.0.0.1:{port2} → tcp2, ::1:{port2} → tcp2`,
    rforward: "exit 2; not done here",
    because: "Other things that ssh does",
  },
  {
    name: "a command",
    args: [...forward, "server", "true"],
    both: loopback,
  },
  {
    name: "IgnoreUnknown",
    args: [
      ...[...forward, "-o", "IgnoreUnknown=NoSuch*"],
      ...["-o", "NoSuchOption=yes", "server"],
    ],
    both: loopback,
  },
  {
    name: "-F, a file that is missing",
    args: [...forward, "-F", "{dir}/missing", "server"],
    both: "exit 255; file unreadable",
  },
  {
    name: "no option of ssh in the file",
    args: [...forward, "server"],
    config: "NoSuchOption yes",
    both: "exit 255; bad configuration",
  },
  {
    name: "no option of ssh in the file, for another host",
    args: [...forward, "server"],
    config: "Host other\n  NoSuchOption yes",
    both: "exit 255; bad configuration",
  },
  {
    name: "a bad forward in the file",
    args: ["server"],
    config: "RemoteForward {port} 127.0.0.1",
    both: "exit 255; bad forward",
  },
];
