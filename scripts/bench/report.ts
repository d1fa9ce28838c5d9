/** Renders a bench result as Markdown, and puts it into a README between its markers. */
import type { Check, Measurement } from './measure.ts';
import { type BenchResult, checksOf, type QueryTimes, type StoredBytes, type Timing } from './result.ts';

const START = '<!-- bench:start -->';
const END = '<!-- bench:end -->';

/** What was aimed at, what was measured, and whether it was reached. */
interface Aim {
  readonly what: string;
  readonly aim: string;
  readonly measured: string;
  readonly met: boolean;
}

export function renderMarkdown(result: BenchResult): string {
  const sections = [machineLine(result), table(LOAD_HEAD, loadRows(result)), checkText(result)];
  const aims = aimsOf(result).map(({ what, aim, measured, met }) => [what, aim, measured, met ? 'yes' : '**no**']);
  return [...sections, table(['What', 'Aim', 'Measured', 'Met'], aims)].filter((text) => text !== '').join('\n\n');
}

/** @throws when the README has no pair of markers. */
export function replaceBetweenMarkers(readme: string, markdown: string): string {
  const start = readme.indexOf(START);
  const end = readme.indexOf(END);
  if (start < 0 || end < start) throw new Error(`The README needs ${START} and, behind it, ${END}.`);
  return `${readme.slice(0, start + START.length)}\n${markdown}\n${readme.slice(end)}`;
}

/** Whether the figures mean anything: every check exact, nothing refused. */
export function isSound(result: BenchResult): boolean {
  const refused = measurements(result).reduce((sum, { limited, failed }) => sum + limited + failed, 0);
  const { query, kafkaQuery, gateway } = result;
  const days = [query, kafkaQuery].filter((times) => times !== undefined);
  const whole = days.every(({ hosts, hour, day }) => hour.complete && day.minutes === minutesOf(hosts));
  const keptOnce = (gateway?.loads ?? []).every(({ acknowledged, kept }) => acknowledged === kept);
  return refused === 0 && whole && keptOnce && checksOf(result).every(({ exact }) => exact);
}

function machineLine({ machine, date }: BenchResult): string {
  const { processor, cores, memoryBytes, kernel, bun, fileSystem, commit } = machine;
  const hardware = `${processor}, ${cores} cores shared with the load generator, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB`;
  return `Measured on ${date.slice(0, 10)} at commit ${commit}: ${hardware}, Linux ${kernel}, Bun ${bun}, data on ${fileSystem}.`;
}

const LOAD_HEAD = [
  'Load, 10 metrics a push',
  'pushes/s',
  'p50',
  'p99',
  'CPU a push',
  'CPU of a core',
  'RSS, most',
  'stored a sample (on disk)',
  'generator a push',
  'stolen cores',
];

function loadRows({ closed = [], steady, hosts, bare, kafka, gateway }: BenchResult): string[][] {
  const rows = closed.map(({ median, stored, ...how }) => {
    const server = how.serverFlags === '' ? '' : `, server with \`${how.serverFlags}\``;
    const windows = `${grouped(how.windows.closed)} windows closed, ${grouped(how.windows.corrected)} corrected`;
    const runs = `median of ${how.runs.length} × ${seconds(median)}, ${windows}${server}`;
    return loadRow(
      `closed loop${how.runtime === undefined ? '' : ` on ${how.runtime}`}, ${how.connections} connections, ${how.clock} clock (${runs})`,
      median,
      stored,
    );
  });
  if (steady)
    rows.push(loadRow(`steady, ${steady.clients} clients, ${seconds(steady.measurement)}`, steady.measurement, steady.stored));
  if (hosts) {
    const name = `${grouped(hosts.hosts)} hosts at ${hosts.intervalSeconds} s, ${seconds(hosts.measurement)}`;
    rows.push(loadRow(name, hosts.measurement, hosts.stored));
  }
  for (const { connections, measurement, consumer } of kafka?.edges ?? []) {
    const then = `${grouped(consumer.samplesPerSecond)} samples/s to InfluxDB at ${us(consumer.cpuUsPerSample)} each`;
    const name = `edge on Kafka, ${brokersBeside(kafka?.brokers)}, acks=all, closed loop, ${connections} connections (a consumer then took ${then})`;
    rows.push(loadRow(name, measurement, undefined));
  }
  for (const { connections, measurement, acknowledged, kept } of gateway?.loads ?? []) {
    const counts = `${grouped(kept)} kept of ${grouped(acknowledged)}`;
    const name = `gateway, ${brokersBeside(gateway?.brokers)}, acks=all, closed loop, ${connections} connections (${counts})`;
    rows.push(loadRow(name, measurement, undefined));
  }
  if (bare) {
    const what = 'a bare server, which only reads, parses and fsyncs';
    rows.push(loadRow(`${what}: closed loop, ${bare.connections} connections`, bare.closed, undefined));
    rows.push(loadRow(`${what}: steady, ${grouped(bare.steady.pushesPerSecond)}/s`, bare.steady, undefined));
    rows.push(loadRow(`${what}: hosts, ${grouped(bare.hosts.pushesPerSecond)}/s`, bare.hosts, undefined));
  }
  return rows;
}

function brokersBeside(brokers: number | undefined): string {
  return brokers === 1 ? '1 broker beside it' : `${brokers} brokers beside it`;
}

function loadRow(name: string, of: Measurement, stored: StoredBytes | undefined): string[] {
  const times = [ms(of.p50Ms), ms(of.p99Ms), us(of.cpuUsPerPush), percent(of.cpuShare), mebibytes(of.rssBytesMax)];
  return [name, grouped(of.pushesPerSecond), ...times, perSample(stored), us(of.generatorUsPerPush), of.stolenCores.toFixed(2)];
}

function perSample(stored: StoredBytes | undefined): string {
  if (stored === undefined) return '–';
  const { samples, bodyBytes, diskBytes } = stored;
  return samples === 0 ? 'none sealed' : `${bytes(bodyBytes / samples)} (${bytes(diskBytes / samples)})`;
}

function checkText(result: BenchResult): string {
  const checks = checksOf(result);
  if (checks.length === 0) return '';
  const sum = (of: (check: Check) => number): string => grouped(checks.reduce((total, check) => total + of(check), 0));
  const refused = measurements(result).reduce((total, { limited, failed }) => total + limited + failed, 0);
  const inexact = checks.filter(({ exact }) => !exact).length;
  return [
    `Every push carried new timestamps: ${sum(({ sent }) => sent.repeats)} repeats in ${sum(({ sent }) => sent.pushes)} pushes.`,
    `${grouped(refused)} were refused while measuring.`,
    `The server counted ${sum(({ counted }) => counted.samplesStored)} of ${sum(({ sent }) => sent.samples)} acknowledged samples;`,
    inexact === 0 ? 'every count agrees.' : `**${inexact} of ${checks.length} counts do not agree.**`,
  ].join(' ');
}

function aimsOf(result: BenchResult): Aim[] {
  const { closed = [], steady, hosts, query, visible, kafka, gateway, kafkaQuery } = result;
  const aims: Aim[] = [];
  const at50 = closed.find(
    ({ runtime, connections, clock }) => runtime === undefined && connections === 50 && clock === 'real',
  )?.median;
  if (at50) {
    aims.push(aim('pushes/s at 50 connections', '≥ 20,000', grouped(at50.pushesPerSecond), at50.pushesPerSecond >= 20_000));
    aims.push(aim('CPU a push at 50 connections', '≤ 45 µs', us(at50.cpuUsPerPush), at50.cpuUsPerPush <= 45));
  }
  if (steady) aims.push(...steadyAims(steady));
  if (hosts) {
    const { cpuShare } = hosts.measurement;
    aims.push(
      aim(`${grouped(hosts.hosts)} hosts at ${hosts.intervalSeconds} s`, '< 10 % of a core', percent(cpuShare), cpuShare < 0.1),
    );
  }
  if (query) {
    const { day } = query;
    aims.push(...queryAims(query, ''));
    const minuteBytes = query.windows.bodyBytes / day.minutes;
    const onDisk = bytes(query.windows.diskBytes / day.minutes);
    aims.push(aim('stored a minute, hours included (on disk)', '≤ 8 B', `${bytes(minuteBytes)} (${onDisk})`, minuteBytes <= 8));
  }
  if (visible) {
    const { samples, live } = visible;
    aims.push(aim('push to query, p50 / p99', '< 1 s', `${ms(samples.p50Ms)} / ${ms(samples.p99Ms)}`, samples.p99Ms < 1_000));
    aims.push(aim('push to live feed, p50 / p99', '< 1 s', `${ms(live.p50Ms)} / ${ms(live.p99Ms)}`, live.p99Ms < 1_000));
  }
  if (kafka) aims.push(...kafkaAims(kafka));
  if (gateway) aims.push(gatewayAim(gateway));
  if (kafkaQuery) aims.push(...queryAims(kafkaQuery, 'on InfluxDB: '));
  return aims;
}

function queryAims({ hosts, hour, day }: QueryTimes, where: string): Aim[] {
  const wide = `${hosts} hosts × 10 metrics × 24 h (${grouped(day.minutes)} minutes, step=5m)`;
  const times = ({ medianMs, firstMs }: Timing): string => `${ms(medianMs)} (${ms(firstMs)})`;
  return [
    aim(`${where}1 host, 1 metric, 1 h: median (first)`, '< 100 ms', times(hour), hour.maxMs < 100),
    aim(`${where}${wide}: median (first)`, '< 2 s', times(day), day.maxMs < 2_000),
  ];
}

function kafkaAims({ edges, visible }: NonNullable<BenchResult['kafka']>): Aim[] {
  const least: Readonly<Record<number, number>> = { 50: 12_000, 200: 20_000 };
  const rates = edges.flatMap(({ connections, measurement: { pushesPerSecond } }) => {
    const bound = least[connections];
    const what = `on Kafka: pushes/s at ${connections} connections`;
    return bound === undefined ? [] : [aim(what, `≥ ${grouped(bound)}`, grouped(pushesPerSecond), pushesPerSecond >= bound)];
  });
  const at200 = edges.find(({ connections }) => connections === 200)?.measurement.cpuUsPerPush;
  const cost = at200 === undefined ? [] : [aim('on Kafka: CPU a push at 200 connections', '≤ 55 µs', us(at200), at200 <= 55)];
  const { p50Ms, p99Ms } = visible.samples;
  return [
    ...rates,
    ...cost,
    aim('on Kafka: push to query, p50 / p99', '< 200 ms / < 1 s', `${ms(p50Ms)} / ${ms(p99Ms)}`, p50Ms < 200 && p99Ms < 1_000),
  ];
}

/** Of as many connections as it is best at. */
function gatewayAim({ loads }: NonNullable<BenchResult['gateway']>): Aim {
  const best = Math.max(...loads.map(({ measurement }) => measurement.pushesPerSecond));
  return aim('over the gateway: pushes/s', '≥ 4,000', grouped(best), best >= 4_000);
}

function steadyAims({ measurement, replay }: NonNullable<BenchResult['steady']>): Aim[] {
  const { cpuShare, rssBytesMax, p99Ms, pushesPerSecond } = measurement;
  const load = `steady ${grouped(pushesPerSecond)}/s for ${seconds(measurement)}`;
  const perSecond = replay.records === undefined ? '' : `, ${grouped((replay.records * 1_000) / replay.caughtUpMs)} records/s`;
  return [
    aim(`${load}: CPU`, '< 20 % of a core, 20 min', percent(cpuShare), cpuShare < 0.2),
    aim(`${load}: RSS`, '< 256 MiB, 20 min', mebibytes(rssBytesMax), rssBytesMax < 256 * 2 ** 20),
    aim(`${load}: p99`, '< 10 ms, 20 min', ms(p99Ms), p99Ms < 10),
    aim('from SIGKILL to caught up', '≤ 20 s', `${ms(replay.caughtUpMs)}${perSecond}`, replay.caughtUpMs <= 20_000),
  ];
}

function aim(what: string, bound: string, measured: string, met: boolean): Aim {
  return { what, aim: bound, measured, met };
}

function measurements({ closed = [], steady, hosts, kafka, gateway }: BenchResult): Measurement[] {
  const edges = [...(kafka?.edges ?? []), ...(gateway?.loads ?? [])].map(({ measurement }) => measurement);
  return [...closed.flatMap(({ runs }) => runs), ...edges, steady?.measurement, hosts?.measurement].filter(
    (of) => of !== undefined,
  );
}

/** Ten metrics, 1,440 minutes a day. */
function minutesOf(hosts: number): number {
  return hosts * 10 * 1_440;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const grouped = (value: number): string => Math.round(value).toLocaleString('en-US');
const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : grouped(value)} ms`;
const us = (value: number): string => `${value.toFixed(1)} µs`;
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const mebibytes = (value: number): string => `${grouped(value / 2 ** 20)} MiB`;
const bytes = (value: number): string => `${value.toFixed(2)} B`;
const seconds = (of: Measurement): string => `${grouped(of.seconds)} s`;
