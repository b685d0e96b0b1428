import { ArgumentError, ForwardDeniedError } from "../../../src/errors.ts";
import type { Bind, TcpBind } from "../../../src/ssh/connection.ts";
import { assert, assertEquals, assertRejects } from "../../assert.ts";
import { isRefused } from "../../forward/rig.ts";
import { withFreePort } from "../../servers/free_port.ts";
import {
  type Behaviour,
  bytes,
  section,
  type Subject,
  takePort,
  Taker,
} from "./setting.ts";

const hostname = "127.0.0.1";

/** What the contract says of binding on the server. */
export function testForwards(subject: Subject): void {
  section(subject, "requestForward() and cancelForward()", [
    [
      "requestForward() binds the port that is asked",
      async ({ connection }) => {
        const bound = await withFreePort((port) =>
          connection.requestForward({ hostname, port })
        );

        using program = await Deno.connect({
          hostname,
          port: bound.port,
        });
        assertEquals(program.remoteAddr.port, bound.port);
      },
    ],

    [
      "requestForward() returns the port that the server chose",
      async ({ connection }) => {
        const first = await connection.requestForward({ hostname, port: 0 });
        const second = await connection.requestForward({ hostname, port: 0 });

        assertEquals(first.hostname, hostname);
        assert(first.port > 0 && first.port !== second.port);
        for (const { port } of [first, second]) {
          (await Deno.connect({ hostname, port })).close();
        }
      },
    ],

    [
      "requestForward() leaves what it is given as it is",
      async ({ connection }) => {
        const asked: TcpBind = { hostname, port: 0 };

        const bound = await connection.requestForward(asked);

        assert(bound !== asked);
        assertEquals(asked, { hostname, port: 0 });
      },
    ],

    [
      "requestForward() of a port in use is denied, and the connection stays usable",
      async ({ connection }) => {
        using taken = takePort();
        const { port } = taken;

        const error = await assertRejects(
          () => connection.requestForward({ hostname, port }),
          ForwardDeniedError,
        );

        assertEquals(error.code, "forward-denied");
        assertEquals(error.bind, { hostname, port });
        assertEquals(error.serverSays, undefined);
        assert(error.message.includes(`${hostname}:${port}`), error.message);
        const bound = await connection.requestForward({ hostname, port: 0 });
        (await Deno.connect({ hostname, port: bound.port })).close();
      },
    ],

    [
      "requestForward() names a bind that cannot be one",
      async ({ connection }) => {
        const binds: [string, unknown][] = [
          ...[65536, -1, 1.5, NaN, "22", undefined].map((
            port,
          ): [string, unknown] => [
            "bind.port",
            { hostname, port },
          ]),
          ["bind.hostname", { hostname: "two words", port: 0 }],
          ["bind.hostname", { port: 0 }],
          ["bind.path", { path: "" }],
          ["bind.path", { path: "/tmp/a\0b" }],
          ["bind.path", {}],
          ["bind", null],
          ["bind", "8080"],
        ];
        for (const [argument, bind] of binds) {
          const error = await assertRejects(
            () => connection.requestForward(bind as Bind),
            ArgumentError,
          );
          assertEquals(error.argument, argument);
          const cancelling = await assertRejects(
            () => connection.cancelForward(bind as Bind),
            ArgumentError,
          );
          assertEquals(cancelling.argument, argument);
        }
      },
    ],

    ["ten requests at once get each its own answer", async ({ connection }) => {
      using taken = takePort();
      const { port } = taken;

      const answers = await Promise.allSettled(
        Array.from(
          { length: 10 },
          (_, i) =>
            connection.requestForward({ hostname, port: i % 2 ? port : 0 }),
        ),
      );

      assertEquals(
        answers.map(({ status }) => status),
        answers.map((_, i) => i % 2 ? "rejected" : "fulfilled"),
      );
      const ports = answers.flatMap((it) =>
        it.status === "fulfilled" ? [it.value.port] : []
      );
      assertEquals(new Set(ports).size, 5);
      for (const port of ports) {
        (await Deno.connect({ hostname, port })).close();
      }
    }],

    [
      "cancelForward() of what is not bound is false, and the connection stays usable",
      async ({ connection }) => {
        assertEquals(
          await connection.cancelForward({ hostname, port: 9 }),
          false,
        );
        await connection.requestForward({ hostname, port: 0 });
      },
    ],
  ]);

  if (!subject.kind.openssh) return;
  section(subject, "requestForward() and cancelForward() of OpenSSH", [
    [
      "cancelForward() releases the port; connections that are open stay",
      async ({ connection }) => {
        const taker = new Taker(connection);
        const bound = await connection.requestForward({ hostname, port: 0 });
        const { port } = bound;
        using program = await Deno.connect({ hostname, port });
        const channel = await taker.confirm();

        assertEquals(await connection.cancelForward(bound), true);

        assert(await isRefused(port, hostname));
        await program.write(bytes("still here"));
        const reader = channel.readable.getReader();
        assertEquals((await reader.read()).value, bytes("still here"));
        assertEquals(await connection.cancelForward(bound), false);
        assertEquals(await connection.requestForward(bound), bound);
      },
    ],

    [
      "requestForward() leaves when its signal aborts, and the server keeps nothing",
      async ({ connection }) => {
        const bound = await connection.requestForward({ hostname, port: 0 });
        await connection.cancelForward(bound);
        const stop = new AbortController();
        const { signal } = stop;
        const asked = connection.requestForward(bound, { signal });
        stop.abort(new Error("enough"));
        const error = await assertRejects(() => asked, Error);
        assertEquals(error, signal.reason);
        await assertRejects(
          () => connection.requestForward(bound, { signal }),
          Error,
        );
        assertEquals(await connection.requestForward(bound), bound);
      },
    ],

    [
      "cancelForward() reports to the handler of connections which bind was released, and only that",
      async ({ connection }) => {
        const cancelled: Bind[] = [];
        connection.takeForwardedOpens(
          () => Promise.resolve(),
          (bind) => cancelled.push(bind),
        );
        const bound = await connection.requestForward({ hostname, port: 0 });
        await connection.cancelForward({ ...bound, hostname: "localhost" });
        assertEquals(cancelled, []);
        await connection.cancelForward(bound);
        assertEquals(cancelled, [bound]);
      },
    ],

    [
      "cancelForward() takes the string that was asked and no other",
      async ({ connection }) => {
        const { port } = await connection.requestForward({
          hostname: "localhost",
          port: 0,
        });

        assertEquals(await connection.cancelForward({ hostname, port }), false);
        assertEquals(
          await connection.cancelForward({ hostname: "localhost", port }),
          true,
        );
      },
    ],

    ["requestForward() binds a Unix socket", async ({ connection }) => {
      const taker = new Taker(connection);
      const path = `/tmp/${crypto.randomUUID()}`;

      assertEquals(await connection.requestForward({ path }), { path });

      using program = await Deno.connect({ transport: "unix", path });
      const { open, release } = await taker.next();
      assertEquals(open.bind, { path });
      assertEquals(open.originator, { address: "", port: 0 });
      const channel = open.confirm();
      release();
      await program.write(bytes("by path"));
      const reader = channel.readable.getReader();
      assertEquals((await reader.read()).value, bytes("by path"));
      assertEquals(await connection.cancelForward({ path }), true);
      await assertRejects(
        () => Deno.connect({ transport: "unix", path }),
        Error,
      );
    }],

    [
      "requestForward() of a path in use is denied",
      async ({ server, connection }) => {
        const error = await assertRejects(
          () => connection.requestForward({ path: server.keyFile }),
          ForwardDeniedError,
        );

        assertEquals(error.bind, { path: server.keyFile });
        assertEquals(error.serverSays, undefined);
      },
    ],
  ]);

  /** What a bind is refused with. */
  const says = (bind: Bind, words: string): Behaviour => [
    `requestForward(${JSON.stringify(bind)}) is denied with the server's words`,
    async ({ connection }) => {
      const error = await assertRejects(
        () => connection.requestForward(bind),
        ForwardDeniedError,
      );
      assertEquals(error.serverSays, words);
      assert(error.message.includes(`"${words}"`), error.message);
      await using process = await connection.exec("exit 0");
      assertEquals((await process.output()).success, true);
    },
  ];
  const tcp = { hostname, port: 0 };
  const unix = { path: "/tmp/rforward-denied" };
  for (
    const [config, ...behaviours] of [
      [
        "AllowTcpForwarding no",
        says(tcp, "Server has disabled port forwarding."),
        says(unix, "port forwarding refused"),
      ],
      ["PermitListen none", says(tcp, "port forwarding refused")],
      [
        "AllowStreamLocalForwarding no",
        says(unix, "Server has disabled streamlocal forwarding."),
      ],
    ] as [string, ...Behaviour[]][]
  ) {
    const title = `requestForward() where the server forbids it (${config})`;
    section(subject, title, behaviours, [config]);
  }
}
