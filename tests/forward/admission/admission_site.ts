import {
  type Admission,
  type AdmissionRefusal,
  type AdmissionRules,
  forward,
  type ReverseTunnel,
  type TunnelConnection,
} from "../../../mod.ts";
import { dialFrom } from "../../../src/ssh/dial/dial_from.ts";
import { assertEquals } from "../../assert.ts";
import {
  receiveText,
  type Rig,
  startEcho,
  startRig,
  startService,
  visit,
} from "../rig.ts";

/** A tunnel with rules on a real sshd, and what it reported. */
export interface AdmissionSite extends AsyncDisposable {
  readonly rig: Rig;
  readonly tunnel: ReverseTunnel;
  readonly connections: TunnelConnection[];
  readonly refused: AdmissionRefusal[];
  /** How many connections the target took. */
  taken(): number;
}

/** Starts the server, the target (an echo by default) and the tunnel; disposing ends all of them. */
export async function startAdmissionSite(
  admission: AdmissionRules | Admission | undefined,
  serve?: (conn: Deno.Conn) => Promise<void>,
): Promise<AdmissionSite> {
  await using stack = new AsyncDisposableStack();
  const rig = stack.use(await startRig("sshd"));
  const service = stack.use(serve ? startService(serve) : startEcho("echo"));
  const refused: AdmissionRefusal[] = [];
  const connections: TunnelConnection[] = [];
  const tunnel = stack.use(
    await forward(rig.connection, {
      bind: { port: 0 },
      target: { port: service.port },
      ...admission && { admission },
      onConnection: (connection) => connections.push(connection),
      onRefused: (refusal) => refused.push(refusal),
    }),
  );
  const kept = stack.move();
  return {
    rig,
    tunnel,
    connections,
    refused,
    taken: () => service.taken,
    [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose](),
  };
}

/** Asks from another address of this machine; returns the answer, empty if it was refused. */
export async function askFrom(address: string, port: number): Promise<string> {
  const { signal } = new AbortController();
  const { readable, writable, close } = await dialFrom(address)({
    hostname: "127.0.0.1",
    port,
    signal,
  });
  const answer = new Response(readable).text().catch(() => "");
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode("hi")).catch(() => {});
  await writer.close().catch(() => {});
  try {
    return await answer;
  } finally {
    close?.();
  }
}

/** Connects, and waits for the end that a refusal is. */
export async function seeRefusal(port: number): Promise<void> {
  using conn = await visit(port);
  assertEquals(await receiveText(conn).catch(() => ""), "");
}
