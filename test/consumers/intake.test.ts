/** What a shard keeps of clients between their pushes: bounded, whatever names are made up, and forgotten when nobody needs it. */
import { describe, expect, test } from 'vitest';
import { type ClientIntake, Intake } from '../../src/consumers/intake.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { shapeOf } from './shapes.ts';

function open(clientsPerTenantMax: number, keeps: (client: ClientIntake) => boolean = () => false): Intake {
  const limits = { seriesPerClientMax: 5, clientsPerTenantMax, seriesPerTenantMax: 1_000_000 };
  return new Intake({ limits, partitions: 12, keeps });
}

describe('the intake', () => {
  test('takes no further client of a tenant that has its most, until one rests', () => {
    const intake = open(2);
    intake.enter('t', 'a')?.admit(shapeOf(['x']), 1_000);
    intake.enter('t', 'b')?.admit(shapeOf(['x']), 5_000);
    expect(intake.enter('t', 'c')).toBeUndefined();
    expect(intake.enter('u', 'c')).toBeDefined();
    expect(intake.enter('t', 'a')).toBeDefined();
    intake.sweep(2_000);
    expect(intake.enter('t', 'c')).toBeDefined();
    expect(intake.enter('t', 'a')).toBeUndefined();
  });

  test('keeps a bounded number of clients of a tenant, though the consumer keeps each and new names come without end', () => {
    const intake = open(LIMITS.clientStatesPerTenantMax / 2, () => true);
    let taken = 0;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < LIMITS.clientStatesPerTenantMax / 2 + 10; i++) {
        if (intake.enter('t', `${round}-${i}`) !== undefined) taken += 1;
      }
      intake.sweep(1);
    }
    expect(taken).toBe(LIMITS.clientStatesPerTenantMax);
    expect(intake.enter('t', '0-0')).toBeDefined();
  });

  test('forgets a client that rests once the consumer has forgotten it and nothing of it is on the way', () => {
    let kept = true;
    const intake = open(10, () => kept);
    const id = { boot: 'b', sequence: 0, previous: undefined };
    intake.enter('t', 'a')?.sent(id);
    intake.sweep(1);
    expect(intake.find('t', 'a')).toBeDefined();
    kept = false;
    intake.sweep(1);
    expect(intake.find('t', 'a')).toBeDefined();
    intake.find('t', 'a')?.settled(id);
    intake.sweep(1);
    expect(intake.find('t', 'a')).toBeUndefined();
  });

  test('knows a push id on its way until each that was sent has settled', () => {
    const client = open(10).meet('t', 'a', true);
    const id = (boot: string, sequence: number) => ({ boot, sequence, previous: undefined });
    client.sent(id('b', 1));
    client.sent(id('b', 1));
    expect([client.isInFlight(id('b', 1)), client.isInFlight(id('c', 1)), client.isInFlight(id('b', 2))]).toEqual([
      true,
      false,
      false,
    ]);
    client.settled(id('b', 1));
    expect(client.isInFlight(id('b', 1))).toBe(true);
    client.settled(id('b', 1));
    expect(client.isInFlight(id('b', 1))).toBe(false);
  });
});
