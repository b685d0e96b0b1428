import type {
  ClientKexResult,
  KexMethod,
  ServerKexResult,
} from "../../../../src/ssh/native/kex/kex_method.ts";

/** Has both roles of a method exchange their messages. */
export async function agree(
  method: KexMethod,
): Promise<{ client: ClientKexResult; server: ServerKexResult }> {
  const client = method.client();
  const server = method.server();
  let message = await client.start();
  for (;;) {
    const answer = await server.receive(message);
    const toClient = "send" in answer
      ? answer.send
      : answer.reply(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5));
    const next = await client.receive(toClient);
    if ("send" in next) message = next.send;
    else if ("reply" in answer) return { client: next, server: answer };
    else throw new Error("the client is done before the server");
  }
}
