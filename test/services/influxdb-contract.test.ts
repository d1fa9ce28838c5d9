/** The contracts of the time-series-store and point-writer ports on a real InfluxDB. */
import { afterAll, beforeAll } from 'vitest';
import { describePointWriter } from '../contract/suites/point-writer.ts';
import { describeTimeSeriesStore } from '../contract/suites/time-series-store.ts';
import { type InfluxLab, influxLab } from './influx-lab.ts';

let lab: InfluxLab;

beforeAll(async () => {
  lab = await influxLab();
});
afterAll(() => lab.close());

describeTimeSeriesStore('InfluxDB', () => lab.writable());
describePointWriter('InfluxDB', () => lab.readable());
