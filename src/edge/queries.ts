/** GET of windows, samples, clients and metrics: what is asked, from the reader, in the form that is asked for. */
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { RESOLUTION_MS } from '../model/window.ts';
import type { ClientStatus, MetricReader, RangeQuery, SeriesFilter, WindowQuery } from '../ports/metric-reader.ts';
import { checkQuery } from './checking.ts';
import { parseDuration } from './keys.ts';
import type { Query, QueryRunner } from './query-runner.ts';
import type { KeyedCall } from './route.ts';
import { SAMPLE_CSV_HEADER, sampleCsvLines, sampleWriter } from './sample-answers.ts';
import { clientsQuery, nothingAsked, samplesQuery, windowsQuery } from './schemas.ts';
import { columnWriter, csvHeader, csvLines, objectWriter, type WindowForm, type WindowWriter } from './window-answers.ts';
import { DEFAULT_FIELDS, fieldsOf, fieldsRead } from './window-fold.ts';

export interface Queries {
  windows(call: KeyedCall): Promise<Response>;
  samples(call: KeyedCall): Promise<Response>;
  clients(call: KeyedCall): Promise<Response>;
  metrics(call: KeyedCall): Promise<Response>;
}

const CSV = 'text/csv; charset=utf-8; header=present';

export function queries(reader: MetricReader, runner: QueryRunner): Queries {
  return {
    async windows(call) {
      const { query, form, format } = readWindowsQuery(call);
      if (format === 'csv') return runner.stream((running) => windowLines(reader, running, query, form), CSV);
      const writer = format === 'columns' ? columnWriter(form) : objectWriter(form);
      return json(await runner.run((running) => writeWindows(reader, running, query, writer)));
    },
    async samples({ request, principal, nowMs }) {
      const { query: given, labels } = checkQuery(request.url, samplesQuery);
      const range = { ...filterOf(given, labels, principal.tenant), ...readable(given.start, given.end, 1, nowMs) };
      if (given.format === 'csv') return runner.stream((running) => sampleLines(reader, running, range), CSV);
      return json(await runner.run((running) => writeSamples(reader, running, range)));
    },
    async clients({ request, principal }) {
      const { client } = checkQuery(request.url, clientsQuery).query;
      const all = await runner.run((running) => running.wait(reader.clients(principal.tenant)));
      const wanted = client === undefined ? all : all.filter((one) => one.client === client);
      return json(JSON.stringify({ clients: wanted.map(clientAnswer) }));
    },
    async metrics({ request, principal }) {
      checkQuery(request.url, nothingAsked);
      const metrics = await runner.run((running) => running.wait(reader.metrics(principal.tenant)));
      return json(
        JSON.stringify({
          metrics: metrics.map(({ name, unit, kind, clients, series }) => ({
            name,
            unit,
            kind,
            clients,
            series: series.map(({ labels }) => ({ labels: Object.fromEntries(labels) })),
          })),
        }),
      );
    },
  };
}

function json(body: string): Response {
  return new Response(body, { headers: { 'content-type': 'application/json' } });
}

function invalid(field: string, message: string): MetricStreamError {
  return new MetricStreamError('invalid_query', `query: ${field}: ${message}`);
}

interface RangeParameters {
  readonly metric?: string | undefined;
  readonly client?: string | undefined;
  readonly start: number;
  readonly end: number;
}

function filterOf(given: RangeParameters, labels: SeriesFilter['labels'], tenant: string): SeriesFilter {
  if (given.start > given.end) throw invalid('start', 'must not be after end');
  return { tenant, client: given.client, metric: given.metric, labels };
}

/** The part of a range that can hold data, widened to multiples of `stepMs`. */
function readable(startMs: number, endMs: number, stepMs: number, nowMs: number): Pick<RangeQuery, 'startMs' | 'endMs'> {
  const lastMs = Math.ceil((nowMs + LIMITS.queryAheadMsMax) / stepMs) * stepMs;
  const firstMs = Math.floor((nowMs - LIMITS.queryBackMsMax) / stepMs) * stepMs;
  const cutEndMs = Math.min(endMs, lastMs);
  return { startMs: Math.min(Math.max(startMs, firstMs), cutEndMs), endMs: cutEndMs };
}

interface WindowsRequest {
  readonly query: WindowQuery;
  readonly form: WindowForm;
  readonly format: 'json' | 'columns' | 'csv';
}

/** Wide windows are whole: the range is moved to those that start in it, and all of each is read. */
function readWindowsQuery({ request, principal, nowMs }: KeyedCall): WindowsRequest {
  const { query: given, labels } = checkQuery(request.url, windowsQuery);
  const filter = filterOf(given, labels, principal.tenant);
  const resolution = given.resolution ?? '1m';
  const stepMs = given.step === undefined ? RESOLUTION_MS[resolution] : (parseDuration(given.step) ?? 0);
  if (stepMs % RESOLUTION_MS[resolution] !== 0 || stepMs === 0) throw invalid('step', `must be a multiple of ${resolution}`);
  const startMs = Math.ceil(given.start / stepMs) * stepMs;
  const endMs = Math.ceil(given.end / stepMs) * stepMs;
  const fields = given.fields === undefined ? DEFAULT_FIELDS : fieldsOf(given.fields);
  const range = readable(startMs, endMs, stepMs, nowMs);
  return {
    query: { ...filter, ...range, resolution, open: given.open ?? false, fields: fieldsRead(fields) },
    form: { startMs, endMs, stepMs, fields },
    format: given.format ?? 'json',
  };
}

async function writeWindows(reader: MetricReader, running: Query, query: WindowQuery, writer: WindowWriter): Promise<string> {
  for await (const { client, openFromMs, columns } of running.take(reader.windows(query))) {
    for (const column of columns) {
      writer.add(client, column, openFromMs);
      if (running.due()) await running.pause();
    }
  }
  return writer.end();
}

async function* windowLines(reader: MetricReader, running: Query, query: WindowQuery, form: WindowForm): AsyncGenerator<string> {
  yield csvHeader(form.fields);
  for await (const { client, openFromMs, columns } of running.take(reader.windows(query))) {
    for (const column of columns) {
      yield csvLines(form, client, column, openFromMs);
      if (running.due()) await running.pause();
    }
  }
}

async function writeSamples(reader: MetricReader, running: Query, query: RangeQuery): Promise<string> {
  const writer = sampleWriter();
  for await (const samples of running.take(reader.samples(query))) {
    writer.add(samples);
    if (running.due()) await running.pause();
  }
  return writer.end();
}

async function* sampleLines(reader: MetricReader, running: Query, query: RangeQuery): AsyncGenerator<string> {
  yield SAMPLE_CSV_HEADER;
  for await (const samples of running.take(reader.samples(query))) {
    yield sampleCsvLines(samples);
    if (running.due()) await running.pause();
  }
}

function clientAnswer(status: ClientStatus): unknown {
  return {
    client_id: status.client,
    last_seen: status.lastSeenMs,
    skew_ms: status.skewMs ?? null,
    datacenter: status.datacenter ?? null,
    environment: status.environment ?? null,
    edge: status.edge,
    pushes: status.pushes,
    samples: status.samples,
  };
}
