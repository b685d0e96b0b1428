/** Host certificates and revoked keys: each verdict is the same as ssh's, side by side. */
import { join } from "node:path";
import { assertEquals, assertMatch } from "../../assert.ts";
import { openssh10, serverTest } from "../../servers/availability.ts";
import {
  type CertificateFile,
  type CertificateRig,
  certificateRig,
  type Key,
} from "../keys/public/certificate_rig.ts";
import { HostKeyError } from "../../../src/errors.ts";
import { prepareHostKeys } from "../../../src/ssh/host_keys/host_keys.ts";
import type { KnownHostsOptions } from "../../../src/ssh/host_keys/known_hosts/known_hosts_options.ts";
import { silentLogger } from "../../../src/logger.ts";
import { THOROUGH } from "../../thorough.ts";

const HOST = "host.example.org";

/** A host certificate, and the known_hosts lines that concern it. */
interface Case {
  /** The certificate; without one the key is shown alone. */
  certificate?: CertificateFile;
  /** Lines of known_hosts. */
  known: string[];
  /** `-o` options of ssh, and the same of ours. */
  revoked?: string;
  alias?: string;
  port?: number;
  authorityAlgorithms?: string[];
  /** What both say. */
  accepted: boolean;
  /** Which rule we say failed. */
  reason?: RegExp;
}

/** ssh logs in through an sshd that it starts itself: the host key is all that matters. */
async function sshAccepts(
  ssh: string,
  rig: CertificateRig,
  key: Key,
  test: Case,
): Promise<boolean> {
  const known = join(rig.dir, crypto.randomUUID());
  await Deno.writeTextFile(known, `${test.known.join("\n")}\n`);
  const hostKey = test.certificate?.file.replace(/-cert\.pub$/, "") ?? key.file;
  const sshd = [
    ...["/usr/sbin/sshd", "-i", "-f", "/dev/null", "-h", hostKey],
    ...test.certificate ? ["-c", test.certificate.file] : [],
  ];
  const options = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: known,
    GlobalKnownHostsFile: "none",
    PreferredAuthentications: "none",
    UpdateHostKeys: "no",
    ProxyCommand: sshd.join(" "),
    ...test.alias && { HostKeyAlias: test.alias },
    ...test.revoked && { RevokedHostKeys: test.revoked },
    ...test.authorityAlgorithms &&
      { CASignatureAlgorithms: test.authorityAlgorithms.join(",") },
  };
  const { stderr } = await new Deno.Command(ssh, {
    args: [
      ...["-F", "none"],
      ...Object.entries(options).flatMap(([name, value]) => [
        "-o",
        `${name}=${value}`,
      ]),
      ...["-p", String(test.port ?? 22), HOST],
    ],
    stdin: "null",
  }).output();
  const said = new TextDecoder().decode(stderr);
  // No method is left to log in with, which it finds out only afterwards.
  const accepted = /Permission denied/.test(said);
  assertMatch(said, accepted ? /./ : /Host key verification failed/);
  return accepted;
}

async function weAccept(key: Key, test: Case): Promise<boolean> {
  const policy: KnownHostsOptions = {
    text: test.known.join("\n"),
    ...test.alias && { alias: test.alias },
    ...test.revoked && { revokedKeys: [test.revoked] },
    ...test.authorityAlgorithms &&
      { authorityAlgorithms: test.authorityAlgorithms },
  };
  const check = await prepareHostKeys(
    policy,
    HOST,
    test.port ?? 22,
    silentLogger,
  );
  try {
    const shown = test.certificate?.blob ?? key.blob;
    const accepted = await check.verify(shown);
    assertEquals(accepted.data, key.blob);
    return true;
  } catch (error) {
    if (!(error instanceof HostKeyError)) throw error;
    if (test.reason) assertMatch(error.message, test.reason);
    return false;
  }
}

async function cases(
  rig: CertificateRig,
  key: Key,
): Promise<Map<string, Case>> {
  const ca = await rig.key("ca");
  const other = await rig.key("other");
  const rsa = await rig.key("rsa", "-t", "rsa", "-b", "2048");
  const sign = (...args: string[]) => rig.certify(ca, key, args);
  const host = (...args: string[]) => sign("-h", "-n", HOST, ...args);
  const valid = await host("-z", "42");
  const expired = await host("-V", "20200101:20210101");
  const byRsa = await rig.certify(rsa, key, [
    ...["-t", "rsa-sha2-512", "-h", "-n", HOST],
  ]);
  const bySha1 = await rig.certify(rsa, key, [
    ...["-t", "ssh-rsa", "-h", "-n", HOST],
  ]);
  const authority = [`@cert-authority *.example.org ${ca.line}`];
  const rsaAuthority = [`@cert-authority *.example.org ${rsa.line}`];
  const yes = { certificate: valid, known: authority, accepted: true };
  const no = { certificate: valid, known: authority, accepted: false };
  const revokedFile = async (text: string) => {
    const file = join(rig.dir, crypto.randomUUID());
    await Deno.writeTextFile(file, text);
    return file;
  };
  const serials = ["-s", `${ca.file}.pub`];

  return new Map<string, Case>(Object.entries({
    "a key that is known": { known: [`${HOST} ${key.line}`], accepted: true },
    "a key alone, of a known authority": {
      known: authority,
      accepted: false,
      reason: /No certificate came with it, of the authority at \(text\):1/,
    },
    "a certificate": yes,
    "a certificate of an authority known for another host": {
      ...no,
      known: [`@cert-authority *.example.com ${ca.line}`],
      reason: /authority SHA256:\S+ is not known for host.example.org/,
    },
    "a certificate of another authority": {
      ...no,
      known: [`@cert-authority * ${other.line}`],
      reason: /authority SHA256:\S+ is not known/,
    },
    "a certificate whose authority is known as a host key only": {
      ...no,
      known: [`* ${ca.line}`],
    },
    "a certificate for another host": {
      ...no,
      certificate: await sign("-h", "-n", "a.example.org,example.org"),
      reason: /it is for a.example.org, example.org, not for host.example.org/,
    },
    "a certificate for a pattern": {
      ...no,
      certificate: await sign("-h", "-n", "*.example.org"),
      reason: /it is for \*.example.org, not for/,
    },
    "a certificate for several hosts, this among them": {
      ...yes,
      certificate: await sign("-h", "-n", `a.example.org,${HOST}`),
    },
    "a certificate for any host": { ...yes, certificate: await sign("-h") },
    "a certificate for the alias": {
      ...yes,
      certificate: await sign("-h", "-n", "alias"),
      known: [`@cert-authority alias ${ca.line}`],
      alias: "Alias",
    },
    "a certificate for the host where there is an alias": {
      ...no,
      known: [`@cert-authority * ${ca.line}`],
      alias: "alias",
      reason: /not for alias/,
    },
    "a user's certificate": {
      ...no,
      certificate: await sign("-n", HOST),
      reason: /it is for a user/,
    },
    "an expired certificate": {
      ...no,
      certificate: expired,
      reason: /it expired at 20\d\d-/,
    },
    "a certificate that is not valid yet": {
      ...no,
      certificate: await host("-V", "20400101:20410101"),
      reason: /not valid before 20/,
    },
    "a certificate with a critical option": {
      ...no,
      certificate: await host("-O", "critical:new@example.org=1"),
      reason: /critical options that are not known: new@example.org/,
    },
    "a certificate with an extension": {
      ...yes,
      certificate: await host("-O", "extension:new@example.org=1"),
    },
    "a certificate that an RSA authority signed": {
      ...yes,
      certificate: byRsa,
      known: rsaAuthority,
    },
    "a certificate that was signed with SHA-1": {
      ...no,
      certificate: bySha1,
      known: rsaAuthority,
      reason: /signed it with ssh-rsa, which is not allowed/,
    },
    "a certificate that was signed with an algorithm that is not wanted": {
      ...no,
      authorityAlgorithms: ["rsa-sha2-512"],
      reason: /signed it with ssh-ed25519, which is not allowed/,
    },
    "a certificate that was signed with the one wanted": {
      ...yes,
      certificate: byRsa,
      known: rsaAuthority,
      authorityAlgorithms: ["rsa-sha2-512"],
    },
    "an expired certificate of a key that is known": {
      ...yes,
      certificate: expired,
      known: [...authority, `${HOST} ${key.line}`],
    },
    "an expired certificate where another key is known": {
      ...no,
      certificate: expired,
      known: [...authority, `${HOST} ${other.line}`],
      reason:
        /has CHANGED.* The certificate that came with it was not accepted/,
    },
    "a certificate where another key is known": {
      ...yes,
      known: [...authority, `${HOST} ${other.line}`],
    },
    "a certificate of an authority that is revoked": {
      ...no,
      known: [...authority, `@revoked * ${ca.line}`],
      reason: /its certificate's authority is REVOKED at \(text\):2/,
    },
    "a certificate of a key that is revoked": {
      ...no,
      known: [...authority, `@revoked * ${key.line}`],
      reason: /which is REVOKED at \(text\):2/,
    },
    "a certificate of an authority known for the port": {
      ...yes,
      known: [`@cert-authority [${HOST}]:2222 ${ca.line}`],
      port: 2222,
    },
    "a certificate of an authority known without the port": {
      ...yes,
      known: [`@cert-authority ${HOST} ${ca.line}`],
      port: 2222,
    },
    "a certificate of an authority known without the port, where another is with it":
      {
        ...yes,
        known: [
          `@cert-authority [${HOST}]:2222 ${other.line}`,
          `@cert-authority ${HOST} ${ca.line}`,
        ],
        port: 2222,
      },
    "a key of a list of revoked ones": {
      known: [`${HOST} ${key.line}`],
      revoked: await revokedFile(`# stolen\n${other.line}\n${key.line}\n`),
      accepted: false,
      reason: /which is REVOKED at \S+:3/,
    },
    "a key that is not on the list of revoked ones": {
      known: [`${HOST} ${key.line}`],
      revoked: await revokedFile(`${other.line}\n`),
      accepted: true,
    },
    "a certificate of an authority on the list of revoked keys": {
      ...no,
      revoked: await revokedFile(ca.line),
      reason: /its certificate's authority is REVOKED at \S+:1/,
    },
    "a certificate on the list of revoked keys": {
      ...no,
      revoked: await revokedFile(await Deno.readTextFile(valid.file)),
      reason: /which is REVOKED at \S+:1/,
    },
    "a key of a revocation list": {
      ...no,
      revoked: await rig.krl([key.line]),
      reason: /which is REVOKED at \S+krl-\d+\./,
    },
    "a key by its SHA-1 in a revocation list": {
      ...no,
      revoked: await rig.krl([`sha1: ${key.line}`]),
    },
    "a key by its SHA-256 in a revocation list": {
      ...no,
      revoked: await rig.krl([`sha256: ${key.line}`]),
    },
    "an authority of a revocation list": {
      ...no,
      revoked: await rig.krl([ca.line]),
      reason: /its certificate's authority is REVOKED/,
    },
    "a serial number of a revocation list": {
      ...no,
      revoked: await rig.krl(["serial: 42"], ...serials),
      reason: /its certificate, by its serial number 42, is REVOKED/,
    },
    "a serial number within a range of a revocation list": {
      ...no,
      revoked: await rig.krl(["serial: 40-1000000"], ...serials),
    },
    "a serial number within a bitmap of a revocation list": {
      ...no,
      revoked: await rig.krl(
        [1, 3, 7, 42, 44, 46, 48, 50, 53].map((it) => `serial: ${it}`),
        ...serials,
      ),
    },
    "a serial number that is not on the revocation list": {
      ...yes,
      revoked: await rig.krl(["serial: 41", "serial: 43-50"], ...serials),
    },
    "a serial number revoked of another authority": {
      ...yes,
      revoked: await rig.krl(["serial: 42"], "-s", `${other.file}.pub`),
    },
    "a certificate by its key ID in a revocation list": {
      ...no,
      revoked: await rig.krl(["id: key id"], ...serials),
      reason: /its certificate, by its key ID, is REVOKED/,
    },
    "a certificate by its key ID, of any authority": {
      ...no,
      revoked: await rig.krl(["id: key id"], "-s", "none"),
    },
    "a certificate of another key ID": {
      ...yes,
      revoked: await rig.krl(["id: key"], ...serials),
    },
    "an empty revocation list": { ...yes, revoked: await rig.krl([]) },
    "a revocation list of other keys": {
      ...yes,
      revoked: await rig.krl([other.line, `sha256: ${rsa.line}`]),
    },
  }));
}

serverTest(
  ["sshd", "ssh"],
  "check() decides about host certificates and revoked keys as ssh does",
  async () => {
    await using rig = await certificateRig();
    if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true });
    const key = await rig.key("host");
    const all = [...await cases(rig, key)];
    const clients = ["ssh"];
    // The same again takes as long again.
    if (THOROUGH) {
      clients.push(openssh10("ssh"));
    }
    const differences: string[] = [];
    // Some at once: ssh and sshd mostly wait for each other.
    await Promise.all(Array.from({ length: 4 }, async () => {
      for (let next = all.shift(); next !== undefined; next = all.shift()) {
        const [what, test] = next;
        const verdicts = [
          await weAccept(key, test),
          ...await Promise.all(
            clients.map((ssh) => sshAccepts(ssh, rig, key, test)),
          ),
        ];
        if (verdicts.every((it) => it === test.accepted)) continue;
        differences.push(
          `${what}: expected ${test.accepted}; we, ${clients}: ${verdicts}`,
        );
      }
    }));
    assertEquals(differences, []);
  },
);
