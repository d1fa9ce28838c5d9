/** The live feed: a connection that rests while nobody looks, and comes back by itself. */
import { LIMITS } from '../../../model/limits.ts';
import type { LiveAnswer } from '../answers.ts';
import { type LiveInterest, livePath } from '../live-keys.ts';
import { liveTransport, type SocketHandlers, type SourceHandlers } from '../live-transport.ts';

export type LiveState = 'connecting' | 'live' | 'paused';

export interface LiveFeed {
  /**
   * @param interest what is drawn: nothing else is asked for.
   * @param take what changed.
   * @param begins called each time the feed begins: what came before it has to be read in another way.
   * @returns closes it.
   */
  open(interest: LiveInterest, take: (changed: readonly LiveAnswer[]) => void, begins: () => void): () => void;
}

function eventSource(path: string, on: SourceHandlers): () => void {
  const source = new EventSource(path);
  source.addEventListener('open', on.open);
  source.addEventListener('error', () => on.error(source.readyState === EventSource.CLOSED));
  source.addEventListener('snapshot', ({ data }: MessageEvent<string>) => on.snapshot(data));
  source.addEventListener('change', ({ data }: MessageEvent<string>) => on.change(data));
  return () => source.close();
}

function webSocket(path: string, on: SocketHandlers): WebSocket {
  const socket = new WebSocket(new URL(path, location.href.replace(/^http/, 'ws')));
  socket.addEventListener('open', on.open);
  socket.addEventListener('message', ({ data }: MessageEvent<string>) => on.message(data));
  socket.addEventListener('close', on.close);
  return socket;
}

/**
 * A hidden tab holds no connection: browsers give one origin six of them over HTTP/1.1, and seven tabs would
 * stop the page.
 */
export function liveFeed(after: (delayMs: number, run: () => void) => () => void, onState: (state: LiveState) => void): LiveFeed {
  const status = async (path: string): Promise<number> => (await fetch(path, { method: 'HEAD' })).status;
  const connect = liveTransport({ after, status, eventSource, webSocket });
  return {
    open(interest, take, begins) {
      const path = livePath(interest);
      let disconnect = (): void => {};
      let cancelReopen = (): void => {};
      const broken = (willRetry: boolean): void => {
        onState('connecting');
        if (!willRetry) cancelReopen = after(LIMITS.pageReopenMs, open);
      };
      const close = (): void => {
        cancelReopen();
        disconnect();
        disconnect = () => {};
      };
      const open = (): void => {
        close();
        onState(document.hidden ? 'paused' : 'connecting');
        if (!document.hidden) disconnect = connect(path, { live: () => onState('live'), broken, begins, take });
      };
      document.addEventListener('visibilitychange', open);
      open();
      return () => {
        document.removeEventListener('visibilitychange', open);
        close();
      };
    },
  };
}
