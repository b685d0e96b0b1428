import { forwardDenied } from "../../src/ssh/forward_denied.ts";
import { assert, assertEquals, assertMatch } from "../assert.ts";

const tcp = { hostname: "localhost", port: 8080 };
const unix = { path: "/run/app.sock" };
const OF_SSHD = /sshd|AllowTcpForwarding|PermitListen|AllowStreamLocal/;

Deno.test("forwardDenied() names options of the server that it is", () => {
  for (const bind of [tcp, unix]) {
    assertMatch(forwardDenied(bind, undefined, "openssh").message, OF_SSHD);
    const dropbear = forwardDenied(bind, undefined, "dropbear").message;
    assertMatch(dropbear, /dropbear was started with -k/);
    const other = forwardDenied(bind, undefined, "other").message;
    for (const message of [dropbear, other]) {
      assert(!OF_SSHD.test(message), message);
    }
    assert(!/dropbear|authorized_keys/.test(other), other);
  }
});

Deno.test("forwardDenied() has what the server said of it", () => {
  const said = "Server has disabled port forwarding.";
  const error = forwardDenied(tcp, said, "openssh");
  assertEquals(error.serverSays, said);
  assertMatch(error.message, /it says "Server has disabled/);
  const other = "/root/.ssh/authorized_keys:1: key options: port-forwarding";
  assertEquals(forwardDenied(tcp, other, "openssh").serverSays, undefined);
});
