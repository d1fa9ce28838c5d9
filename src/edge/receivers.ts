/** The inbound protocols: one row each. A new one is a decoder in protocols/, a row here and a row in the table of routes. */
import { type DecodedPush, decodeJsonPush, type PushContext } from '../protocols/json.ts';

export interface Receiver {
  /** The media type without parameters; a request without a Content-Type is taken for it. */
  readonly mediaType: string;
  /** @throws MetricStreamError with a code of status 400, 413 or 422. */
  decode(body: Uint8Array, context: PushContext): DecodedPush;
}

export const RECEIVERS = {
  json: { mediaType: 'application/json', decode: decodeJsonPush },
} as const satisfies Record<string, Receiver>;

const UTF_8 = /^\s*charset\s*=\s*"?utf-?8"?\s*$/i;

/** Whether a Content-Type names the receiver's media type; the only parameter it may have is charset=utf-8. */
export function takes(receiver: Receiver, contentType: string | null): boolean {
  if (contentType === null || contentType === receiver.mediaType) return true;
  const [mediaType = '', ...parameters] = contentType.split(';');
  return mediaType.trim().toLowerCase() === receiver.mediaType && parameters.every((one) => UTF_8.test(one));
}
