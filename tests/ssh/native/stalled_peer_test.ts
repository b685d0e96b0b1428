/** What a server that stalls after its KEXINIT costs a process. */
import { assert, assertEquals } from "../../assert.ts";
import { packageUrl, runDeno } from "../../run_deno.ts";
import {
  type ServerProtocol,
  startScriptedServer,
} from "../scripted_server.ts";

const CHANNELS = 100;
const MIB = 1024 * 1024;
/** What the server takes before it stalls. */
const BYTES = 32 * MIB;

/**
 * Writes on all channels as fast as it may, and asks on and on, until the
 * server has stalled for a while; then says how much memory it ever had.
 */
const script = `
import { connect } from ${JSON.stringify(packageUrl)};
const connection = await connect(JSON.parse(Deno.args[0]));
const channels = [];
connection.takeForwardedOpens(async (open) => {
  const channel = open.confirm();
  channels.push(channel);
  const writer = channel.writable.getWriter();
  const chunk = new Uint8Array(65536);
  while (true) await writer.write(chunk);
});
const sent = () => channels.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
const asking = setInterval(() => connection.ping({ timeoutMs: 60000 }).catch(() => {}), 1);
for (let before = -1; sent() < ${BYTES} || sent() !== before;) {
  before = sent();
  await new Promise((resolve) => setTimeout(resolve, 500));
}
clearInterval(asking);
const [, peak] = /VmHWM:\\s*(\\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"));
console.log(JSON.stringify({ channels: channels.length, peak: 1024 * peak }));
Deno.exit();
`;

Deno.test({
  name:
    `a server that stalls after its KEXINIT, with ${CHANNELS} channels that are written to, takes less than 150 MiB`,
  ignore: Deno.build.os !== "linux",
  async fn() {
    let received = 0;
    let isAsked = false;
    await using server = await startScriptedServer({
      handlers: (protocol) => ({
        GLOBAL_REQUEST() {
          protocol.requestFailure();
          if (!isAsked) open(protocol);
          isAsked = true;
        },
        CHANNEL_DATA(_protocol, _channel, data) {
          received += data.length;
          if (received < BYTES) return;
          protocol.rekey();
          // Reads and discards.
          (protocol as ServerProtocol & { parse(): void }).parse = () => {};
        },
      }),
    });
    const { stdout, stderr } = await runDeno({
      script,
      argument: server.options,
      permissions: ["--allow-all"],
    });
    assertEquals(stderr, "");
    const { channels, peak } = JSON.parse(stdout);
    assertEquals(channels, CHANNELS);
    assert(peak < 150 * MIB, `${Math.round(peak / MIB)} MiB`);
  },
});

/** Opens the channels. */
function open(protocol: ServerProtocol): void {
  for (let i = 0; i < CHANNELS; i++) {
    protocol.forwardedTcpip(i, 2 ** 31, 2 ** 15, {
      ...{ boundAddr: "127.0.0.1", boundPort: 8080 },
      ...{ remoteAddr: "127.0.0.1", remotePort: 40000 + i },
    });
  }
}
