/** A timeline says what happened when, in event time and in ours. */
import { describe, expect, it } from 'vitest';
import type { IncidentFull, TimelineEntry } from '../../../../src/edge/dashboard/alerts/answers.ts';
import { milestonesOf, timelineOf, webAddress } from '../../../../src/edge/dashboard/alerts/timeline.ts';

const entry = (part: Partial<TimelineEntry>): TimelineEntry => ({
  id: 'e',
  incident: 'i',
  kind: 'note',
  at_ms: 0,
  by: '',
  text: '',
  transition: null,
  ...part,
});

const transition: NonNullable<TimelineEntry['transition']> = {
  id: 't',
  client_id: 'web-1',
  datacenter: null,
  environment: null,
  group: 'g',
  rule: 'HighCpu',
  rules_version: 1,
  alert: 'a',
  severity: 'high',
  labels: {},
  annotations: {},
  from: 'pending',
  to: 'firing',
  amended: false,
  reason: null,
  onset_ms: 1_000,
  at_ms: 61_000,
  window_ms: null,
  judged_ms: 91_000,
  values: { 'avg(cpu)': 93 },
  explanations: ['much'],
};

describe('a timeline', () => {
  it('begins with the onset, and says how long after it all else was', () => {
    const items = timelineOf({ id: 'i', onset_ms: 1_000 }, [
      entry({ id: 'n', kind: 'notified', at_ms: 43_000, text: 'Told: on-call.' }),
      entry({ id: 't', kind: 'transition', at_ms: 1_000, transition }),
    ]);
    expect(items.map(({ title }) => title)).toEqual(['Condition began', 'HighCpu on web-1: pending → firing', 'Page sent']);
    expect(items.map(({ sinceOnsetMs }) => sinceOnsetMs)).toEqual([0, 0, 42_000]);
    expect(items.map(({ isEventTime }) => isEventTime)).toEqual([true, true, false]);
  });

  it('says of a transition what it read and how much later it was judged', () => {
    const [, item] = timelineOf({ id: 'i', onset_ms: 0 }, [entry({ at_ms: 61_000, transition })]);
    expect(item).toMatchObject({ text: 'judged 30 s later', values: { 'avg(cpu)': 93 }, explanations: ['much'] });
  });

  it('marks a late correction as history', () => {
    const amended = { ...transition, amended: true };
    const [, item] = timelineOf({ id: 'i', onset_ms: 0 }, [entry({ transition: amended })]);
    expect(item?.text).toContain('nobody is paged');
    expect(item?.tone).toBe('plain');
  });

  it('a kind that the page does not know is shown as it is', () => {
    const [, item] = timelineOf({ id: 'i', onset_ms: 0 }, [entry({ kind: 'toString', text: 'x' })]);
    expect(item).toMatchObject({ title: 'toString', text: 'x' });
  });

  it('what an entry says twice is said once', () => {
    const [, item] = timelineOf({ id: 'i', onset_ms: 0 }, [entry({ kind: 'acknowledged', text: 'Acknowledged.' })]);
    expect(item?.text).toBe('');
  });
});

describe('the times that matter', () => {
  it('say how long it took to detect, from the onset in event time, and to resolve, from the opening', () => {
    const incident = {
      onset_ms: 0,
      opened_ms: 5_000,
      notified_ms: 42_000,
      acknowledged_ms: null,
      acknowledged_by: null,
      resolved_ms: 65_000,
    } as IncidentFull;
    expect(milestonesOf(incident).map(({ atMs, note }) => [atMs, note])).toEqual([
      [0, 'event time'],
      [42_000, '42 s to detect'],
      [null, ''],
      [65_000, '1 min to resolve'],
    ]);
  });
});

describe('a runbook', () => {
  it.each(['https://runbooks.example/a', 'http://10.0.0.1/x'])('%s is a link', (text) => {
    expect(webAddress(text)).toBe(text);
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', 'docs/rules.md', '//host/x', 'https://', ' https://a', undefined])(
    '%s is none',
    (text) => {
      expect(webAddress(text)).toBeUndefined();
    },
  );
});
