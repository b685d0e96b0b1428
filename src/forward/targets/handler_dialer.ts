import type { ForwardedOpen } from "../../ssh/connection.ts";
import type { Dialer, Endpoint } from "./dialer.ts";
import { ForwardedConn } from "../tunnel/forwarded_conn.ts";
import type { TargetHandler } from "./target.ts";

/** Hands the connection to a function in this process. */
export class HandlerDialer implements Dialer {
  readonly name: string;

  constructor(readonly handler: TargetHandler) {
    this.name = handler.name || "a handler in this process";
  }

  dial(open: ForwardedOpen): Promise<Endpoint> {
    return Promise.resolve({
      serve: async (channel, ending) => {
        try {
          const served = this.handler(new ForwardedConn(channel, open));
          // A handler that never ends must not keep the tunnel from ending.
          await ending.race<unknown>(served ?? channel.closed);
        } finally {
          channel.close();
        }
      },
      abandon: () => {},
    });
  }
}
