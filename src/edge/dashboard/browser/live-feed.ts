/** The live feed: an EventSource that rests while nobody looks, and comes back by itself. */
import { LIMITS } from '../../../model/limits.ts';
import type { LiveAnswer } from '../answers.ts';
import { type LiveInterest, livePath } from '../live-keys.ts';

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

interface Events {
  readonly live: () => void;
  readonly broken: (willRetry: boolean) => void;
  readonly begins: () => void;
  readonly take: (changed: readonly LiveAnswer[]) => void;
}

/** After a refusal (401, 503) the browser does not try again by itself. */
function openSource(path: string, events: Events): EventSource {
  const source = new EventSource(path);
  const read = ({ data }: MessageEvent<string>): void => events.take((JSON.parse(data) as { clients: LiveAnswer[] }).clients);
  source.addEventListener('open', events.live);
  source.addEventListener('error', () => events.broken(source.readyState !== EventSource.CLOSED));
  source.addEventListener('snapshot', (event) => {
    events.begins();
    read(event);
  });
  source.addEventListener('change', read);
  return source;
}

/**
 * A hidden tab holds no connection: browsers give one origin six of them over HTTP/1.1, and seven tabs would
 * stop the page.
 */
export function liveFeed(after: (delayMs: number, run: () => void) => () => void, onState: (state: LiveState) => void): LiveFeed {
  return {
    open(interest, take, begins) {
      const path = livePath(interest);
      let source: EventSource | undefined;
      let cancelReopen = (): void => {};
      const broken = (willRetry: boolean): void => {
        onState('connecting');
        if (!willRetry) cancelReopen = after(LIMITS.pageReopenMs, open);
      };
      const close = (): void => {
        cancelReopen();
        source?.close();
        source = undefined;
      };
      const open = (): void => {
        close();
        onState(document.hidden ? 'paused' : 'connecting');
        if (!document.hidden) source = openSource(path, { live: () => onState('live'), broken, begins, take });
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
