import { join } from "node:path";
import { within } from "../within.ts";

/** A socket that receives the notifications of services to systemd (sd_notify(3)). */
export interface NotifySocket extends AsyncDisposable {
  /** What `NOTIFY_SOCKET` is to be. */
  readonly address: string;
  /** The next message, its lines joined by `|`. */
  message(): Promise<string>;
}

/** Perl, because Deno has no Unix datagram sockets; every Debian has it. */
const SCRIPT = `
use strict; use Socket; $| = 1;
my $path = $ARGV[0] =~ s/^@/\\0/r;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($socket, pack_sockaddr_un($path)) or die "bind: $!";
print "bound\\n";
while (defined recv($socket, my $message, 65536, 0)) {
  next if $message eq "BARRIER=1"; # systemd-notify waits until it was taken
  print $message =~ s/\\n/|/gr, "\\n";
}
`;

/**
 * Binds one.
 *
 * @param kind A file, or a name in Linux's abstract namespace.
 */
export async function startNotifySocket(
  kind: "path" | "abstract" = "path",
): Promise<NotifySocket> {
  await using stack = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "rforward-notify-" });
  stack.defer(() => Deno.remove(dir, { recursive: true }));
  const address = kind === "path"
    ? join(dir, "socket")
    : `@rforward-${crypto.randomUUID()}`;
  const child = stack.use(
    new Deno.Command("perl", {
      args: ["-e", SCRIPT, address],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn(),
  );
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  stack.defer(async () => {
    child.kill("SIGKILL");
    await reader.cancel();
  });

  let text = "";
  const message = async () => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      const { done, value } = await within(20_000, "message", reader.read());
      if (done) throw new Error("the socket is gone");
      text += value;
    }
  };
  await message(); // bound
  const resources = stack.move();
  return {
    address,
    message,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
