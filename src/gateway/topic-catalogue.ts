/** Which topics there are and how many partitions they have, asked seldom and remembered. */
import { LIMITS } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { TopicReader } from '../ports/topic-reader.ts';

export interface TopicCatalogue {
  /** Never older than gatewayTopicsAgeMs. @throws unavailable */
  all(): Promise<ReadonlyMap<string, number>>;
  /** Asks again for a topic that is not known. @returns undefined: it is not there. @throws unavailable */
  partitions(topic: string): number | Promise<number | undefined>;
}

export function topicCatalogue(reader: Pick<TopicReader, 'topics'>, clock: Clock): TopicCatalogue {
  let known: ReadonlyMap<string, number> = new Map();
  let atMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<ReadonlyMap<string, number>> | undefined;

  const ask = (): Promise<ReadonlyMap<string, number>> => {
    asking ??= reader
      .topics()
      .then((topics) => {
        known = topics;
        atMs = clock.nowMs();
        return topics;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  };
  /** A clock that was set back makes it old. */
  const isYoung = (ageMs: number): boolean => Math.abs(clock.nowMs() - atMs) < ageMs;

  return {
    all: async () => (isYoung(LIMITS.gatewayTopicsAgeMs) ? known : ask()),
    partitions(topic) {
      const count = known.get(topic);
      if (count !== undefined && isYoung(LIMITS.gatewayTopicsAgeMs)) return count;
      return isYoung(LIMITS.gatewayTopicsAskMs) ? Promise.resolve(count) : ask().then((topics) => topics.get(topic));
    },
  };
}
