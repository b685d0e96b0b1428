import type { Channel } from "./channel.ts";
import type { ConnectionHandlers } from "../ssh2.ts";

/** The messages that are for one channel. */
type ChannelMessage =
  | "CHANNEL_WINDOW_ADJUST"
  | "CHANNEL_DATA"
  | "CHANNEL_EXTENDED_DATA"
  | "CHANNEL_EOF"
  | "CHANNEL_CLOSE"
  | "CHANNEL_REQUEST"
  | "CHANNEL_SUCCESS"
  | "CHANNEL_FAILURE";

/**
 * Delivers each message to the channel that it is for. One for a channel that
 * is not there is dropped, as it may have crossed our close.
 *
 * @param channels The channels that are open, by our numbers.
 */
export function channelHandlers(
  channels: ReadonlyMap<number, Channel>,
): Pick<ConnectionHandlers, ChannelMessage> {
  return {
    CHANNEL_WINDOW_ADJUST: (_p, id, bytes) =>
      channels.get(id)?.onWindowAdjust(bytes),
    CHANNEL_DATA: (_p, id, data) => channels.get(id)?.onData(data),
    CHANNEL_EXTENDED_DATA: (_p, id, data) =>
      channels.get(id)?.onExtendedData(data),
    CHANNEL_EOF: (_p, id) => channels.get(id)?.onEof(),
    CHANNEL_CLOSE: (_p, id) => channels.get(id)?.onClose(),
    CHANNEL_REQUEST: (_p, id, type, wantReply, data) =>
      channels.get(id)?.onRequest(type, wantReply, data),
    CHANNEL_SUCCESS: (_p, id) => channels.get(id)?.onReply(true),
    CHANNEL_FAILURE: (_p, id) => channels.get(id)?.onReply(false),
  };
}
