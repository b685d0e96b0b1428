/** Unix sockets that a new connection binds in the place of the old one's, on a real sshd. */
import { RForwardError, type SshConnection } from "../../../../mod.ts";
import { assert, assertEquals, assertRejects } from "../../../assert.ts";
import { serverTest } from "../../../servers/availability.ts";
import { startSshd } from "../../../servers/openssh.ts";
import { receiveText } from "../../rig.ts";
import { startSite } from "../hand_over_site.ts";
import { until } from "../supervisor_rig.ts";

const config = ["StreamLocalBindUnlink yes"];

/** What a target that speaks first says at a socket. */
async function heardAt(path: string): Promise<string> {
  using conn = await Deno.connect({ transport: "unix", path });
  return await receiveText(conn);
}

/** Speaks first, so that a look at the wrong listener finds another program at once. */
async function greet(conn: {
  write(p: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
}): Promise<void> {
  await conn.write(new TextEncoder().encode("hi"));
  await conn.closeWrite();
}

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) does not mistake the new connection's socket for another program's",
  async () => {
    const dir = await Deno.makeTempDir();
    try {
      const path = `${dir}/s`;
      const held = Promise.withResolvers<void>();
      const looking = Promise.withResolvers<void>();
      const looked = Promise.withResolvers<void>();
      /** The old connection looks only once the new one has bound. */
      const delayLooks = (connection: SshConnection) => {
        const open = connection.openDirectUnix.bind(connection);
        let looks = 0;
        connection.openDirectUnix = async (...args) => {
          if (looks++ === 0) return await open(...args); // until it is up
          looking.resolve();
          await held.promise;
          const channel = await open(...args);
          channel.closed.then(() => looked.resolve());
          return channel;
        };
      };

      const releaseAfterBind = (connection: SshConnection) => {
        const request = connection.requestForward.bind(connection);
        connection.requestForward = async (...args) => {
          const bound = await request(...args);
          held.resolve();
          await looked.promise;
          // What it finds has been dealt with.
          await new Promise((resolve) => setTimeout(resolve, 5));
          return bound;
        };
      };

      let count = 0;
      await using site = await startSite(
        await startSshd({ config }),
        { path },
        {
          target: greet,
          verify: { everyMs: 1 },
          onConnect(connection) {
            if (count++ === 0) delayLooks(connection);
            else releaseAfterBind(connection);
          },
        },
      );

      await looking.promise;
      const { supervisor, events } = site;
      assertEquals(await supervisor.reconnect({ overlap: true }), {
        overlapped: [0],
        interrupted: [],
      });
      await until(supervisor, ({ tunnels }) => tunnels[0]!.state === "up");
      assertEquals(await heardAt(path), "hi");
      assertEquals(events.filter(({ type }) => type === "denied"), []);
      assertEquals(
        events.flatMap((e) => e.type === "state" ? e.state : []),
        ["up"],
      );
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);

serverTest(
  "sshd",
  "supervisor.reconnect({ overlap: true }) binds a Unix socket again if the connection that has replaced it does not take over",
  async () => {
    const dir = await Deno.makeTempDir();
    try {
      const path = `${dir}/s`;
      let count = 0;
      await using site = await startSite(
        await startSshd({ config }),
        { path },
        {
          target: greet,
          onConnect(connection) {
            if (count++ === 0) return;
            const request = connection.requestForward.bind(connection);
            connection.requestForward = async (...args) => {
              const bound = await request(...args);
              await connection.close();
              return bound;
            };
          },
        },
      );
      const { supervisor, events } = site;
      const old = supervisor.connection!;
      await assertRejects(
        () => supervisor.reconnect({ overlap: true }),
        RForwardError,
      );
      await until(
        supervisor,
        ({ state }) =>
          state === "up" &&
          events.filter(({ type }) => type === "bound").length === 2,
      );
      assertEquals(supervisor.connection, old);
      assertEquals(await heardAt(path), "hi");
      assert(!events.some(({ type }) => type === "denied"));
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
