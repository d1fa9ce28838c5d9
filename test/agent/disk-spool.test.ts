/** The spool on disk: restarts, crashes at every step, torn files, a disk that refuses. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diskSpool } from '../../src/agent/disk-spool.ts';
import type { Spool, SpoolBounds } from '../../src/agent/spool.ts';

const BOUNDS = { spoolMs: 300_000, bytesMax: 1e6 };
let root = '';
let directory = '';
let logged: string[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'metricstream-spool-'));
  directory = join(root, 'spool');
  logged = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function open(bounds: Partial<SpoolBounds> = {}, at = directory): Spool {
  return diskSpool({
    directory: at,
    ...BOUNDS,
    ...bounds,
    log: (_level, _message, fields) => void logged.push(String(fields?.action)),
  });
}

function add(spool: Spool, sequence: number, boot = 'boot-a'): void {
  const body = new TextEncoder().encode(`{"client_id":"w","metrics":[{"name":"cpu","value":${sequence}}]}`);
  spool.add({ boot, sequence, samples: 10, spanMs: 10_000, body });
}

/** Boot and sequence of all that is left, oldest first. */
function drain(spool: Spool): string[] {
  const left: string[] = [];
  for (let push = spool.hold(); push !== undefined; push = spool.hold()) {
    left.push(`${push.boot}:${push.sequence}`);
    spool.settle();
  }
  return left;
}

const pushFiles = (at = directory): string[] => readdirSync(at).filter((name) => name.endsWith('.push'));

describe('restart', () => {
  test('keeps pushes, their order and bytes, boots, and the counts of drops', () => {
    const first = open();
    for (let i = 0; i < 4; i++) add(first, i);
    first.hold();
    first.settle();
    first.hold();
    first.settle('http_422');
    const second = open();
    expect(second.status()).toMatchObject({ pushes: 2, samples: 20, dropped: { http_422: 10 }, writeErrors: 0 });
    add(second, 0, 'boot-b');
    const third = open();
    const push = third.hold();
    expect(new TextDecoder().decode(push?.body)).toBe('{"client_id":"w","metrics":[{"name":"cpu","value":2}]}');
    third.release();
    expect(drain(third)).toEqual(['boot-a:2', 'boot-a:3', 'boot-b:0']);
    expect(pushFiles()).toEqual([]);
    expect(logged).toEqual([]);
  });

  test('a new boot names the one before with all that it made, though all of it was delivered', () => {
    const first = open();
    for (let i = 0; i < 5; i++) add(first, i);
    drain(first);
    const second = open();
    add(second, 0, 'boot-b');
    expect(second.hold()?.previous).toEqual({ boot: 'boot-a', made: 5 });
  });

  test('boots stay known as long as a push needs them, and no longer', () => {
    for (const boot of ['a', 'b', 'c', 'd', 'e']) add(open(), 0, boot);
    const spool = open();
    const named: (string | undefined)[] = [];
    for (let push = spool.hold(); push !== undefined; push = spool.hold()) {
      named.push(push.previous?.boot);
      spool.settle();
    }
    expect(named).toEqual([undefined, 'a', 'b', 'c', 'd']);
    const state = readFileSync(join(directory, 'state'), 'utf8');
    expect(JSON.parse(state.slice(9)).boots).toEqual([
      { boot: 'd', made: 1 },
      { boot: 'e', made: 1 },
    ]);
  });

  test('narrower bounds drop the oldest at once, and count them', () => {
    const first = open();
    for (let i = 0; i < 5; i++) add(first, i);
    expect(open({ spoolMs: 20_000 }).status()).toMatchObject({ pushes: 2, dropped: { spool_age: 30 } });
    expect(pushFiles()).toHaveLength(2);
  });

  test('other files of the directory are left alone', () => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'README.push'), 'mine');
    expect(open().status().pushes).toBe(0);
    expect(readFileSync(join(directory, 'README.push'), 'utf8')).toBe('mine');
  });
});

describe('F11: a torn file', () => {
  test('is dropped and its samples counted, wherever it was cut; the others survive', () => {
    const first = open();
    for (let i = 0; i < 3; i++) add(first, i);
    const name = pushFiles().sort().at(-1) ?? '';
    const whole = readFileSync(join(directory, name));
    for (let length = 0; length <= whole.length; length++) {
      const copy = join(root, String(length));
      cpSync(directory, copy, { recursive: true });
      writeFileSync(join(copy, name), whole.subarray(0, length));
      const spool = open({}, copy);
      const torn = length < whole.length;
      expect(drain(spool)).toEqual(torn ? ['boot-a:0', 'boot-a:1'] : ['boot-a:0', 'boot-a:1', 'boot-a:2']);
      expect(spool.status().dropped.spool_unreadable).toBe(torn ? 10 : 0);
      expect(pushFiles(copy)).toEqual([]);
    }
  });

  test('so is one with a byte changed, and one that went while the spool was open', () => {
    const spool = open();
    for (let i = 0; i < 3; i++) add(spool, i);
    const [changed = '', gone = ''] = pushFiles().sort();
    const bytes = readFileSync(join(directory, changed));
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(join(directory, changed), bytes);
    rmSync(join(directory, gone));
    expect(drain(spool)).toEqual(['boot-a:2']);
    expect(spool.status().dropped.spool_unreadable).toBe(20);
  });

  test('a torn state, cut anywhere, loses counts but no push', () => {
    const first = open();
    for (let i = 0; i < 3; i++) add(first, i);
    first.hold();
    first.settle('http_400');
    const whole = readFileSync(join(directory, 'state'));
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(join(directory, 'state'), whole.subarray(0, length));
      const spool = open();
      expect(spool.status()).toMatchObject({ pushes: 2, dropped: { http_400: length === whole.length ? 10 : 0 } });
      add(spool, 3);
      spool.hold();
      expect(spool.status().pushes).toBe(3);
      rmSync(join(directory, pushFiles().sort().at(-1) ?? ''));
    }
  });
});

describe('F10: a kill', () => {
  test('between the state and the deletion of a settled push neither sends it again nor counts it twice', () => {
    const first = open();
    for (let i = 0; i < 2; i++) add(first, i);
    const [oldest = ''] = pushFiles().sort();
    const bytes = readFileSync(join(directory, oldest));
    first.hold();
    first.settle('http_413');
    writeFileSync(join(directory, oldest), bytes);
    const second = open();
    expect(second.status()).toMatchObject({ pushes: 1, dropped: { http_413: 10 } });
    expect(pushFiles()).toHaveLength(1);
  });

  test('between delivery and settling sends the same push again, and nothing else', () => {
    const first = open();
    for (let i = 0; i < 2; i++) add(first, i);
    first.hold();
    expect(drain(open())).toEqual(['boot-a:0', 'boot-a:1']);
  });
});

describe('F12: a disk that refuses', () => {
  /** A file where the directory should be: every call fails, for root too. */
  function blocked(): Spool {
    writeFileSync(directory, '');
    return open();
  }

  test('costs nothing while the process lives: pushes go on in memory, and the failures are counted', () => {
    const spool = blocked();
    for (let i = 0; i < 3; i++) add(spool, i);
    expect(spool.status()).toMatchObject({ pushes: 3, writeErrors: 3 });
    expect(drain(spool)).toEqual(['boot-a:0', 'boot-a:1', 'boot-a:2']);
    expect(logged).toEqual(['open', 'write', 'delete', 'write state']);
  });

  test('is tried again for each push, and at the end for all that is only in memory', () => {
    const spool = blocked();
    add(spool, 0);
    rmSync(directory);
    mkdirSync(directory);
    add(spool, 1);
    expect(pushFiles()).toHaveLength(1);
    spool.close();
    expect(drain(open())).toEqual(['boot-a:0', 'boot-a:1']);
  });

  test('to the end loses what it did not take, and says so', () => {
    const spool = blocked();
    for (let i = 0; i < 3; i++) add(spool, i);
    spool.close();
    expect(spool.status()).toMatchObject({ pushes: 0, dropped: { spool_unwritten: 30 } });
  });
});

test('the directory and its files are for their owner only', () => {
  const spool = open();
  add(spool, 0);
  spool.hold();
  add(spool, 1);
  spool.settle();
  const modeOf = (path: string): number => statSync(path).mode & 0o777;
  expect(modeOf(directory)).toBe(0o700);
  for (const name of readdirSync(directory)) expect(modeOf(join(directory, name))).toBe(0o600);
});
