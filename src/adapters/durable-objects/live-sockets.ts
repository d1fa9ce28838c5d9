/** WebSockets of pages, handed on to the object that holds them. */
import type { LiveListener, LiveSockets } from '../../ports/live-feed.ts';
import type { Reply } from '../../ports/shard-service.ts';
import { LIVE_LISTENER_HEADER } from '../../protocols/live-message.ts';
import { CALL_VERSION } from '../../protocols/shard-reply.ts';
import { ask } from './remote.ts';

/** What Cloudflare's Response has besides. */
interface Handshake {
  readonly webSocket: object | null;
  json(): Promise<unknown>;
}

export interface RemoteLiveSocketsOptions {
  /** Sends it to control. */
  fetch(headers: Readonly<Record<string, string>>): Promise<Handshake>;
}

export function remoteLiveSockets(options: RemoteLiveSocketsOptions): LiveSockets {
  const handshake = async (listener: LiveListener): Promise<Reply<object>> => {
    const answer = await options.fetch({ upgrade: 'websocket', [LIVE_LISTENER_HEADER]: JSON.stringify(listener) });
    if (answer.webSocket !== null) return { version: CALL_VERSION, ok: true, value: answer.webSocket };
    return (await answer.json()) as Reply<object>;
  };
  return {
    async connect(listener) {
      const webSocket = await ask(handshake(listener));
      return new Response(null, { status: 101, webSocket } as ResponseInit);
    },
  };
}
