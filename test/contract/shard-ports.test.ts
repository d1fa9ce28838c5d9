/** The contracts of push-appender, metric-reader and live-feed: the memory adapters, and a shard over the embedded log and store. */
import { memoryLiveFeed } from '../../src/adapters/memory/live-feed.ts';
import { memoryMetricReader } from '../../src/adapters/memory/metric-reader.ts';
import { memoryPushAppender } from '../../src/adapters/memory/push-appender.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { manualClock } from '../agent/manual-clock.ts';
import { openLab } from '../consumers/lab.ts';
import {
  CONTRACT_START_MS,
  describeLiveFeed,
  describeMetricReader,
  describePushAppender,
  type Ports,
  type PortsUnderTest,
  publishByAppend,
} from './suites/shard-ports.ts';

interface MemoryPorts extends Ports {
  readonly live: ReturnType<typeof memoryLiveFeed>;
}

const memory: PortsUnderTest & { create(seriesPerClientMax: number): Promise<MemoryPorts> } = {
  name: 'memory',
  async create(seriesPerClientMax) {
    const clock = manualClock(CONTRACT_START_MS);
    const appender = memoryPushAppender({ clock, seriesPerClientMax });
    const reader = memoryMetricReader({ clock, kept: appender.kept });
    return { appender, reader, live: memoryLiveFeed(clock), nowMs: clock.nowMs, advance: clock.advance };
  },
};

const shard: PortsUnderTest = {
  name: 'a shard over the embedded log and store',
  async create(seriesPerClientMax) {
    const lab = await openLab({ startMs: CONTRACT_START_MS, cardinality: { ...LIMITS, seriesPerClientMax } });
    const { clock } = lab;
    return { appender: lab.shard, reader: lab.shard.reader, live: lab.shard.live, nowMs: clock.nowMs, advance: clock.advance };
  },
};

for (const under of [memory, shard]) {
  describePushAppender(under);
  describeMetricReader(under);
}
describeLiveFeed(shard, publishByAppend);
describeLiveFeed(memory, async (ports, push) => {
  const { live } = ports as MemoryPorts;
  const [sampleMs = 0] = push.timesMs;
  const keys = push.shape.series.map(({ key }) => key);
  live.publish(push.tenant, { client: push.client, sampleMs, seenMs: push.arrivalMs, keys, values: [...push.values] });
});
