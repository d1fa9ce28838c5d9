/** The modules under simulation: those of this checkout, or of a copy with a bug sown into it. */
import { embeddedCheckpointStore } from '../../src/adapters/embedded/checkpoint-store.ts';
import { embeddedEnrichmentRegistry } from '../../src/adapters/embedded/enrichment-registry.ts';
import { embeddedKeyRegistry } from '../../src/adapters/embedded/key-registry.ts';
import { embeddedMetricLog } from '../../src/adapters/embedded/metric-log.ts';
import { openSchema } from '../../src/adapters/embedded/schema.ts';
import { embeddedTimeSeriesStore } from '../../src/adapters/embedded/time-series-store.ts';
import { Pusher } from '../../src/agent/push.ts';
import { memorySpool } from '../../src/agent/spool.ts';
import { Shard } from '../../src/consumers/shard.ts';
import { createApp } from '../../src/edge/app.ts';
import { shapeInterner } from '../../src/protocols/log-record.ts';
import { type Sowing, sownModules } from '../sown-copy.ts';

export const SYSTEM = {
  Pusher,
  Shard,
  createApp,
  embeddedCheckpointStore,
  embeddedEnrichmentRegistry,
  embeddedKeyRegistry,
  embeddedMetricLog,
  embeddedTimeSeriesStore,
  memorySpool,
  openSchema,
  shapeInterner,
};
export type System = typeof SYSTEM;

const MODULES = [
  'adapters/embedded/checkpoint-store.ts',
  'adapters/embedded/enrichment-registry.ts',
  'adapters/embedded/key-registry.ts',
  'adapters/embedded/metric-log.ts',
  'adapters/embedded/schema.ts',
  'adapters/embedded/time-series-store.ts',
  'agent/push.ts',
  'agent/spool.ts',
  'consumers/shard.ts',
  'edge/app.ts',
  'protocols/log-record.ts',
];

/** All that those import. */
const FOLDERS = ['adapters/embedded', 'agent', 'consumers', 'edge', 'model', 'protocols'];

/** @returns the modules of a copy of src with a bug in it. */
export function sownSystem(sown: readonly Sowing[]): System {
  return sownModules(sown, FOLDERS, MODULES) as System;
}
