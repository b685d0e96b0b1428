import { run } from "../../../servers/run.ts";
import { startSshAgent } from "../../../servers/ssh_agent.ts";
import type { Row } from "../row.ts";
import type { Site } from "../site.ts";

const forward = ["-R", "{port}:127.0.0.1:{tcp}"];
const loopback = "127.0.0.1:{port} → tcp, ::1:{port} → tcp";

/** Unexpected host keys, and user keys that are refused. */
export const keys: Row[] = [
  ...["yes", "ask", "accept-new", "no"].flatMap((checking): Row[] => [
    {
      name: `an unknown host key, StrictHostKeyChecking ${checking}`,
      args: [...forward, "-o", `StrictHostKeyChecking=${checking}`, "server"],
      files: { known_hosts: "" },
      both: checking === "yes" || checking === "ask"
        ? "exit 255; host key unknown"
        : `${loopback}; host key added`,
    },
    {
      name: `a changed host key, StrictHostKeyChecking ${checking}`,
      args: [...forward, "-o", `StrictHostKeyChecking=${checking}`, "server"],
      files: { known_hosts: "* {wrongPublicKey}\n" },
      ...checking === "no"
        ? {
          ssh: "nothing bound; host key changed",
          rforward: "exit 255; host key changed",
          because: "`StrictHostKeyChecking no`, a changed key",
        }
        : { both: "exit 255; host key changed" },
    },
  ]),
  {
    name: "a revoked host key",
    args: [...forward, "server"],
    files: { known_hosts: "* {hostPublicKey}\n@revoked * {hostPublicKey}\n" },
    both: "exit 255; host key revoked",
  },
  {
    name: "RevokedHostKeys",
    args: [...forward, "-o", "RevokedHostKeys={hostKey}", "server"],
    both: "exit 255; host key revoked",
  },
  {
    name: "RevokedHostKeys, other keys",
    args: [...forward, "-o", "RevokedHostKeys={wrongKey}.pub", "server"],
    both: loopback,
  },
  {
    name: "RevokedHostKeys that is missing",
    args: [...forward, "-o", "RevokedHostKeys={dir}/missing", "server"],
    both: "exit 255; no host key accepted",
  },
  {
    name: "RevokedHostKeys, a key revocation list",
    args: [...forward, "-o", "RevokedHostKeys={dir}/krl", "server"],
    given: async (site) => {
      const [krl, key] = ["{dir}/krl", "{wrongKey}.pub"].map((path) =>
        site.fill(path)
      );
      await run("ssh-keygen", ["-q", "-k", "-f", krl!, key!]);
    },
    both: loopback,
  },
  {
    name: "RevokedHostKeys, a key revocation list with the key",
    args: [...forward, "-o", "RevokedHostKeys={dir}/krl", "server"],
    given: async (site) => {
      const [krl, key] = ["{dir}/krl", "{hostKey}"].map((path) =>
        site.fill(path)
      );
      await run("ssh-keygen", ["-q", "-k", "-f", krl!, key!]);
    },
    both: "exit 255; host key revoked",
  },
  {
    name: "a key that the server does not take",
    args: [...forward, "server"],
    identity: "{wrongKey}",
    both: "exit 255; login refused",
  },
  {
    name: "an encrypted key, BatchMode",
    args: [...forward, "server"],
    identity: "{lockedKey}",
    both: "exit 255; login refused",
  },
  {
    name: "a key that others can read",
    args: [...forward, "server"],
    identity: "{dir}/open",
    given: async (site) => {
      const [key, open] = ["{key}", "{dir}/open"].map((path) =>
        site.fill(path)
      );
      await Deno.copyFile(key!, open!);
      await Deno.chmod(open!, 0o644);
    },
    both: "exit 255; key open to others",
  },
  {
    name: "-i, a file that is missing",
    args: [...forward, "-i", "{dir}/missing", "server"],
    both: `${loopback}; key file missing`,
  },
  {
    name: "-i, a file that is no key",
    args: [...forward, "-i", "{dir}/config", "server"],
    both: `${loopback}; key unusable`,
  },
  {
    name: "PubkeyAuthentication no",
    args: [...forward, "-o", "PubkeyAuthentication=no", "server"],
    both: "exit 255; login refused",
  },
  {
    name: "PreferredAuthentications without publickey",
    args: [...forward, "-o", "PreferredAuthentications=password", "server"],
    both: "exit 255; login refused",
  },
  {
    name: "a key in PEM with a certificate behind it",
    args: [...forward, "server"],
    identity: "{dir}/pem",
    given: (site) =>
      writeKey(
        site,
        "pem",
        (text) =>
          `${text}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
      ),
    both: loopback,
  },
  {
    name: "a key of PuTTY",
    args: [...forward, "server"],
    identity: "{dir}/ppk",
    given: (site) =>
      writeKey(
        site,
        "ppk",
        () => "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
      ),
    both: "exit 255; key unusable",
  },
  {
    name: "a key whose line ends were lost",
    args: [...forward, "server"],
    identity: "{dir}/line",
    given: (site) =>
      writeKey(site, "line", (text) => text.replaceAll("\n", " ")),
    both: "exit 255; key unusable",
  },
  {
    name: "a key without its end",
    args: [...forward, "server"],
    identity: "{dir}/cut",
    given: (site) => writeKey(site, "cut", (text) => text.slice(0, -40)),
    both: "exit 255; key unusable",
  },
  {
    name: "no key where one is expected",
    args: [...forward, "server"],
    identity: "{dir}/missing",
    both: "exit 255; login refused",
  },
  {
    name: "an RSA key where the server accepts SHA-512 only",
    args: [...forward, "server"],
    identity: "{rsaKey}",
    sshd: ["PubkeyAcceptedAlgorithms rsa-sha2-512"],
    both: loopback,
  },
  {
    name: "an RSA key where the server accepts SHA-256 only",
    args: [...forward, "server"],
    identity: "{rsaKey}",
    sshd: ["PubkeyAcceptedAlgorithms rsa-sha2-256"],
    ssh: "exit 255; login refused",
    rforward: loopback,
    because: "RSA where the server accepts SHA-256 only",
  },
  {
    name: "a DSA key",
    args: [...forward, "server"],
    identity: "{dsaKey}",
    sshd: ["PubkeyAcceptedAlgorithms +ssh-dss"],
    both: "exit 255; login refused",
  },
  {
    name: "a DSA key, PubkeyAcceptedAlgorithms +ssh-dss",
    args: [
      ...[...forward, "-o", "PubkeyAcceptedAlgorithms=+ssh-dss", "server"],
    ],
    identity: "{dsaKey}",
    sshd: ["PubkeyAcceptedAlgorithms +ssh-dss"],
    both: loopback,
  },
  {
    name: "PubkeyAcceptedAlgorithms without the key's",
    args: [...forward, "-o", "PubkeyAcceptedAlgorithms=rsa*", "server"],
    both: "exit 255; login refused",
  },
  {
    name: "a key of the agent that its .pub names, after six others",
    args: [...forward, "-o", "IdentitiesOnly=no", "server"],
    identity: "{key}.pub",
    given: (site) => useAgent(site, 6, ["{key}"]),
    both: loopback,
  },
  {
    name: "more keys in the agent than the server tries",
    args: [...forward, "-o", "IdentitiesOnly=no", "server"],
    identity: "none",
    given: (site) => useAgent(site, 6, ["{key}"]),
    both: "exit 255; login refused",
  },
  {
    name: "an agent that refuses to sign",
    args: [...forward, "server"],
    identity: "{key}.pub",
    given: (site) => useAgent(site, 0, ["-c", "{key}"]),
    both: "exit 255; agent refused",
  },
  ...["accept-new", "no"].map((checking): Row => ({
    name:
      `known_hosts that cannot be written, StrictHostKeyChecking ${checking}`,
    args: [
      ...[...forward, "-o", `StrictHostKeyChecking=${checking}`],
      ...["-o", "UserKnownHostsFile=/proc/rforward/known_hosts", "server"],
    ],
    both: `${loopback}; host key not written`,
  })),
  {
    name: "an unknown host key on the way, accept-new for the server",
    args: [
      ...[...forward, "-o", "StrictHostKeyChecking=accept-new"],
      ...["-J", "jump", "server"],
    ],
    files: { known_hosts: "" },
    both: "exit 255; host key unknown",
  },
];

/** Writes a key that was changed. */
async function writeKey(
  site: Site,
  name: string,
  change: (text: string) => string,
): Promise<void> {
  const key = await Deno.readTextFile(site.fill("{rsaKey}"));
  await site.write(name, change(key));
}

/** Has the client use an agent. */
async function useAgent(
  site: Site,
  others: number,
  args: readonly string[],
): Promise<void> {
  const files = Array.from(
    { length: others },
    (_, i) => site.fill(`{dir}/other${i}`),
  );
  for (const file of files) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  }
  const { socket } = site.use(await startSshAgent(files));
  site.env.SSH_AUTH_SOCK = socket;
  await run("env", [
    ...[`SSH_AUTH_SOCK=${socket}`, "ssh-add", "-q"],
    ...args.map((argument) => site.fill(argument)),
  ]);
}
