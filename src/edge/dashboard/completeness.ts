/** The ledger in words: what a host should have sent, what came, and what became of it. */
import type { ClientAnswer } from './answers.ts';
import { formatCount, formatShare } from './units.ts';

export interface Fact {
  readonly name: string;
  readonly count: number;
  readonly note: string;
  /** Something that a person may want to look into. */
  readonly notable: boolean;
}

export interface Completeness {
  readonly headline: string;
  readonly complete: boolean;
  /** 0 … 1; undefined while nothing is expected. */
  readonly share: number | undefined;
  readonly shareText: string;
  readonly pushes: readonly Fact[];
  readonly samples: readonly Fact[];
}

const REASONS: Readonly<Record<string, string>> = {
  invalid_metric: 'not a metric',
  invalid_name: 'name not allowed',
  invalid_value: 'value not a finite number',
  invalid_timestamp: 'timestamp not readable',
  invalid_labels: 'labels not readable',
  invalid_unit: 'unit not allowed',
  invalid_kind: 'kind not known',
  reserved_label: 'label reserved for the system',
  too_many_labels: 'too many labels',
  unit_mismatch: 'not the unit of the metric',
  out_of_range: 'value out of range',
  sample_too_old: 'older than is accepted',
  sample_in_future: 'too far in the future',
  series_limit: 'too many series',
};

/** A code that the page does not know is shown as it is. */
export function reasonText(reason: string): string {
  return Object.hasOwn(REASONS, reason) ? (REASONS[reason] ?? reason) : reason;
}

function plural(count: number, word: string): string {
  const many = word.endsWith('sh') ? `${word}es` : `${word}s`;
  return `${formatCount(count)} ${count === 1 ? word : many}`;
}

/** In one sentence. */
function headline(expected: number, missing: number): string {
  if (expected === 0) return 'No push has been counted yet.';
  if (missing === 0)
    return expected === 1 ? 'The one push sent has arrived.' : `All ${formatCount(expected)} pushes have arrived.`;
  return `${formatCount(missing)} of ${plural(expected, 'push')} ${missing === 1 ? 'has' : 'have'} not arrived.`;
}

export function completeness(client: Pick<ClientAnswer, 'pushes' | 'samples'>): Completeness {
  const { pushes, samples } = client;
  const missing = Math.max(0, pushes.expected - pushes.received);
  const fact = (name: string, count: number, note: string, notable = false): Fact => ({ name, count, note, notable });
  const rejected = Object.entries(samples.rejected)
    .filter(([, count]) => count > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([reason, count]) => fact('Rejected', count, reasonText(reason), true));
  return {
    headline: headline(pushes.expected, missing),
    complete: pushes.expected > 0 && missing === 0,
    share: pushes.expected > 0 ? Math.min(1, pushes.received / pushes.expected) : undefined,
    shareText: formatShare(pushes.received, pushes.expected),
    pushes: [
      fact('Expected', pushes.expected, 'by the numbers that the sender gives; one without a number counts as it comes'),
      fact('Received', pushes.received, 'stored durably before they were acknowledged'),
      fact('Missing', missing, 'numbered, but not here: still on the way, or dropped', missing > 0),
      fact('Late', pushes.late, 'overtaken by a later one; its samples count all the same'),
      fact('Repeated', pushes.duplicate, 'sent more than once; counted once'),
    ],
    samples: [
      fact('Stored', samples.stored, 'counted exactly once'),
      fact('Repeated', samples.duplicate, 'same series, time and value; counted once'),
      fact('In conflict', samples.conflict, 'two values for one time; the greater is kept', samples.conflict > 0),
      ...(rejected.length > 0 ? rejected : [fact('Rejected', 0, 'none was refused')]),
    ],
  };
}
