import { assertEquals, assertMatch, assertRejects } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { AuthenticationError } from "../../../../src/errors.ts";
import { silentLogger } from "../../../../src/logger.ts";
import { localKey } from "../../../../src/ssh/keys/private/local_key.ts";
import {
  loadUserCertificate,
  loadUserCertificates,
  withCertificates,
} from "../../../../src/ssh/login/user_keys/user_certificates.ts";
import { certificateRig } from "../../keys/public/certificate_rig.ts";
import { generateJwk } from "../../keys/public/jwk.ts";
import { signCertificate } from "../../keys/public/sign_certificate.ts";

serverTest(
  "ssh",
  "loadUserCertificate() reads a user's certificate from a file or a text",
  async () => {
    await using rig = await certificateRig();
    const [ca, key] = [await rig.key("ca"), await rig.key("key")];
    const { file, blob } = await rig.certify(ca, key, ["-n", "alice"]);
    const expected = { blob, key: key.blob };

    assertEquals(await loadUserCertificate({ file }, silentLogger), expected);
    const text = `# mine\n\n${await Deno.readTextFile(file)}`;
    assertEquals(await loadUserCertificate({ text }, silentLogger), expected);
  },
);

serverTest(
  "ssh",
  "loadUserCertificate() says why one cannot be used",
  async () => {
    await using rig = await certificateRig();
    const [ca, key] = [await rig.key("ca"), await rig.key("key")];
    const host = await rig.certify(ca, key, ["-h", "-n", "host"]);
    const nonsense = `${rig.dir}/nonsense`;
    await Deno.writeTextFile(nonsense, "nonsense");
    for (
      const [file, reason] of [
        [host.file, /is for a host, not for a user/],
        [`${key.file}.pub`, /cannot be used: a key is not a certificate/],
        [nonsense, /is not a public key line/],
        [`${rig.dir}/missing`, /cannot be read: No such file/],
      ] as const
    ) {
      const { message } = await assertRejects(
        () => loadUserCertificate({ file }, silentLogger),
        AuthenticationError,
      );
      assertMatch(message, reason);
      assertEquals(
        await loadUserCertificate({ file, optional: true }, silentLogger),
        undefined,
      );
    }
  },
);

Deno.test({
  name: "loadUserCertificates() says where it may not look for a certificate",
  permissions: { read: false },
  async fn() {
    const said: string[] = [];
    const debug = (message: string) => said.push(message);
    const logger = { ...silentLogger, debug };
    const privateKeys = [{ file: "/keys/id" }];
    assertEquals(await loadUserCertificates({ privateKeys }, logger), []);
    assertEquals(
      said,
      ["/keys/id-cert.pub", "/keys/id.pub"].map((file) =>
        `Not looking for a certificate in ${file}: run deno with --allow-read=${file}`
      ),
    );
  },
});

Deno.test("withCertificates() puts the certificates of a key in front of it", async () => {
  const jwks = ["ssh-ed25519", "ssh-ed25519"].map((type) => generateJwk(type));
  const [first, second] = await Promise.all(jwks.map(localKey));
  const certificates = await Promise.all(
    [first!, first!].map(async ({ blob: key }) => ({
      key,
      blob: await signCertificate(second!, key),
    })),
  );

  const all = withCertificates([second!, first!], certificates);

  assertEquals(all.map(({ blob }) => blob), [
    second!.blob,
    ...certificates.map(({ blob }) => blob),
    first!.blob,
  ]);
  assertEquals(all[1]!.algorithms, ["ssh-ed25519-cert-v01@openssh.com"]);
});
