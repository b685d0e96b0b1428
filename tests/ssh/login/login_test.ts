/** The client's messages in a login, with servers that answer as the test says. */
import { generateKeyPairSync } from "node:crypto";
import { AuthenticationError, ConnectError } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/logger.ts";
import { connect } from "../../../src/ssh/connect.ts";
import { generateKeyPair } from "../../../src/ssh/keys/private/key_pair.ts";
import { verifySignature } from "../../../src/ssh/keys/public/verify_signature.ts";
import type { MessageTransport } from "../../../src/ssh/message_transport.ts";
import {
  publicKeySignatureData,
  readLoginRequest,
  writeLoginFailure,
  writeLoginSuccess,
  writePublicKeyOk,
} from "../../../src/ssh/messages/login_messages.ts";
import { MessageNumber } from "../../../src/ssh/messages/message_number.ts";
import { writeServiceAccept } from "../../../src/ssh/messages/transport_messages.ts";
import { startNativeTransport } from "../../../src/ssh/native/native_transport.ts";
import type { ConnectOptions } from "../../../src/ssh/connect_options.ts";
import { WireReader, WireWriter } from "../../../src/ssh/wire.ts";
import { assertEquals, assertMatch, assertRejects } from "../../assert.ts";
import { startTcpServer } from "../../servers/tcp_server.ts";
import { newEd25519Key } from "../native/message_session.ts";
import { uncompressed } from "../native/transport_pair.ts";

/** Answers a message of the login, the service being accepted. */
type Answer = (
  message: Uint8Array,
  transport: MessageTransport,
) => Uint8Array | Promise<Uint8Array>;

/** A server with a login of the test's. */
async function startServer(answer: Answer) {
  const hostKey = await newEd25519Key();
  const server = startTcpServer(async (conn) => {
    const transport = startNativeTransport({
      role: "server",
      stream: {
        read: (p) => conn.read(p),
        write: (p) => conn.write(p),
        closeWrite: () => conn.closeWrite(),
        close: () => {}, // the fixture does
      },
      hostKeys: [hostKey],
      algorithms: uncompressed,
      logger: silentLogger,
    });
    let answered = Promise.resolve();
    transport.receive((message) => {
      if (message[0] === MessageNumber.SERVICE_REQUEST) {
        return transport.send(writeServiceAccept("ssh-userauth"));
      }
      const isLogin = message[0]! >= 50 && message[0]! < 80;
      if (!isLogin) return;
      const copy = message.slice();
      answered = answered.then(async () =>
        transport.send(await answer(copy, transport))
      );
    });
    await transport.ready.catch(() => {});
    await transport.ended;
    await transport.closed;
  });
  const options = (more: Partial<ConnectOptions>): ConnectOptions => ({
    ...{ hostname: server.hostname, port: server.port, user: "alice" },
    hostKeys: "insecure-accept-any",
    ...more,
  });
  return {
    options,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const refuse = (...methods: string[]) =>
  writeLoginFailure({ methods, partialSuccess: false });

/** The password of a request, and the new one. */
function passwords(message: Uint8Array): (string | undefined)[] {
  const reader = new WireReader(message, 1);
  for (let i = 0; i < 3; i++) reader.string(); // user, service, method
  const changes = reader.boolean();
  return [reader.text(), changes ? reader.text() : undefined];
}

/** A server whose passwords have all expired. */
function expired(requests: (string | undefined)[][], takes: string): Answer {
  return (message) => {
    if (readLoginRequest(message).method !== "password") {
      return refuse("password");
    }
    const [password, next] = passwords(message);
    requests.push([password, next]);
    return next === takes
      ? writeLoginSuccess()
      : new WireWriter().byte(MessageNumber.USERAUTH_PASSWD_CHANGEREQ)
        .string(next === undefined ? "" : "too\x1b[31m short").string("")
        .bytes();
  };
}

Deno.test("connect() changes a password that has expired, again if the new one is refused", async () => {
  const requests: (string | undefined)[][] = [];
  await using server = await startServer(expired(requests, "a longer one"));
  const prompts: string[] = [];
  await using _ = await connect(server.options({
    password: "old",
    changePassword: (prompt) =>
      prompts.push(prompt) === 1 ? "short" : "a longer one",
  }));
  assertEquals(requests, [
    ["old", undefined],
    ["old", "short"],
    ["old", "a longer one"],
  ]);
  assertEquals(prompts, ["", "too short"]);
});

Deno.test("connect() says that a password has expired where it is not to be changed", async () => {
  for (
    const changePassword of [undefined, () => undefined, () => "never enough"]
  ) {
    await using server = await startServer(expired([], "unguessed"));
    const error = await assertRejects(
      () =>
        connect(server.options({
          password: "old",
          ...changePassword && { changePassword },
        })),
      AuthenticationError,
    );
    assertMatch(error.message, /password of alice has expired/);
  }
});

Deno.test("connect() answers keyboard-interactive without a question, and any number of them", async () => {
  const asked: number[] = [];
  let round = 0;
  await using server = await startServer((message) => {
    const isAnswer = message[0] === MessageNumber.USERAUTH_INFO_RESPONSE;
    if (isAnswer) asked.push(new WireReader(message, 1).uint32());
    else if (readLoginRequest(message).method !== "keyboard-interactive") {
      return refuse("keyboard-interactive");
    }
    const count = [0, 3, 1][round++];
    if (count === undefined) return writeLoginSuccess();
    const request = new WireWriter().byte(MessageNumber.USERAUTH_INFO_REQUEST)
      .string("").string("").string("").uint32(count);
    for (let i = 0; i < count; i++) request.string(`${i}`).boolean(true);
    return request.bytes();
  });
  await using _ = await connect(server.options({
    keyboardInteractive: ({ prompts }) => prompts.map(({ text }) => text),
  }));
  assertEquals(asked, [0, 3, 1]);
});

Deno.test("connect() asks whether a key would do before it signs with it, and signs what the RFC says", async () => {
  const { privateKey } = await generateKeyPair();
  const seen: string[] = [];
  await using server = await startServer(async (message, { sessionId }) => {
    const { user, method, key } = readLoginRequest(message);
    if (!key) return refuse("publickey");
    seen.push(`${method} ${key.signature ? "signed" : "asked"}`);
    if (!key.signature) return writePublicKeyOk(key);
    const { algorithm, blob } = key;
    const data = publicKeySignatureData(sessionId, { user, algorithm, blob });
    await verifySignature(algorithm, blob, data, key.signature);
    return writeLoginSuccess();
  });
  await using _ = await connect(server.options({
    privateKeys: [{ text: privateKey }],
  }));
  assertEquals(seen, ["publickey asked", "publickey signed"]);
});

Deno.test("connect() does not ask about a key whose passphrase was given to see its public half", async () => {
  const text = generateKeyPairSync("ed25519").privateKey.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-256-cbc",
    passphrase: "sesame",
  }) as string;
  const seen: boolean[] = [];
  await using server = await startServer((message) => {
    const { key } = readLoginRequest(message);
    if (!key) return refuse("publickey");
    seen.push(key.signature !== undefined);
    return writeLoginSuccess();
  });
  await using _ = await connect(server.options({
    privateKeys: [{ text, passphrase: () => "sesame" }],
  }));
  assertEquals(seen, [true]);
});

Deno.test("connect() does not sign with a key that the server did not ask about", async () => {
  const { blob } = await newEd25519Key();
  const { privateKey } = await generateKeyPair();
  let signed = false;
  await using server = await startServer((message) => {
    const { key } = readLoginRequest(message);
    signed ||= key?.signature !== undefined;
    return key
      ? writePublicKeyOk({ algorithm: "ssh-ed25519", blob })
      : refuse("publickey");
  });
  const error = await assertRejects(
    () => connect(server.options({ privateKeys: [{ text: privateKey }] })),
    ConnectError,
  );
  assertMatch(error.message, /accepts a key that was not offered/);
  assertEquals(signed, false);
});

Deno.test("connect() uses every method that the server requires in turn", async () => {
  const { privateKey } = await generateKeyPair();
  const order: string[] = [];
  const next = (method: string) =>
    writeLoginFailure({ methods: [method], partialSuccess: true });
  await using server = await startServer((message) => {
    if (message[0] === MessageNumber.USERAUTH_INFO_RESPONSE) {
      return next("password");
    }
    const { method, key } = readLoginRequest(message);
    if (key && !key.signature) return writePublicKeyOk(key);
    order.push(method);
    switch (method) {
      case "publickey":
        return next("keyboard-interactive");
      case "keyboard-interactive":
        return new WireWriter().byte(MessageNumber.USERAUTH_INFO_REQUEST)
          .string("").string("").string("")
          .uint32(1).string("Code: ").boolean(false).bytes();
      case "password":
        return writeLoginSuccess();
      default:
        return refuse("password", "keyboard-interactive", "publickey");
    }
  });
  await using _ = await connect(server.options({
    privateKeys: [{ text: privateKey }],
    password: "secret",
  }));
  assertEquals(order, [
    ...["none", "publickey", "keyboard-interactive", "password"],
  ]);
});
