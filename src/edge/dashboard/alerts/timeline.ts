/** The timeline of one incident: each line in words, with the time that has passed since it all began. */
import type { IncidentFull, TimelineEntry } from './answers.ts';
import { alertStateWords, type Tone } from './delivery.ts';
import { stretch } from './times.ts';

export interface TimelineItem {
  readonly id: string;
  readonly atMs: number;
  readonly title: string;
  /** What somebody wrote, or what a channel said. */
  readonly text: string;
  readonly by: string;
  readonly tone: Tone;
  /** Kind of the sign beside it. */
  readonly sign: 'began' | 'state' | 'page' | 'person' | 'end';
  /** Event time: when it happened on the host, not here. */
  readonly isEventTime: boolean;
  /** From the onset, ms. */
  readonly sinceOnsetMs: number;
  readonly values: Readonly<Record<string, number>>;
  readonly explanations: readonly string[];
}

type Kind = readonly [title: string, tone: Tone, sign: TimelineItem['sign']];
const KINDS: Readonly<Record<string, Kind>> = {
  opened: ['Incident opened', 'plain', 'began'],
  notified: ['Page sent', 'plain', 'page'],
  delivered: ['Delivered', 'good', 'page'],
  delivery_failed: ['Delivery failed', 'bad', 'page'],
  undelivered: ['Undelivered: nobody was told', 'bad', 'page'],
  held: ['Page held back', 'warn', 'page'],
  escalated: ['Escalated', 'warn', 'page'],
  acknowledged: ['Acknowledged', 'plain', 'person'],
  note: ['Note', 'plain', 'person'],
  resolved: ['Resolved', 'good', 'end'],
};

/** In the order in which things happened, beginning with the onset in event time. */
export function timelineOf(incident: Pick<IncidentFull, 'id' | 'onset_ms'>, entries: readonly TimelineEntry[]): TimelineItem[] {
  const began: TimelineItem = {
    id: `${incident.id} onset`,
    atMs: incident.onset_ms,
    title: 'Condition began',
    text: '',
    by: '',
    tone: 'bad',
    sign: 'began',
    isEventTime: true,
    sinceOnsetMs: 0,
    values: {},
    explanations: [],
  };
  const items = entries.map((entry) => itemOf(entry, incident.onset_ms));
  return [began, ...items].sort((a, b) => a.atMs - b.atMs || rank(a) - rank(b));
}

/** Of one instant the beginning comes first and the end last. */
function rank({ sign }: TimelineItem): number {
  return sign === 'began' ? 0 : sign === 'end' ? 2 : 1;
}

function itemOf(entry: TimelineEntry, onsetMs: number): TimelineItem {
  const { id, kind, at_ms: atMs, by, transition } = entry;
  const common = { id, atMs, by, sinceOnsetMs: atMs - onsetMs };
  if (transition === null) {
    const [title, tone, sign] = (Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined) ?? [kind, 'plain', 'state'];
    const isSaid = entry.text.replace(/\.$/, '') === title;
    const text = isSaid ? '' : entry.text;
    return { ...common, title, text, tone, sign, isEventTime: false, values: {}, explanations: [] };
  }
  const { rule, client_id, from, to, reason, amended, judged_ms, values, explanations } = transition;
  const notes = [
    reason === null ? '' : reason.replaceAll('_', ' '),
    amended ? 'corrected by late samples: history only, nobody is paged' : '',
    judged_ms - atMs >= 1_000 ? `judged ${stretch(judged_ms - atMs)} later` : '',
  ];
  return {
    ...common,
    title: `${rule} on ${client_id}: ${from} → ${to}`,
    text: notes.filter((note) => note !== '').join(' · '),
    tone: amended ? 'plain' : alertStateWords(to).tone,
    sign: 'state',
    isEventTime: true,
    values,
    explanations,
  };
}

export interface Milestone {
  readonly name: string;
  readonly atMs: number | null;
  /** Since the one that it is counted from; empty where it has not come. */
  readonly note: string;
}

/** The four times that matter, and what lies between them. */
export function milestonesOf(incident: IncidentFull): Milestone[] {
  const { onset_ms, opened_ms, notified_ms, acknowledged_ms, acknowledged_by, resolved_ms } = incident;
  const after = (atMs: number | null, fromMs: number, what: string): string =>
    atMs === null ? '' : `${stretch(atMs - fromMs)} ${what}`;
  const byWhom = acknowledged_by === null ? '' : ` · ${acknowledged_by}`;
  return [
    { name: 'Began', atMs: onset_ms, note: 'event time' },
    { name: 'Paged', atMs: notified_ms, note: after(notified_ms, onset_ms, 'to detect') },
    { name: 'Acknowledged', atMs: acknowledged_ms, note: after(acknowledged_ms, opened_ms, 'after it opened') + byWhom },
    { name: 'Resolved', atMs: resolved_ms, note: after(resolved_ms, opened_ms, 'to resolve') },
  ];
}

/** @returns the address where a browser may go there; undefined for what is none, such as javascript: or a path of a repository. */
export function webAddress(text: string | undefined): string | undefined {
  if (text === undefined || !/^https?:\/\//i.test(text)) return undefined;
  return URL.canParse(text) ? new URL(text).href : undefined;
}
