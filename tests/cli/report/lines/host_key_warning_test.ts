import { HostKeyError } from "../../../../mod.ts";
import { hostKeyWarning } from "../../../../src/cli/report/lines/host_key_warning.ts";
import { changedError } from "../../../../src/ssh/host_keys/host_key_errors.ts";
import { assertEquals } from "../../../assert.ts";

const type = "ssh-ed25519";

Deno.test("hostKeyWarning() warns as ssh does of a key that has changed", () => {
  const error = changedError("[127.0.0.1]:2222", {
    hostname: "127.0.0.1",
    port: 2222,
    type,
    fingerprint: "SHA256:new",
    data: new Uint8Array([1]),
  }, [{
    file: "/home/al's/known_hosts",
    line: 3,
    marker: undefined,
    hosts: "[127.0.0.1]:2222",
    type,
    data: new Uint8Array([2]),
  }]);
  const lines = hostKeyWarning(error).split("\n");
  assertEquals(lines.slice(0, 6), [
    "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @",
    "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@",
    "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!",
    "Someone could be eavesdropping on you right now (man-in-the-middle attack)!",
    "It is also possible that a host key has just been changed.",
  ]);
  assertEquals(lines.slice(6), [
    "The fingerprint for the ssh-ed25519 key sent by the remote host is",
    `${error.fingerprint}.`,
    "Ask the server's administrator whether that is its present key.",
    "Offending key in /home/al's/known_hosts:3",
    "  only if it is, remove the offending key with:",
    "  ssh-keygen -R '[127.0.0.1]:2222' -f '/home/al'\"'\"'s/known_hosts'",
    "Host key verification failed.",
  ]);
});

Deno.test("hostKeyWarning() repeats the error of an unknown key, and is short if the person refused it", () => {
  const key = {
    host: "server.example",
    fingerprint: "SHA256:x",
    keyType: type,
    locations: [],
  };
  // The server's name and the advice differ for jump hosts and certificate authorities.
  const message = "hop 1 (root@server.example:22): what to do\x1b there";
  assertEquals(
    hostKeyWarning(new HostKeyError("unknown", key, message)),
    "hop 1 (root@server.example:22): what to do  there\nHost key verification failed.",
  );
  assertEquals(
    hostKeyWarning(new HostKeyError("rejected", key, "it did not")),
    "Host key verification failed.",
  );
  assertEquals(
    hostKeyWarning(new HostKeyError("revoked", key, "stolen\x1b")),
    "stolen \nHost key verification failed.",
  );
});
