import { connect } from "../../src/ssh/connect.ts";
import { startDropbear } from "../servers/dropbear.ts";
import { startSshd } from "../servers/openssh.ts";
import { testContract } from "./contract.ts";

// As root, sshd passes no signals on to commands.
const root = Deno.uid() === 0;

testContract(connect, {
  name: "sshd",
  needs: root ? ["sshd", "useradd"] : ["sshd"],
  openssh: true,
  start: (config = []) => startSshd({ config, passwordUser: root }),
});

testContract(connect, {
  name: "dropbear",
  needs: ["dropbear"],
  openssh: false,
  start: () => startDropbear(),
});
