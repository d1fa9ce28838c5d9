/** Numbers as text: what is fast says the same as what is simple. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numbersText } from '../../src/edge/text.ts';
import { numberText } from '../../src/protocols/number-text.ts';

test('an array of numbers is what each of them is, −0 and nulls included', () => {
  const number = fc.oneof(
    fc.constant(null),
    fc.constantFrom(0, -0, 30, 5e-324, 1e21, 0.1 + 0.2),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const same = fc.tuple(number, fc.nat(4)).map(([one, times]) => Array.from({ length: times }, () => one));
  fc.assert(
    fc.property(fc.oneof(fc.array(number, { maxLength: 8 }), same), (values) => {
      const text = values.map((value) => (value === null ? 'null' : numberText(value))).join(',');
      expect(numbersText(values)).toBe(`[${text}]`);
      expect(JSON.parse(numbersText(values))).toStrictEqual(values);
    }),
  );
});
