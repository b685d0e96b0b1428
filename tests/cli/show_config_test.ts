import { userInfo } from "node:os";
import { assert, assertEquals } from "../assert.ts";
import { serverTest } from "../servers/availability.ts";
import { run } from "../servers/run.ts";
import { runCommand } from "./command_process.ts";

const config = `
Host srv
  HostName Server.Example
  User alice
  Port 2222
  ProxyJump bob@first,[2001:db8::1]:23
  IdentityFile ~/.ssh/one
  IdentityFile /two
  CertificateFile ~/.ssh/one-cert.pub
  IdentitiesOnly yes
  UserKnownHostsFile /a /b
  StrictHostKeyChecking accept-new
  HashKnownHosts yes
  RemoteForward 0 127.0.0.1:3000
  RemoteForward [::1]:81 [::1]:82
  RemoteForward /remote.sock /local.sock
  ServerAliveInterval 1m
  ServerAliveCountMax 5
  ConnectTimeout 9
  AddressFamily inet
  BatchMode yes
  ExitOnForwardFailure yes
  StreamLocalBindUnlink yes
  PreferredAuthentications publickey,password
  NumberOfPasswordPrompts 1
  LogLevel VERBOSE
  Ciphers aes256-ctr
  Compression yes
  RekeyLimit 1G 1h
Host cmd
  ProxyCommand nc -x proxy server.example 22
  IdentityAgent /agent
  HostKeyAlias other
  PasswordAuthentication no
  StrictHostKeyChecking off
  RevokedHostKeys /revoked
  SessionType none
  RemoteCommand type=tcp %n
`;

const lines: string[][] = [
  ["plain"],
  ["srv"],
  ["cmd"],
  ["-p", "23", "-l", "carol", "-6", "-J", "jump", "-i", "/etc/passwd", "plain"],
  ["-i", "/missing/key", "-i", "/etc/passwd", "srv"],
  ["-R", "80:localhost:80", "-R", "*:81:[::1]:82", "-R", "/a:/b", "srv"],
  ["-R", "/a-%h-%%:/b-%r-%p", "-R", "80:%h:81", "srv"],
  ["-o", "ClearAllForwardings=yes", "-R", "80:localhost:80", "srv"],
  ["-N", "plain"],
  ["-v", "-c", "aes128-ctr", "-m", "hmac-sha2-256", "plain"],
];

for (const line of lines) {
  serverTest(
    "ssh",
    `rforward -G ${line.join(" ")} prints what ssh does`,
    async () => {
      const file = await Deno.makeTempFile();
      try {
        await Deno.writeTextFile(file, config);
        const args = ["-F", file, "-G", ...line];
        // ssh does not ask HOME.
        const env = { HOME: userInfo().homedir };
        const ours = await runCommand({ args, env });
        assertEquals({ code: ours.code, stderr: ours.stderr }, {
          code: 0,
          stderr: "",
        });
        const theirs = new Set(read(await run("ssh", args)));
        const printed = read(ours.stdout);
        assert(printed.includes(`host ${line.at(-1)}`));
        assertEquals(printed.filter((row) => !theirs.has(row)), []);
        // What was asked for is not missing.
        const asked = [...theirs].filter((row) =>
          /^(remoteforward|proxy(jump|command)|identityfile|certificatefile) /
            .test(row)
        );
        assertEquals(asked.filter((row) => !printed.includes(row)), []);
      } finally {
        await Deno.remove(file);
      }
    },
  );
}

/** The lines, with `~` as the home directory. */
function read(text: string): string[] {
  return text.trimEnd().split("\n").map((row) =>
    row.replace(" ~/", ` ${userInfo().homedir}/`)
  );
}
