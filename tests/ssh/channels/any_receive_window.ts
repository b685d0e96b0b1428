import { ReceiveWindow } from "../../../src/ssh/channels/receive_window.ts";

/** A receive window of 2 MiB that shares its memory with no other. */
export function anyReceiveWindow(): ReceiveWindow {
  return new ReceiveWindow(
    { onReceived() {}, onPortion() {}, onReleased() {} },
    2 ** 21,
  );
}
