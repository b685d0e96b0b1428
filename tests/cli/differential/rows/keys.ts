import { run } from "../../../servers/run.ts";
import type { Row } from "../row.ts";

const forward = ["-R", "{port}:127.0.0.1:{tcp}"];
const loopback = "127.0.0.1:{port} → tcp, ::1:{port} → tcp";

/** Host keys that are not what they should be, and keys that do not open the door. */
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
];
