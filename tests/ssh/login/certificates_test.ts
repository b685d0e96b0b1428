/** Certificates of users and hosts with a real sshd. */
import { join } from "node:path";
import { AuthenticationError, HostKeyError } from "../../../src/errors.ts";
import { connect } from "../../../src/ssh/connect.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { type Sshd, startSshd } from "../../servers/openssh.ts";
import { startSshAgent } from "../../servers/ssh_agent.ts";
import { encryptKey } from "../../servers/encrypt_key.ts";
import {
  type CertificateRig,
  certificateRig,
  type Key,
} from "../keys/public/certificate_rig.ts";

interface Rig extends CertificateRig {
  readonly ca: Key;
  readonly sshd: Sshd;
  /** Logs in; returns what `echo` says. */
  login(options: Partial<ConnectOptions>): Promise<string>;
  /** Has the authority certify a key for the user; returns the file of the key, beside which is the certificate. */
  user(key: Key, ...args: string[]): Promise<string>;
}

/** An sshd that knows no key, only an authority, and that shows a certificate for itself. */
async function startRig(stack: AsyncDisposableStack): Promise<Rig> {
  const rig = stack.use(await certificateRig());
  const [ca, hostKey] = [await rig.key("ca"), await rig.key("host")];
  const host = await rig.certify(ca, hostKey, ["-h", "-n", "127.0.0.1"]);
  const sshd = stack.use(
    await startSshd({
      config: [
        `TrustedUserCAKeys ${ca.file}.pub`,
        `HostKey ${hostKey.file}`,
        `HostCertificate ${host.file}`,
      ],
    }),
  );
  return {
    ...rig,
    ca,
    sshd,
    async login(options) {
      await using connection = await connect({
        hostname: sshd.hostname,
        port: sshd.port,
        user: sshd.user,
        hostKeys: { text: `@cert-authority 127.0.0.1 ${ca.line}` },
        ...options,
      });
      await using process = await connection.exec("echo in");
      const { stdout } = await process.output();
      return new TextDecoder().decode(stdout);
    },
    async user(key, ...args) {
      const { file } = await rig.certify(ca, key, ["-n", sshd.user, ...args]);
      return file.replace(/-cert\.pub$/, "");
    },
  };
}

serverTest(
  ["sshd", "ssh"],
  "connect() logs in with certificates",
  async (t) => {
    await using stack = new AsyncDisposableStack();
    const rig = await startRig(stack);
    const { login, user } = rig;
    const key = await rig.key("user");
    const file = await user(key);
    const certificate = { file: `${file}-cert.pub` };

    await t.step("that are beside the key", async () => {
      assertEquals(await login({ privateKeys: [{ file }] }), "in\n");
    });

    await t.step("that stand in for the public half", async () => {
      const copy = join(rig.dir, "copy");
      await Deno.copyFile(key.file, copy);
      await Deno.copyFile(certificate.file, `${copy}.pub`);
      assertEquals(await login({ privateKeys: [{ file: copy }] }), "in\n");
    });

    await t.step("that are named", async () => {
      const text = await Deno.readTextFile(key.file);
      const options = { privateKeys: [{ text }], certificates: [certificate] };
      assertEquals(await login(options), "in\n");
    });

    await t.step("that are text", async () => {
      const text = await Deno.readTextFile(certificate.file);
      const privateKeys = [{ file: key.file }];
      assertEquals(
        await login({ privateKeys, certificates: [{ text }] }),
        "in\n",
      );
    });

    await t.step("of every kind of key", async () => {
      for (
        const [type, bits] of [["rsa", "2048"], ["ecdsa", "256"], [
          "ecdsa",
          "384",
        ], ["ecdsa", "521"]] as const
      ) {
        const key = await rig.key(`${type}${bits}`, "-t", type, "-b", bits);
        assertEquals(
          await login({ privateKeys: [{ file: await user(key) }] }),
          "in\n",
        );
      }
    });

    await t.step("of a key whose passphrase is asked for", async () => {
      const copy = join(rig.dir, "locked");
      await Deno.copyFile(file, copy);
      await Deno.copyFile(certificate.file, `${copy}-cert.pub`);
      await encryptKey(copy, "secret");
      let asked = 0;
      const passphrase = () =>
        Promise.resolve(asked++ === 0 ? "wrong" : "secret");
      assertEquals(
        await login({ privateKeys: [{ file: copy, passphrase }] }),
        "in\n",
      );
      assertEquals(asked, 2);
    });

    await t.step("of a key that the agent holds", async () => {
      await using agent = await startSshAgent([key.file]);
      const options = { agent: agent.socket, certificates: [certificate] };
      assertEquals(await login(options), "in\n");
      assertEquals(
        await login({ ...options, agentKeys: [certificate] }),
        "in\n",
      );
      await assertRejects(
        () => login({ agent: agent.socket }),
        AuthenticationError,
      );
    });

    await t.step("that the agent holds", async () => {
      await using agent = await startSshAgent([file]); // ssh-add takes the one beside it, too
      assertEquals(await login({ agent: agent.socket }), "in\n");
    });

    await t.step("unless the server does not accept them", async () => {
      for (
        const args of [
          ["-V", "20200101:20210101"],
          ["-O", "clear", "-O", "critical:new@example.org=1"],
          ["-O", "source-address=192.0.2.0/24"],
        ]
      ) {
        const refused = await user(key, ...args);
        const error = await assertRejects(
          () => login({ privateKeys: [{ file: refused }] }),
          AuthenticationError,
        );
        assertMatch(
          error.tried.join(),
          /^publickey SHA256:\S+ with 1 certificate$/,
        );
      }
      const other = await rig.certify(rig.ca, key, ["-n", "somebody"]);
      await assertRejects(
        () =>
          login({
            privateKeys: [{ file: key.file }],
            certificates: [{ file: other.file }],
          }),
        AuthenticationError,
      );
    });

    await t.step(
      "and continues without one that cannot be used, if it is optional",
      async () => {
        const hostCertificate = await rig.certify(rig.ca, key, [
          "-h",
          "-n",
          "host",
        ]);
        const bad = { file: hostCertificate.file };
        const privateKeys = [{ file }];
        await assertRejects(
          () => login({ privateKeys, certificates: [bad] }),
          AuthenticationError,
        );
        assertEquals(
          await login({
            privateKeys,
            certificates: [{ ...bad, optional: true }, certificate],
          }),
          "in\n",
        );
      },
    );
  },
);

serverTest(
  ["sshd", "ssh"],
  "connect() accepts and refuses host certificates",
  async (t) => {
    await using stack = new AsyncDisposableStack();
    const { login, user, key, ca, krl } = await startRig(stack);
    const privateKeys = [{ file: await user(await key("user")) }];
    const text = `@cert-authority 127.0.0.1 ${ca.line}`;
    const refusal = async (hostKeys: ConnectOptions["hostKeys"] & object) =>
      await assertRejects(() => login({ privateKeys, hostKeys }), HostKeyError);

    await t.step("of a known authority", async () => {
      assertEquals(await login({ privateKeys }), "in\n");
    });

    await t.step("of an authority that is not known", async () => {
      const other = await key("other");
      const error = await refusal({ text: `@cert-authority * ${other.line}` });
      assertEquals(error.reason, "unknown");
      assertMatch(
        error.message,
        /its authority SHA256:\S+ is not known for \[127.0.0.1\]/,
      );
    });

    await t.step("for another name", async () => {
      const error = await refusal({
        text: `@cert-authority * ${ca.line}`,
        alias: "alias",
      });
      assertMatch(error.message, /it is for 127.0.0.1, not for alias/);
    });

    await t.step("that a revocation list has", async () => {
      const error = await refusal({
        text,
        revokedKeys: [await krl([ca.line])],
      });
      assertEquals(error.reason, "revoked");
    });

    await t.step("by the key alone, for a function", async () => {
      const fingerprints: string[] = [];
      const types: string[] = [];
      const connected = await login({
        privateKeys,
        hostKeys: (shown) => {
          fingerprints.push(shown.fingerprint);
          types.push(shown.type);
          return true;
        },
      });
      assertEquals(connected, "in\n");
      assertEquals(types, ["ssh-ed25519"]);
      assertMatch(fingerprints[0]!, /^SHA256:/);
    });
  },
);
