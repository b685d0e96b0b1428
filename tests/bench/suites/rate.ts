import { Mode, openLoad, roundTrip } from "../load.ts";
import type { Suite } from "../suite.ts";

/** New connections: open, one byte there and back, close. */
export const rate: Suite = {
  name: "rate",
  metrics: ["1 at a time /s", "16 at a time /s"],
  async measure({ port }) {
    return [await perSecond(port, 60, 1), await perSecond(port, 640, 16)];
  },
};

async function perSecond(
  port: number,
  count: number,
  atATime: number,
): Promise<number> {
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      using conn = await openLoad(port, Mode.echo);
      await roundTrip(conn, new Uint8Array(1));
    }
  };
  const before = performance.now();
  await Promise.all(Array.from({ length: atATime }, one));
  return count / (performance.now() - before) * 1000;
}
