/** The live feed: an EventSource that rests while nobody looks, and comes back by itself. */
import { LIMITS } from '../../../model/limits.ts';
import type { LiveAnswer } from '../answers.ts';

export type LiveState = 'connecting' | 'live' | 'paused';

export interface LiveFeed {
  /**
   * @param client undefined: all of them, with the metrics of the list.
   * @param take what changed; `whole` where it is everything there is, as after each opening.
   * @returns closes it.
   */
  open(client: string | undefined, take: (changed: readonly LiveAnswer[], whole: boolean) => void): () => void;
}

/**
 * A hidden tab holds no connection: browsers give one origin six of them over HTTP/1.1, and seven tabs would
 * stop the page.
 */
export function liveFeed(after: (delayMs: number, run: () => void) => () => void, onState: (state: LiveState) => void): LiveFeed {
  return {
    open(client, take) {
      let source: EventSource | undefined;
      let cancelReopen = (): void => {};
      const path = client === undefined ? '/api/v1/live' : `/api/v1/live?client=${encodeURIComponent(client)}`;
      const receive = (event: MessageEvent<string>): void => {
        onState('live');
        take((JSON.parse(event.data) as { clients: LiveAnswer[] }).clients, event.type === 'snapshot');
      };
      const close = (): void => {
        cancelReopen();
        source?.close();
        source = undefined;
      };
      const open = (): void => {
        close();
        if (document.hidden) return onState('paused');
        onState('connecting');
        const opened = new EventSource(path);
        source = opened;
        opened.addEventListener('snapshot', receive);
        opened.addEventListener('change', receive);
        opened.addEventListener('open', () => onState('live'));
        opened.addEventListener('error', () => {
          onState('connecting');
          // After a refusal (401, 503) the browser does not try again.
          if (opened.readyState === EventSource.CLOSED) cancelReopen = after(LIMITS.pageReopenMs, open);
        });
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
