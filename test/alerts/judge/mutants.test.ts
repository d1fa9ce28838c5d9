/** The test of the test: every known way to judge wrongly is found by the model. */
import { describe, expect, test } from 'vitest';
import { seeded } from '../anomaly/series.ts';
import { historyOf } from './history.ts';
import { live } from './lives.ts';
import { sownSystem } from './system.ts';
import { keptIn, toldOf } from './told.ts';

const SEEDS_MAX = 3_000;

const MUTANTS: readonly (readonly [name: string, file: string, find: string, put: string])[] = [
  [
    'what is incomplete resolves',
    'alerts/lifecycle.ts',
    "evidence.holds === 'unknown' || !evidence.complete",
    "evidence.holds === 'unknown'",
  ],
  [
    'what is missing resets `for`',
    'alerts/lifecycle.ts',
    "state === 'pending' && silentMs > gapMs(waits)",
    "state === 'pending'",
  ],
  ['`for` bridges any gap', 'alerts/lifecycle.ts', 'startMs - life.lastMs > gapMs(waits)', 'false'],
  ['`for` begins with the end of the first minute', 'alerts/lifecycle.ts', 'life.sinceMs = startMs;', 'life.sinceMs = endMs;'],
  [
    'what is lost sight of is resolved',
    'alerts/lifecycle.ts',
    "lost ? { to: 'unknown', reason }",
    "lost ? { to: 'resolved', reason }",
  ],
  ['what is lost sight of stays', 'alerts/lifecycle.ts', "lost ? { to: 'unknown', reason } : { to: state }", '{ to: state }'],
  [
    'keep_firing_for goes on where the condition held again',
    'alerts/lifecycle.ts',
    'life.clearSinceMs = NEVER;\n  if (life',
    'if (life',
  ],
  ['keep_firing_for is left out', 'alerts/lifecycle.ts', 'const held = waits.keepFiringForMs === 0 ||', 'const held = true ||'],
  ['`clear` is left out', 'alerts/lifecycle.ts', "if (clears !== 'true') {", "if (clears === 'unknown') {"],
  ['a late correction is judged', 'consumers/judging.ts', 'this.#judge.corrected(', 'this.#judge.closed('],
  ['a silent host has its alerts resolved', 'alerts/evaluate.ts', "pending ? 'inactive' : 'unknown'", "'inactive'"],
  ['silence counts over an outage', 'alerts/evaluate.ts', 'Math.max(client.lastSeenMs, resumedMs)', 'client.lastSeenMs'],
  ['an outage is not forgiven', 'consumers/judging.ts', '? this.#holeMs : logMs', '? logMs : logMs'],
  [
    'minutes are judged when their window closes',
    'consumers/judging.ts',
    'Math.min(client.frontierMs, Math.max(forcedMs, ripeMs))',
    'client.frontierMs',
  ],
  [
    'what has closed is sealed before it is judged',
    'consumers/client-state.ts',
    'Math.min(this.frontierMs, this.judgedMs, ...this.lateMinutes)',
    'this.frontierMs',
  ],
  [
    'the frontier is saved for what has been judged',
    'consumers/checkpoint.ts',
    'encodeTrail(writer, client);',
    'encodeTrail(writer, Object.assign(Object.create(client), { judgedMs: client.frontierMs }));',
  ],
  ['passed over pushes are not missed', 'consumers/push-trail.ts', 'if (to >= from)', 'if (to < 0)'],
  ['passed over pushes are missed for ever', 'consumers/push-trail.ts', 'hole.missing -= 1;', ''],
  ['a push that is due is not missed', 'consumers/push-trail.ts', 'return !isDue && !this', 'return !this'],
  ['the pace of a host is not saved', 'consumers/checkpoint.ts', 'writer.f64(trail.stepMs);', 'writer.f64(0);'],
  ['what an earlier boot did not send is not missed', 'consumers/push-trail.ts', 'previous.count - 1, fromMs', '-1, fromMs'],
  ['alerts are not saved', 'alerts/alert-store.ts', 'writer.varint(alerts.size);', 'alerts.clear();\n    writer.varint(0);'],
  ['the outage is not saved', 'consumers/checkpoint.ts', 'writer.f64(alerts.resumedMs);', 'writer.f64(0);'],
  ['a replay judges again', 'consumers/pipeline.ts', 'if (offset < this.replayUntil) {', 'if (offset < 0) {'],
  ['ids say when it was judged', 'alerts/transitions.ts', 'idOf(alert, one.atMs, move.to)', 'idOf(alert, one.logMs, move.to)'],
];

describe('the model finds that', () => {
  test.each(MUTANTS)('%s', { timeout: 60_000 }, async (_name, file, find, put) => {
    const system = sownSystem({ file, find, put });
    let found = 0;
    for (let seed = 1; seed <= SEEDS_MAX && found === 0; seed++) {
      const history = historyOf(seed);
      const lived = await live(history.events, [history.spec], seeded(seed + 7), system);
      if (keptIn(lived).join() !== toldOf(history).join()) found = seed;
    }
    expect(found).toBeGreaterThan(0);
  });
});
