/** A function that decides who may connect, seen by programs on a real server. */
import { assertEquals } from "../../assert.ts";
import { serverTest } from "../../servers/availability.ts";
import { ask, receiveText, visit } from "../rig.ts";
import { seeRefusal, startAdmissionSite } from "./admission_site.ts";

serverTest(
  "sshd",
  "admission.decide decides about each connection; one that it throws for, or takes too long for, is refused",
  async () => {
    const seen: string[] = [];
    const late = Promise.withResolvers<void>();
    const answers: (() => boolean | Promise<boolean>)[] = [
      () => true,
      () => Promise.resolve(true),
      () => false,
      () => Promise.reject(new Error("no")),
      () => {
        throw new Error("no");
      },
      () => new Promise(() => {}),
      () => late.promise.then(() => true),
      () => late.promise.then(() => Promise.reject(new Error("too late"))),
    ];
    const aborted: boolean[] = [];
    await using site = await startAdmissionSite({
      decideTimeoutMs: 50,
      decide: ({ originator, signal }) => {
        seen.push(originator.address);
        signal.addEventListener("abort", () => aborted.push(true));
        return answers.shift()!();
      },
    });
    const { tunnel, refused, taken } = site;
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    assertEquals(await ask(tunnel.port, "hi"), "echo: hi");
    for (let i = 0; i < 6; i++) await seeRefusal(tunnel.port);
    late.resolve();
    assertEquals(seen, Array(8).fill("127.0.0.1"));
    assertEquals(taken(), 2);
    assertEquals(refused.map(({ rule }) => rule), Array(6).fill("decide"));
    assertEquals(aborted.length, 8, "the signal says that it is over");
    const log = await site.rig.server.log();
    assertEquals(log.match(/administratively prohibited/g)?.length, 6);
    const { admitted, refused: count } = tunnel.admission!.counts;
    assertEquals([admitted, count], [2, 6]);
    assertEquals(tunnel.admission!.counts.live, tunnel.connections.size);
  },
);

serverTest(
  "sshd",
  "tunnel.pause() refuses a connection that is being decided about",
  async () => {
    const asked = Promise.withResolvers<void>();
    await using site = await startAdmissionSite({
      decide: () => {
        asked.resolve();
        return new Promise(() => {});
      },
    });
    const { tunnel } = site;
    using conn = await visit(tunnel.port);
    await asked.promise;
    await tunnel.pause();
    assertEquals(await receiveText(conn).catch(() => ""), "");
    assertEquals(tunnel.admission!.counts.live, 0);
  },
);
