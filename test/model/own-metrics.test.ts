/** The table of our own metrics: every name that the code counts, and none that it does not. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OWN_METRICS } from '../../src/model/own-metrics.ts';

const NAME = /'(metricstream_[a-z_]+)'/g;

test('every metric that is counted anywhere has a help text, and every help text a metric', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const counted = files.flatMap((path) => [...readFileSync(join('src', path), 'utf8').matchAll(NAME)].map(([, name]) => name));
  expect(Object.keys(OWN_METRICS)).toEqual([...new Set(counted)].sort());
});

test('a help text is a sentence', () => {
  for (const [name, help] of Object.entries(OWN_METRICS)) expect(`${name}: ${help}`).toMatch(/: [A-Z][^\n]{10,}\.$/);
});
