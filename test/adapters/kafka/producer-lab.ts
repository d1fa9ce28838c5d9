/** A producer as it is wired for Kafka, before brokers of the model and a clock that the test moves. */
import { batchedSends } from '../../../src/adapters/kafka/batched-sends.ts';
import { idempotentSends } from '../../../src/adapters/kafka/idempotent-sends.ts';
import { leavingStalledLeaders } from '../../../src/adapters/kafka/stalled-leaders.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { manualClock } from '../../agent/manual-clock.ts';
import { ModelBrokers, type ModelRequest } from './model-brokers.ts';

/** After it a record is given up, at most a quarter later. */
export const TIMEOUT_MS = 10_000;

export function producerLab(leaders: readonly number[] = [1, 1, 1]) {
  const clock = manualClock();
  const brokers = new ModelBrokers(leaders);
  const sends = batchedSends({
    transport: idempotentSends(leavingStalledLeaders(brokers, clock), clock),
    clock,
    lingerMs: 0,
    timeoutMs: TIMEOUT_MS,
  });
  const answers: (number | string | undefined)[] = [];
  const add = (text: string, partition = 0): number => {
    const place = answers.push(undefined) - 1;
    const record = { topic: 't', partition, key: undefined, value: Buffer.from(text), headers: [], timestampMs: undefined };
    sends.add(record).then(
      (offset) => (answers[place] = offset),
      (error: { code: string }) => (answers[place] = error.code),
    );
    return place;
  };
  const retry = (): Promise<void> => clock.advance(LIMITS.kafkaRetryDelayMs);
  const last = (): ModelRequest => brokers.requests.at(-1) as ModelRequest;
  return { clock, brokers, sends, answers, add, retry, last };
}
