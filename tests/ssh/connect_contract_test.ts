import { connect } from "../../src/ssh/connect.ts";
import { startDropbear } from "../servers/dropbear.ts";
import { startSshd } from "../servers/openssh.ts";
import { testContract } from "./contract.ts";

testContract(connect, {
  name: "sshd",
  needs: ["sshd"],
  openssh: true,
  start: (config = []) => startSshd({ config }),
});

testContract(connect, {
  name: "dropbear",
  needs: ["dropbear"],
  openssh: false,
  start: () => startDropbear(),
});
