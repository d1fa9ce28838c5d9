/** Labels as tags: what InfluxDB cannot keep comes back, and what it can keep stays readable. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { labelsOfTags, tagKey, tagText, textOfTag } from '../../../src/adapters/influxdb/tag-text.ts';

const HARD = fc.string({ unit: fc.constantFrom('%', '0', '2', '5', 'C', 'c', '7', 'F', '\\', '\n', ' ', 'a', '1', ',', 'é') });

test('every text comes back, and two texts never become one tag', () => {
  fc.assert(
    fc.property(fc.oneof(HARD, fc.string({ unit: 'binary' })), (text) => {
      fc.pre(!text.includes('\0'));
      expect(textOfTag(tagText(text))).toBe(text);
    }),
  );
});

test('no tag is empty, ends with a backslash or holds a control character', () => {
  fc.assert(fc.property(HARD, (text) => /^[^\u0000-\u001f\u007f\\]+$/.test(tagText(text))));
});

test.each([
  ['', '%00'],
  ['C:\\', 'C:%5C'],
  ['a\nb', 'a%0Ab'],
  ['%', '%'],
  ['100%', '100%'],
  ['q=a%20b', 'q=a%20b'],
  ['%5C', '%255C'],
  ['%00', '%2500'],
  ['/var/lib', '/var/lib'],
])('%j is written %j', (text, tag) => {
  expect(tagText(text)).toBe(tag);
});

test('labels that are called as a tag, a field or a column are set apart, and come back under their name', () => {
  expect(['datacenter', '_field', 'time', 'value', 'table'].map(tagKey)).toEqual([
    'label:datacenter',
    'label:_field',
    'label:time',
    'label:value',
    'label:table',
  ]);
  expect(tagKey('mount')).toBe('mount');
  const tags = new Map([
    ['_field', 'value'],
    ['datacenter', 'fra'],
    ['host', 'web-1'],
    ['label:datacenter', 'a'],
    ['label:_field', '%00'],
    ['mount', 'C:%5C'],
  ]);
  expect(labelsOfTags(tags)).toEqual([
    ['_field', ''],
    ['datacenter', 'a'],
    ['mount', 'C:\\'],
  ]);
});
