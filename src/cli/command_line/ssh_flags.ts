import { ArgumentError } from "../../errors.ts";
import { nativeEngine } from "../../ssh/native/native_engine.ts";
import { optionNames } from "../ssh_config/options/option_table.ts";
import type { CommandLine } from "./command_line.ts";
import { file, type Flag, flag, type FlagValue, port, text } from "./flag.ts";
import { checkUser } from "./values/destination.ts";

/** The flags that do the same in ssh. */
export const sshFlags: readonly Flag[] = [
  override("-4", "connect over IPv4 only", "AddressFamily", "inet"),
  override("-6", "connect over IPv6 only", "AddressFamily", "inet6"),
  override("-b", "connect from this address", "BindAddress", text("ADDRESS")),
  override(
    "-c",
    "ciphers, best first",
    "Ciphers",
    text("CIPHERS", nativeEngine.supportedAlgorithms.cipher),
  ),
  override("-C", "compress the connection", "Compression", "yes"),
  flag({
    names: ["-E"],
    value: file,
    help: "append messages to a file",
    read: ({ args }, path) => args.logFile = path,
  }),
  flag({
    names: ["-F"],
    value: file,
    help: "configuration file, or none",
    read: ({ args }, path) => args.configFile = path,
  }),
  flag({
    names: ["-G"],
    help: "print the settings and end",
    read: (line) => line.showConfig = true,
  }),
  flag({
    names: ["-i"],
    value: file,
    help: "private key to log in with",
    read: (line, path) => {
      line.set("IdentityFile", path);
      line.identities.push(path);
    },
  }),
  flag({
    names: ["-J"],
    value: text("HOSTS", "hosts"),
    help: "connect through these hosts",
    read: jump,
  }),
  flag({
    names: ["-l"],
    value: text("USER", "users"),
    help: "user to log in as",
    read: (line, user, name) => {
      checkUser(name, user);
      line.set("User", user);
    },
  }),
  override(
    "-m",
    "MAC algorithms, best first",
    "MACs",
    text("MACS", nativeEngine.supportedAlgorithms.mac),
  ),
  override("-N", "open no session on the server", "SessionType", "none"),
  flag({
    names: ["-o"],
    value: {
      ...text("SETTING", optionNames.map((name) => `${name}=`)),
      open: true,
    },
    help: "a line of ssh_config",
    read: ({ settings }, line) => settings.push(line),
  }),
  flag({
    names: ["-p"],
    value: port,
    help: "port of the server",
    read: (line, port) => line.set("Port", port),
  }),
  flag({
    names: ["-q"],
    help: "say less",
    read: (line) => line.setVerbosity(-1),
  }),
  flag({
    names: ["-v"],
    help: "say more; up to three times",
    read: (line) =>
      line.setVerbosity(Math.min(Math.max(line.args.verbosity, 0) + 1, 3)),
  }),
].map((flag): Flag => ({ ...flag, asInSsh: true }));

/** A flag for a setting of ssh_config: the last one given counts, and before any `-o`. */
function override(
  name: string,
  help: string,
  keyword: string,
  to: string | FlagValue,
): Flag {
  return flag<string | undefined>({
    names: [name],
    help,
    value: typeof to === "object" ? to : undefined,
    read: ({ overrides }, value) => overrides.set(keyword, value ?? `${to}`),
  });
}

function jump({ settings }: CommandLine, hosts: string, name: string): void {
  const before = settings.find((line) =>
    /^\s*proxy(jump|command)\b/i.test(line)
  );
  if (before !== undefined) {
    throw new ArgumentError(
      name,
      `${before} was given before; name all hosts in one -J, with commas between them`,
    );
  }
  // ssh reads the rest of this line as it stands.
  settings.push(`ProxyJump=${hosts}`);
}
