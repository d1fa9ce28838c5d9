/** What every handler of alerting works with: the ports, each wait bounded, and how a change that was not made is answered. */
import { MetricStreamError } from '../model/errors.ts';
import type { BookProblem, ChangeOutcome, Entry } from '../ports/alert-book.ts';
import type { AlertPorts } from '../ports/alert-service.ts';
import type { Deadlines } from './deadlines.ts';
import { etagOf } from './etags.ts';
import { problem } from './problem.ts';
import type { KeyedCall } from './route.ts';

export type Alerting = AlertPorts;

/** Waits for a port. @throws unavailable when it does not answer in time; what was asked for may have been done. */
export type Ask = <T>(work: Promise<T>) => Promise<T>;

export function askWithin(waits: Deadlines): Ask {
  return (work) => waits.within(work, () => new MetricStreamError('unavailable', 'Alerting did not answer in time.'));
}

/** Problems of a body or a file, with their places; the first stands in the detail too. */
export function invalidAnswer(problems: readonly BookProblem[], correlationId: string): Response {
  const [first] = problems;
  const place = [first?.line ? `line ${first.line}` : '', first?.path ?? ''].filter(Boolean).join(': ');
  const detail = first === undefined ? {} : { detail: place === '' ? first.message : `${place}: ${first.message}` };
  return problem('invalid_body', correlationId, {
    ...detail,
    members: { problems: problems.map(({ line, path, message }) => ({ line, path, message })) },
  });
}

/**
 * The answer to a change.
 * @param done of what is there now; undefined where it was removed.
 * @throws not_found
 */
export function changeAnswer(
  outcome: ChangeOutcome,
  { correlationId }: Pick<KeyedCall, 'correlationId'>,
  done: (entry: Entry | undefined) => Response,
): Response {
  switch (outcome.kind) {
    case 'done':
      return done(outcome.entry);
    case 'stale': {
      // 0: there is none, of which there is no ETag.
      const headers: Record<string, string> = outcome.version === 0 ? {} : { etag: etagOf(outcome.version) };
      return problem('stale', correlationId, { members: { version: outcome.version }, headers });
    }
    case 'absent':
      throw new MetricStreamError('not_found');
    case 'invalid':
      return invalidAnswer(outcome.problems, correlationId);
  }
}
