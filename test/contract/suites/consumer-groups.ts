/** What every adapter of consumer groups promises: a group is given each record, goes on where it committed, and shares its partitions out. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ConsumerGroups, GroupMember } from '../../../src/ports/consumer-groups.ts';
import type { TopicProducer } from '../../../src/ports/topic-producer.ts';

export interface OpenedGroups {
  readonly groups: ConsumerGroups;
  readonly producer: TopicProducer;
  /** A fresh topic of three partitions. */
  readonly topic: string;
}

const NEVER = new AbortController().signal;
/** Longer than anything takes that is going to happen. */
const LONG_MS = 20_000;

/** @param open gives a topic with nothing in it, and closes it behind the test. */
export function consumerGroupsContract(name: string, open: () => Promise<OpenedGroups>): void {
  const produce = async ({ producer, topic }: OpenedGroups, partition: number, ...texts: string[]): Promise<void> => {
    const records = texts.map((text) => ({ value: Buffer.from(text), headers: [], key: undefined, timestampMs: undefined }));
    await Promise.all(records.map((record) => producer.send({ topic, partition, ...record })));
  };
  const join = (lab: OpenedGroups, group: string, offsetReset: 'earliest' | 'latest' | 'none' = 'earliest'): GroupMember =>
    lab.groups.join({ group, topics: [lab.topic], offsetReset });
  /** Polls until it has so many. */
  const take = async (member: GroupMember, count: number): Promise<string[]> => {
    const texts: string[] = [];
    while (texts.length < count) texts.push(...(await member.poll(LONG_MS, NEVER)).map(({ value }) => String(value)));
    return texts;
  };
  const partitionsOf = (member: GroupMember): number[] => member.assignment.flatMap(({ partitions }) => partitions).sort();

  describe(`${name} as consumer-groups`, () => {
    test('a member is given all records of its partitions once, those of each in order', async () => {
      const lab = await open();
      await produce(lab, 0, 'a', 'b');
      await produce(lab, 2, 'x');
      const member = join(lab, randomUUID());
      const taken = await take(member, 3);
      expect([...taken].sort()).toEqual(['a', 'b', 'x']);
      expect(taken.indexOf('a')).toBeLessThan(taken.indexOf('b'));
      expect(partitionsOf(member)).toEqual([0, 1, 2]);
      expect(await member.poll(0, NEVER)).toEqual([]);
      await produce(lab, 1, 'later');
      expect(await take(member, 1)).toEqual(['later']);
      await member.close();
    });

    test('whoever comes after goes on where the group has committed', async () => {
      const lab = await open();
      const group = randomUUID();
      await produce(lab, 0, 'a', 'b', 'c');
      const first = join(lab, group);
      await take(first, 3);
      const place = { topic: lab.topic, partition: 0 };
      expect(await lab.groups.committed(group, [place])).toEqual([undefined]);
      await first.commit([{ ...place, offset: 1 }]);
      expect(await lab.groups.committed(group, [place, { ...place, partition: 1 }])).toEqual([1, undefined]);
      await first.close();
      const second = join(lab, group);
      expect(await take(second, 2)).toEqual(['b', 'c']);
      await second.commit();
      expect(await lab.groups.committed(group, [place])).toEqual([3]);
      await second.close();
      await produce(lab, 0, 'd');
      const third = join(lab, group);
      expect(await take(third, 1)).toEqual(['d']);
      await third.close();
    });

    test('where nothing is committed it begins where it is told', async () => {
      const lab = await open();
      await produce(lab, 0, 'old');
      const latest = join(lab, randomUUID(), 'latest');
      expect(await latest.poll(1_000, NEVER)).toEqual([]);
      while (latest.assignment.length === 0) await latest.poll(100, NEVER);
      await latest.poll(0, NEVER);
      await produce(lab, 0, 'new');
      expect(await take(latest, 1)).toEqual(['new']);
      await latest.close();
      const none = join(lab, randomUUID(), 'none');
      await expect(none.poll(LONG_MS, NEVER)).rejects.toMatchObject({ code: 'invalid_request' });
      await none.close();
    });

    test('members share the partitions, and take over those of one that leaves', async () => {
      const lab = await open();
      const group = randomUUID();
      const one = join(lab, group);
      const two = join(lab, group);
      const both = async (): Promise<void> => void (await Promise.all([one.poll(300, NEVER), two.poll(300, NEVER)]));
      const isShared = (): boolean => partitionsOf(one).length + partitionsOf(two).length === 3 && partitionsOf(two).length > 0;
      while (!isShared() || partitionsOf(one).length === 0) await both();
      expect([...partitionsOf(one), ...partitionsOf(two)].sort()).toEqual([0, 1, 2]);
      await two.close();
      while (partitionsOf(one).length < 3) await one.poll(300, NEVER);
      for (const partition of [0, 1, 2]) await produce(lab, partition, `to ${partition}`);
      expect((await take(one, 3)).sort()).toEqual(['to 0', 'to 1', 'to 2']);
      await one.close();
    });

    test('a poll that is given up loses nothing', async () => {
      const lab = await open();
      const member = join(lab, randomUUID());
      while (member.assignment.length === 0) await member.poll(500, NEVER);
      const giveUp = new AbortController();
      const polling = member.poll(LONG_MS, giveUp.signal);
      giveUp.abort();
      await produce(lab, 0, 'a');
      expect(await polling).toEqual([]);
      expect(await take(member, 1)).toEqual(['a']);
      await member.close();
    });

    test('a topic that is not there is refused', async () => {
      const lab = await open();
      const member = lab.groups.join({ group: randomUUID(), topics: [`${lab.topic}-missing`], offsetReset: 'earliest' });
      await expect(member.poll(LONG_MS, NEVER)).rejects.toMatchObject({ code: 'invalid_request' });
      await member.close();
    });
  });
}
