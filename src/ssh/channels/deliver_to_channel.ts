import {
  readChannelData,
  readChannelRequest,
  readExtendedData,
  readRecipient,
  readWindowAdjust,
} from "../messages/connection_messages.ts";
import { MessageNumber } from "../messages/message_number.ts";
import type { Channel } from "./channel.ts";

/**
 * Delivers a message that is for one channel. One for a channel that is not
 * there is dropped, as it may have crossed our close.
 *
 * @param channels The channels that are open, by our numbers.
 * @returns false if the message is of another kind.
 * @throws {ProtocolError} if it is cut short.
 */
export function deliverToChannel(
  message: Uint8Array,
  channels: ReadonlyMap<number, Channel>,
): boolean {
  const number = message[0]!;
  const isForChannel = number >= MessageNumber.CHANNEL_WINDOW_ADJUST &&
    number <= MessageNumber.CHANNEL_FAILURE;
  if (!isForChannel) return false;
  const channel = channels.get(readRecipient(message));
  if (!channel) return true;
  switch (number) {
    case MessageNumber.CHANNEL_WINDOW_ADJUST:
      channel.onWindowAdjust(readWindowAdjust(message));
      break;
    case MessageNumber.CHANNEL_DATA:
      channel.onData(readChannelData(message));
      break;
    case MessageNumber.CHANNEL_EXTENDED_DATA:
      channel.onExtendedData(readExtendedData(message));
      break;
    case MessageNumber.CHANNEL_EOF:
      channel.onEof();
      break;
    case MessageNumber.CHANNEL_CLOSE:
      channel.onClose();
      break;
    case MessageNumber.CHANNEL_REQUEST:
      channel.onRequest(readChannelRequest(message));
      break;
    case MessageNumber.CHANNEL_SUCCESS:
    case MessageNumber.CHANNEL_FAILURE:
      channel.onReply(number === MessageNumber.CHANNEL_SUCCESS);
      break;
  }
  return true;
}
