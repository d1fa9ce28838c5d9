/** The state of alerts: it comes back as it was, a replay decides the same again, and checkpoints from before alerts are read. */
import { describe, expect, test } from 'vitest';
import { decodeCheckpoint } from '../../../src/consumers/checkpoint.ts';
import { Judging } from '../../../src/consumers/judging.ts';
import { Pipeline } from '../../../src/consumers/pipeline.ts';
import type { AlertControl, RuleSpec } from '../../../src/model/alert.ts';
import { MetricStreamError } from '../../../src/model/errors.ts';
import { MINUTE_MS } from '../../../src/model/window.ts';
import { ByteWriter } from '../../../src/protocols/bytes.ts';
import { inOneGo } from '../../consumers/shapes.ts';
import { seeded } from '../anomaly/series.ts';
import { rule } from '../backtest/history.ts';
import { historyOf, START_MS, TICK_MS } from './history.ts';
import { judgeOf, type LifeEvent, live } from './lives.ts';

const RULES: readonly RuleSpec[] = [
  rule('Busy', 'avg(cpu) > 90', { forMs: 2 * MINUTE_MS, clear: 'avg(cpu) < 70' }),
  rule('AtOnce', 'max(cpu) > 93', { keepFiringForMs: MINUTE_MS }),
  rule('Strange', 'anomaly(cpu) > 2', { forMs: MINUTE_MS }),
  rule('NoLoad', 'absent(load1)', { forMs: 3 * MINUTE_MS }),
  rule('Silent', 'silence() > 90'),
];

/** A history with rule sets that change, go back and come again, and a host that is retired now and then. */
function changing(seed: number): LifeEvent[] {
  const chance = seeded(seed + 1_000_000);
  let version = 0;
  return historyOf(seed).events.flatMap((event): LifeEvent[] => {
    const fate = chance();
    const { logMs } = event;
    const told = (control: AlertControl): LifeEvent[] => [{ logMs, control }, event];
    if (fate < 0.03 || version === 0) {
      version += fate < 0.005 ? -1 : 1;
      const rules = RULES.filter(() => chance() < 0.8);
      return told({ kind: 'rules', tenant: 'default', rules: { version, rules } });
    }
    return fate < 0.04 ? told({ kind: 'retired', tenant: 'default', client: 'web-1' }) : [event];
  });
}

describe('the state of alerts', () => {
  test('makes a replay decide the same, with the same ids, while rules change and hosts are retired: 400 histories', async () => {
    let repeated = 0;
    const rulesSeen = new Set<string>();
    for (let seed = 1; seed <= 400; seed++) {
      const events = changing(seed);
      const whole = await live(events, RULES, undefined);
      const torn = await live(events, RULES, seeded(seed));
      expect(torn.kept, `seed ${seed}`).toEqual(whole.kept);
      // An id is given once; but a correction that says the same again has that of the first.
      const ids = whole.told.filter(({ amended }) => !amended).map(({ id }) => id);
      expect(new Set(ids).size, `seed ${seed}`).toBe(ids.length);
      repeated += torn.told.length - torn.kept.length;
      for (const one of whole.kept) rulesSeen.add(`${one.rule} ${one.to} ${one.reason ?? ''}`);
    }
    expect(repeated).toBeGreaterThan(300);
    for (const alert of ['Busy', 'AtOnce', 'NoLoad', 'Silent'])
      expect([...rulesSeen].filter((name) => name.startsWith(alert)).length, alert).toBeGreaterThan(2);
  });

  test('comes back from its bytes as it was, at any time', async () => {
    let bytes = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const judge = judgeOf(RULES);
      const pipeline = pipelineOf(judge);
      let offset = 0;
      for (const { logMs, made, control } of changing(seed)) {
        inOneGo(pipeline.advanceLog(logMs));
        if (made !== undefined) {
          await pipeline.prepare('default/web-1', made.push, offset);
          pipeline.apply('default/web-1', made.push, offset);
        } else if (control !== undefined) pipeline.control(control, offset);
        offset += 1;
        if (offset % 7 !== 0) continue;
        const state = judge.snapshot();
        const other = judgeOf(RULES);
        other.restore(state);
        expect(other.snapshot()).toEqual(state);
        bytes += state.length;
      }
    }
    expect(bytes).toBeGreaterThan(100_000);
  });

  test('that is cut short or of a later version is told as such', () => {
    const judge = judgeOf([]);
    judge.controlled({ kind: 'rules', tenant: 'default', rules: { version: 3, rules: RULES } }, START_MS);
    const state = judge.snapshot();
    const codeOf = (bytes: Uint8Array): string => {
      try {
        judgeOf([]).restore(bytes);
        return 'read';
      } catch (error) {
        return error instanceof MetricStreamError ? error.code : String(error);
      }
    };
    expect(codeOf(state)).toBe('read');
    expect(codeOf(Uint8Array.of(2, ...state.subarray(1)))).toBe('schema_newer');
    for (let length = 1; length < state.length; length++) expect(codeOf(state.subarray(0, length))).toBe('corrupt_data');
    expect(codeOf(Uint8Array.of(...state, 0))).toBe('corrupt_data');
  });
});

function pipelineOf(judge: ReturnType<typeof judgeOf>): Pipeline {
  return new Pipeline(0, {
    store: {
      readSamples: async () => [],
      readWindows: async () => [],
      lastSampleMs: async () => undefined,
      clients: async () => [],
      retain: async () => 0,
    },
    sink: { closed() {} },
    telemetry: { count() {}, observe() {}, gauge() {}, log() {} },
    judging: new Judging(judge, TICK_MS),
    seen() {},
  });
}

/** A checkpoint as version 1 wrote it: one client, without pushes of which anything is remembered. */
function versionOne(logMs: number, frontierMs: number, lastSampleMs: number): Uint8Array {
  const writer = new ByteWriter(256);
  writer.u8(1);
  writer.f64(logMs);
  writer.varint(0);
  writer.varint(1);
  writer.text('default');
  writer.text('web-1');
  for (const field of [frontierMs, START_MS, 0, START_MS, START_MS, lastSampleMs, logMs, logMs]) writer.f64(field);
  writer.u8(0);
  // Pushes and samples of the ledger; rejected, boots, corrections, skipped; the series that hold a place.
  for (let left = 5 + 3 + 4 + 1; left > 0; left--) writer.varint(0);
  writer.varint(1);
  writer.varint(3);
  writer.f64(77);
  return writer.copy();
}

describe('a checkpoint of version 1', () => {
  const [logMs, frontierMs] = [START_MS + 20 * MINUTE_MS, START_MS + 18 * MINUTE_MS];

  test('is read: what had closed is taken for judged, and there are no alerts', () => {
    const { clients, alerts, idle } = decodeCheckpoint(versionOne(logMs, frontierMs, logMs - 5_000));
    expect(clients.map(({ frontierMs: closed, judgedMs, trail }) => [closed, judgedMs, trail.boot, trail.holes])).toEqual([
      [frontierMs, frontierMs, '', []],
    ]);
    expect([alerts.state.length, alerts.resumedMs, idle]).toEqual([0, 0, [[3, 77]]]);
  });

  test('is gone on from: what comes after it is judged, what lies before is not', async () => {
    const judge = judgeOf([rule('Busy', 'avg(cpu) > 90', { forMs: MINUTE_MS })]);
    const pipeline = pipelineOf(judge);
    const { clients, alerts } = decodeCheckpoint(versionOne(logMs, frontierMs, frontierMs - 5_000));
    pipeline.restore(5, logMs, clients, alerts);
    const made = historyOf(3).events.flatMap((event) => event.made ?? []);
    const push = made[0]?.push;
    if (push === undefined) throw new Error('no push');
    let offset = 5;
    for (let atMs = frontierMs - 2 * MINUTE_MS; atMs < logMs + 5 * MINUTE_MS; atMs += 20_000) {
      inOneGo(pipeline.advanceLog(Math.max(logMs, atMs + 1_000)));
      const own = { ...push, timesMs: Float64Array.of(atMs), values: Float64Array.of(97), pushId: undefined };
      await pipeline.prepare('default/web-1', own, offset);
      pipeline.apply('default/web-1', own, offset++);
    }
    const told = judge.take().filter(({ amended }) => !amended);
    expect(told.map(({ to, onsetMs }) => [to, (onsetMs - frontierMs) / MINUTE_MS])).toEqual([['firing', 0]]);
  });
});
