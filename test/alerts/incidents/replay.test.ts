/** What is kept and told does not depend on repeats and crashes; and never on data that are missing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AlertState, Transition } from '../../../src/model/alert.ts';
import { MetricStreamError } from '../../../src/model/errors.ts';
import { type Lab, lab, MAIL, MINUTE_MS, move, PAGER, ROUTE, SLACK, START_MS } from './lab.ts';

type Step =
  | { readonly kind: 'transitions'; readonly moves: readonly Move[] }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'act'; readonly action: 'acknowledge' | 'resolve'; readonly which: number }
  | { readonly kind: 'delivered'; readonly ok: boolean; readonly which: number }
  | { readonly kind: 'silence'; readonly host: string; readonly on: boolean }
  | { readonly kind: 'channel'; readonly on: boolean };

interface Move {
  readonly client: string;
  readonly rule: string;
  readonly to: AlertState;
  readonly amended: boolean;
  readonly retired: boolean;
}

/** What happens to a step in the life that has accidents. */
interface Accident {
  readonly crashes: boolean;
  /** The commit fails first. */
  readonly fails: boolean;
  /** So many of the last transitions are told again before it. */
  readonly repeats: number;
}

const clients = Array.from({ length: 6 }, (_, i) => `web-${i}`);
const moves: fc.Arbitrary<Move> = fc.record({
  client: fc.constantFrom(...clients),
  rule: fc.constantFrom('CpuHigh', 'MemoryHigh', 'HostSilent'),
  to: fc.constantFrom('pending', 'firing', 'firing', 'firing', 'recovering', 'unknown', 'resolved', 'resolved', 'inactive'),
  amended: fc.constantFrom(false, false, false, true),
  retired: fc.constantFrom(false, false, false, true),
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('transitions' as const), moves: fc.array(moves, { maxLength: 8 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      ms: fc.constantFrom(0, 5_000, 31_000, 61_000, 700_000, 15_000_000),
    }),
  },
  fc.record({
    kind: fc.constant('act' as const),
    action: fc.constantFrom('acknowledge' as const, 'resolve' as const),
    which: fc.nat(9),
  }),
  fc.record({ kind: fc.constant('delivered' as const), ok: fc.boolean(), which: fc.nat(9) }),
  fc.record({ kind: fc.constant('silence' as const), host: fc.constantFrom(...clients), on: fc.boolean() }),
  fc.record({ kind: fc.constant('channel' as const), on: fc.boolean() }),
);
const accidents: fc.Arbitrary<Accident> = fc.record({ crashes: fc.boolean(), fails: fc.boolean(), repeats: fc.nat(30) });

/** As an evaluator tells them: only what differs from the state before. */
function transitionsOf(states: Map<string, AlertState>, all: readonly Move[], atMs: number): Transition[] {
  return all.flatMap(({ client, rule, to: wanted, amended, retired }, i) => {
    const key = `${rule} ${client}`;
    const from = states.get(key) ?? 'inactive';
    const isQuiet = from === 'inactive' || from === 'pending';
    const to = wanted === 'resolved' && isQuiet ? 'inactive' : wanted === 'inactive' && !isQuiet ? 'resolved' : wanted;
    if (to === from || (isQuiet && (to === 'recovering' || to === 'unknown')) || (!isQuiet && to === 'pending')) return [];
    if (!amended) states.set(key, to === 'resolved' ? 'inactive' : to);
    const reason = to === 'resolved' && retired ? ('retired' as const) : undefined;
    const severity = rule === 'CpuHigh' ? 'high' : 'critical';
    return [move(from, to, atMs + i, { client, rule, amended, reason, severity })];
  });
}

function live(all: readonly Step[], accidentOf: (step: number) => Accident | undefined): Lab {
  const it = lab(PAGER, MAIL);
  it.hosts = 12;
  it.set('route', {
    ...ROUTE,
    match: { host: 'web-1' },
    channels: ['mail', 'slack'],
    escalateAfterMs: 60_000,
    escalateTo: ['pager'],
  });
  const states = new Map<string, AlertState>();
  const sent: Transition[] = [];
  for (const [i, step] of all.entries()) {
    const accident = accidentOf(i);
    const news = step.kind === 'transitions' ? transitionsOf(states, step.moves, it.nowMs) : [];
    const repeats = accident === undefined ? [] : sent.slice(Math.max(0, sent.length - accident.repeats));
    if (accident?.crashes) it.crash();
    if (accident?.fails) failOnce(it, [...repeats, ...news]);
    if (repeats.length > 0 || step.kind === 'transitions') it.take(...repeats, ...news);
    sent.push(...news);
    perform(it, step);
  }
  return it;
}

function failOnce(it: Lab, transitions: readonly Transition[]): void {
  const { commit } = it.store;
  Object.assign(it.store, {
    commit: () => {
      throw new MetricStreamError('storage_full');
    },
  });
  try {
    it.take(...transitions);
  } catch (error) {
    expect(error).toMatchObject({ code: 'storage_full' });
  } finally {
    Object.assign(it.store, { commit });
  }
}

function perform(it: Lab, step: Step): void {
  const incidents = it.all().sort((a, b) => (a.id < b.id ? -1 : 1));
  switch (step.kind) {
    case 'time':
      it.pass(step.ms);
      break;
    case 'act': {
      const incident = incidents[step.which % Math.max(1, incidents.length)];
      if (incident !== undefined) it.keeper.act('acme', incident.id, { kind: step.action }, 'acme.ann', it.nowMs);
      break;
    }
    case 'delivered': {
      const page = it.pages()[step.which];
      if (page !== undefined) it.keeper.delivered(page.id, step.ok, 'so', it.nowMs);
      break;
    }
    case 'silence': {
      const { host } = step;
      const endsMs = it.nowMs + 10 * MINUTE_MS;
      if (step.on) it.set('silence', { id: host, match: { host }, by: 'ann', comment: '', startsMs: it.nowMs, endsMs });
      else it.unset('silence', host);
      it.pass(0);
      break;
    }
    case 'channel':
      if (step.on) it.set('channel', SLACK);
      else it.unset('channel', 'slack');
      it.pass(0);
  }
}

/** Alerts that have ended are forgotten some time: when, nobody is told. */
function kept(it: Lab, kinds: readonly string[]): unknown {
  return kinds.map((kind) =>
    it.store
      .list({ tenant: undefined, kind, max: 100_000 })
      .map(({ id, parent, atMs, body }) => ({ id, parent, atMs, body: JSON.parse(body) as { burning?: boolean } }))
      .filter(({ body }) => body.burning !== false),
  );
}

test('with repeats, crashes and full disks the incidents, notifications and history are those without', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 25 }), fc.array(accidents, { minLength: 25, maxLength: 25 }), (all, planned) => {
      const smooth = live(all, () => undefined);
      const rough = live(all, (step) => planned[step]);
      const kinds = ['incident', 'history', 'quiet', 'outbox', 'open', 'alert'];
      expect(kept(rough, kinds)).toEqual(kept(smooth, kinds));
    }),
    { numRuns: 100 },
  );
});

test('an incident tells a channel once that it is there, ends only with all its alerts, and each page is in its history', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (all) => {
      const it = live(all, () => undefined);
      const triggers = it
        .pages()
        .flatMap(({ event, channel, dedupKey }) => (event === 'trigger' ? [`${dedupKey} ${channel}`] : []));
      expect(new Set(triggers).size).toBe(triggers.length);
      for (const incident of it.all()) {
        const lines = it.store.list({ tenant: 'acme', kind: 'history', parent: incident.id, max: 10_000 });
        const entries = lines.map(({ body }) => JSON.parse(body) as { kind: string; by: string });
        const byHand = entries.some(({ kind, by }) => kind === 'resolved' && by !== '');
        const states = incident.alerts.map(({ state }) => state);
        if (incident.state === 'resolved' && !byHand) expect(new Set([...states, 'resolved'])).toEqual(new Set(['resolved']));
        expect(incident.state === 'resolved').toBe(entries.some(({ kind }) => kind === 'resolved'));
        const told = new Set(
          it.pages().flatMap(({ dedupKey, event }) => (dedupKey === incident.id && event === 'trigger' ? [event] : [])),
        );
        expect(incident.notifiedMs !== undefined).toBe(told.size > 0);
      }
    }),
    { numRuns: 100 },
  );
});

test('whatever still fires is in an open incident, was resolved by hand, or waits for other hosts to fall silent', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), (all) => {
      const it = live(
        all.filter(({ kind }) => kind !== 'act'),
        () => undefined,
      );
      it.pass(MINUTE_MS);
      const open = new Set(it.all().flatMap(({ id, state }) => (state === 'resolved' ? [] : [id])));
      for (const { body } of it.store.list({ tenant: 'acme', kind: 'alert', max: 1_000 })) {
        const { transition, incident } = JSON.parse(body) as { transition: Transition; incident: string };
        if (transition.to === 'firing' || transition.to === 'unknown') expect(open).toContain(incident);
      }
    }),
    { numRuns: 100 },
  );
});

test('a replay of everything from the start, over what was kept, changes nothing', () => {
  const it = lab(PAGER);
  const all = clients.flatMap((client, i) => [
    move('inactive', 'pending', START_MS + i, { client }),
    move('pending', 'firing', START_MS + 100 + i, { client }),
    move('firing', 'resolved', START_MS + 200 + i, { client }),
  ]);
  for (const one of all) {
    it.take(one);
    it.pass(1_000);
  }
  const before = kept(it, ['incident', 'history', 'quiet', 'outbox', 'open', 'alert']);
  it.crash();
  it.take(...all);
  for (const one of all) it.take(one);
  expect(kept(it, ['incident', 'history', 'quiet', 'outbox', 'open', 'alert'])).toEqual(before);
});

test('what could not be kept was not done: nobody is told of it unless it comes again', () => {
  const it = lab(PAGER);
  const one = move('pending', 'firing', START_MS);
  failOnce(it, [one]);
  it.pass(MINUTE_MS);
  expect(kept(it, ['incident', 'history', 'outbox', 'alert'])).toEqual([[], [], [], []]);
  expect(it.added).toEqual([]);
  it.take(one);
  it.pass(MINUTE_MS);
  expect(it.told()).toEqual(['trigger pager']);
});
