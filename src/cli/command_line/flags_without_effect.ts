import { ArgumentError } from "../../errors.ts";
import { type Flag, ignored, refused, text } from "./flag.ts";

/** Flags of ssh that have no effect here, or are an error. */
export const flagsWithoutEffect: readonly Flag[] = [
  // The session has no terminal and no input, which is all that these concern.
  ...ignored("-T -n -t -a -x -k -g -2"),
  ...ignored("-e", undefined, text("CHAR")),
  ...ignored("-A", "the agent is not forwarded"),
  ...ignored("-X -Y", "X11 is not forwarded"),
  ...ignored("-K", "Kerberos is not supported"),
  ...ignored("-y", "messages go to stderr, or to -E FILE"),
  ...ignored("-S", "the connection is not shared with ssh", text("PATH")),
  {
    names: ["-M"],
    value: text("PORT"),
    // autossh's is -M port[:echo_port]; ssh's takes no value.
    read: ({ notes }, value, name) => {
      if (!/^\d+(:\d+)?$/.test(value)) {
        throw new ArgumentError(name, "connections are not shared; use ssh");
      }
      notes.add(`${name}: a monitoring port is not needed; see --verify-every`);
    },
  },

  ...refused(
    "-L -D -W",
    "only remote forwards (-R) are made here; use ssh for this one",
    text("FORWARD"),
  ),
  ...refused(
    "-w",
    "tunnel devices are not supported; use ssh",
    text("DEVICES"),
  ),
  ...refused("-s", "nothing is run on the server; use ssh"),
  ...refused(
    "-f",
    "the command stays in the foreground; run it as a systemd service, or in the shell with & at the end",
  ),
  ...refused("-O", "connections are not shared; use ssh", text("COMMAND")),
  ...refused("-Q", "it asks for what ssh supports; use ssh", text("WHAT")),
  ...refused(
    "-I",
    "a smart card is reached through the agent only; use ssh-add -s",
    text("LIBRARY"),
  ),
  ...refused(
    "-B",
    "use -b with an address of the interface",
    text("INTERFACE"),
  ),
  ...refused(
    "-P",
    "tags are not supported; for the port use -p",
    text("TAG"),
  ),
  ...refused("-1", "SSH 1 is obsolete and not supported"),
];
