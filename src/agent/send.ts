/** Sends a push over HTTP with the host's own fetch, which keeps connections alive. */
import { LIMITS } from '../model/limits.ts';
import type { PushRequest, PushResponse } from './push.ts';

const DETAIL_LENGTH = 300;

/** @param url of the receiver. Redirects are answers, not followed: a key goes nowhere but where it was told to. */
export function httpSend(url: string): (request: PushRequest) => Promise<PushResponse> {
  return async ({ headers, body, signal }) => {
    const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after') ?? undefined,
      detail: (await firstText(response)).slice(0, DETAIL_LENGTH),
    };
  };
}

/** A connection is used again only when its answer was read; an answer that does not end costs the connection. */
async function firstText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > LIMITS.agentAnswerBytesMax) break;
    }
  } catch {
    // The status came: that is the answer, however its text ended.
  }
  return text;
}
