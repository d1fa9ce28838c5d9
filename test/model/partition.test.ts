/** The partition of a client: any producer that hashes as Kafka does has to agree. */
import { describe, expect, test } from 'vitest';
import { clientKey, murmur2, partitionOf } from '../../src/model/partition.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('murmur2', () => {
  // Source: Apache Kafka, UtilsTest.testMurmur2.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])("of %s is Kafka's", (text, hash) => {
    expect(murmur2(utf8(text))).toBe(hash);
  });

  test('hashes the bytes of a view, not of what lies around it', () => {
    expect(murmur2(utf8('xxfoobarxx').subarray(2, 8))).toBe(-790332482);
  });
});

describe('a partition', () => {
  test("is Kafka's toPositive(murmur2(key)) % partitions", () => {
    expect(partitionOf('foobar', 12)).toBe((-790332482 & 0x7fffffff) % 12);
    expect(partitionOf('21', 48)).toBe((-973932308 & 0x7fffffff) % 48);
  });

  test('spreads 10,000 hosts so that none of 12 holds more than a tenth above its share', () => {
    const counts = new Array<number>(12).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const partition = partitionOf(clientKey('default', `web-${i}`), 12);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    expect(Math.max(...counts)).toBeLessThan((10_000 / 12) * 1.1);
  });
});
