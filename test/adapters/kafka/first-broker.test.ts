/** Which broker is asked first, and who comes after it. */
import { expect, test } from 'vitest';
import { firstBroker } from '../../../src/adapters/kafka/first-broker.ts';

const told = ({ brokers }: ReturnType<typeof firstBroker>): string[] => brokers.map(({ host, port }) => `${host}:${port}`);

test('the first of the list, and with each turn the next, in a circle', () => {
  const first = firstBroker(['a:1', 'b:2', 'c:3']);
  expect(told(first)).toEqual(['a:1', 'b:2', 'c:3']);
  first.turn(first.current(), []);
  expect(told(first)).toEqual(['b:2', 'c:3', 'a:1']);
  first.turn(first.current(), []);
  first.turn(first.current(), []);
  expect(told(first)).toEqual(['a:1', 'b:2', 'c:3']);
});

test('of a list of one, those that were learned since take turns with it', () => {
  const first = firstBroker(['a:1']);
  first.turn(first.current(), []);
  expect(told(first)).toEqual(['a:1']);
  const learned = [
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
  ];
  first.turn(first.current(), learned);
  expect(told(first)).toEqual(['b:2']);
  first.turn(first.current(), learned);
  expect(told(first)).toEqual(['a:1']);
});

test('two that were not answered by one broker turn away from it once', () => {
  const first = firstBroker(['a:1', 'b:2']);
  const asked = first.current();
  first.turn(asked, []);
  first.turn(asked, []);
  expect(told(first)).toEqual(['b:2', 'a:1']);
});

test.each([
  ['broker', 'broker:9092'],
  ['broker:19092', 'broker:19092'],
  ['10.0.0.1:9093', '10.0.0.1:9093'],
  ['[::1]:9094', '::1:9094'],
])('%s is %s', (address, expected) => {
  expect(told(firstBroker([address]))).toEqual([expected]);
});
