/** The list of incidents holds still, and shows whose turn it is. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertAnswer, IncidentRow } from '../../../../src/edge/dashboard/alerts/answers.ts';
import {
  badgeOf,
  byUrgency,
  hostsByIncident,
  looseAlerts,
  namesText,
  steadyOrder,
} from '../../../../src/edge/dashboard/alerts/incidents.ts';

function incident(part: Partial<IncidentRow>): IncidentRow {
  return {
    id: 'a',
    title: 'T',
    severity: 'high',
    state: 'open',
    delivery: 'delivered',
    route: 'r',
    group_labels: {},
    onset_ms: 0,
    opened_ms: 0,
    notified_ms: null,
    acknowledged_ms: null,
    acknowledged_by: null,
    resolved_ms: null,
    escalations: 0,
    alert_count: 1,
    ...part,
  };
}

function alert(part: Partial<AlertAnswer>): AlertAnswer {
  return {
    id: 'x',
    client_id: 'web-1',
    datacenter: null,
    environment: null,
    group: 'g',
    rule: 'R',
    rules_version: 1,
    alert: 'x',
    severity: 'high',
    labels: {},
    annotations: {},
    from: 'inactive',
    to: 'firing',
    amended: false,
    reason: null,
    onset_ms: 0,
    at_ms: 0,
    window_ms: null,
    judged_ms: 0,
    values: {},
    explanations: [],
    state: 'firing',
    incident: null,
    ...part,
  };
}

describe('the order of incidents', () => {
  it('puts what nobody has acknowledged first, then the severe, then the new', () => {
    const all = [
      incident({ id: 'known', state: 'acknowledged', severity: 'critical' }),
      incident({ id: 'low', severity: 'informational', opened_ms: 9 }),
      incident({ id: 'custom', severity: 'business' }),
      incident({ id: 'old', severity: 'critical', opened_ms: 1 }),
      incident({ id: 'new', severity: 'critical', opened_ms: 2 }),
    ];
    expect(all.sort(byUrgency).map(({ id }) => id)).toEqual(['new', 'old', 'custom', 'low', 'known']);
  });

  it('what is shown keeps its order, what is gone leaves, what is new is there once', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 0, max: 12 }).map(String), { maxLength: 12 });
    fc.assert(
      fc.property(ids, ids, (shown, wanted) => {
        const order = steadyOrder(shown, wanted);
        expect([...order].sort()).toEqual([...wanted].sort());
        const stayed = shown.filter((id) => wanted.includes(id));
        expect(order.filter((id) => stayed.includes(id))).toEqual(stayed);
      }),
    );
  });

  it('a new incident stands before the one that comes after it in a new list', () => {
    expect(steadyOrder(['b', 'c'], ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(steadyOrder(['c', 'b'], ['b', 'new', 'c'])).toEqual(['new', 'c', 'b']);
    expect(steadyOrder([], ['a', 'b'])).toEqual(['a', 'b']);
  });
});

describe('what stands beside an incident', () => {
  it('names the hosts of its alerts, each once', () => {
    const alerts = [
      alert({ client_id: 'b', incident: 'i' }),
      alert({ client_id: 'a', incident: 'i' }),
      alert({ client_id: 'a', incident: 'i' }),
      alert({ client_id: 'z' }),
    ];
    expect(hostsByIncident(alerts)).toEqual(new Map([['i', ['a', 'b']]]));
    expect(namesText(['a', 'b', 'c', 'd', 'e'])).toBe('a, b, c and 2 more');
    expect(namesText(['a'])).toBe('a');
  });

  it('the badge counts what is open, and what nobody was told of', () => {
    const all = [
      incident({ delivery: 'undelivered' }),
      incident({ state: 'acknowledged' }),
      incident({ state: 'resolved', delivery: 'undelivered' }),
    ];
    expect(badgeOf(all)).toEqual({ active: 2, open: 1, undelivered: 1 });
  });

  it('unknown alerts come before pending ones, and firing ones are among the incidents', () => {
    const all = [alert({ alert: 'p', state: 'pending' }), alert({ alert: 'f' }), alert({ alert: 'u', state: 'unknown' })];
    expect(looseAlerts(all).map((one) => one.alert)).toEqual(['u', 'p']);
  });
});
