/** Reads the API as a person would, and holds every answer against the model. */
import { HOUR_MS, MINUTE_MS, windowStart } from '../../src/model/window.ts';
import { type ShownSample, WEIGHT_SERIES } from './claims.ts';
import type { ClientModel, ModelWindow } from './client-model.ts';
import type { LogModel } from './log-model.ts';
import type { SimulatedServer } from './server.ts';

/** What is asked for; times in Unix ms. */
export interface Range {
  readonly startMs: number;
  readonly endMs: number;
  readonly client: string | undefined;
  readonly metric: string | undefined;
}

interface WindowAnswer extends ModelWindow {
  readonly client_id: string;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly start: number;
  readonly open?: boolean;
}

interface SampleAnswer {
  readonly client_id: string;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly timestamp: number | string;
  readonly value: number;
}

const FIELDS = ['count', 'sum', 'min', 'max', 'first', 'last', 'increase', 'revision'] as const;

export interface ReadingOptions {
  readonly server: SimulatedServer;
  readonly model: LogModel;
  readonly keys: Readonly<Record<string, string>>;
  readonly report: (violation: string) => void;
}

export class Reading {
  readonly #options: ReadingOptions;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  /** @returns the answer's text, undefined where nobody answers or it is no 200. */
  async ask(tenant: string, path: string, query: Readonly<Record<string, string | number | undefined>>): Promise<unknown> {
    const { server, keys, report } = this.#options;
    const text = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
    const headers = { authorization: `Bearer ${keys[tenant]}` };
    const response = server.handle(new Request(`http://server${path}?${text.join('&')}`, { headers }));
    if (response === undefined) return undefined;
    const answer = await response;
    // Not yet: what was sealed before a restart is still being read.
    if (answer.status === 503) return undefined;
    if (answer.status !== 200) {
      report(`${path}?${text.join('&')}: ${answer.status} ${await answer.text()}`);
      return undefined;
    }
    return answer.json();
  }

  /** Minutes, or hours. With `open` all of them, else the closed ones. */
  windows(tenant: string, { startMs, endMs, client, metric }: Range, resolution: '1m' | '1h', open: boolean): Promise<unknown> {
    const fields = FIELDS.join(',');
    return this.ask(tenant, '/api/v1/windows', {
      start: startMs,
      end: endMs,
      client,
      metric,
      resolution,
      open: open ? 'true' : undefined,
      fields,
    });
  }

  /** To be called when the model stands where the server did. @returns sums by `client series start`, of weight series. */
  checkWindows(tenant: string, range: Range, resolution: '1m' | '1h', open: boolean, answer: unknown): Map<string, number> {
    const { report } = this.#options;
    const stepMs = resolution === '1m' ? MINUTE_MS : HOUR_MS;
    const expected = this.#expected(tenant, range, stepMs, open);
    const sums = new Map<string, number>();
    for (const window of (answer as { windows: WindowAnswer[] }).windows) {
      const series = seriesKeyOf(window);
      const key = `${window.client_id} ${series} ${window.start}`;
      const what = `${tenant}/${key} ${resolution}`;
      if (sums.has(key)) report(`${what}: shown twice`);
      sums.set(key, window.sum);
      const right = expected.get(key);
      expected.delete(key);
      if (right === undefined) {
        report(`${what}: a window that should not be: ${JSON.stringify(window)}`);
        continue;
      }
      const wrong = FIELDS.filter((field) => !Object.is(window[field], right.window[field]));
      if (wrong.length > 0)
        report(`${what}: ${wrong.map((field) => `${field} ${window[field]} is ${right.window[field]}`).join(', ')}`);
      if ((window.open ?? false) !== right.open) report(`${what}: open ${window.open ?? false} is ${right.open}`);
    }
    for (const key of expected.keys()) report(`${tenant}/${key} ${resolution}: missing`);
    return new Map([...sums].filter(([key]) => WEIGHT_SERIES.test(key.split(' ')[1] ?? '')));
  }

  /** The samples of a range: they have to be the model's set. */
  async samples(tenant: string, range: Range): Promise<ShownSample[] | undefined> {
    const { startMs, endMs, client, metric } = range;
    const answer = await this.ask(tenant, '/api/v1/samples', { start: startMs, end: endMs, client, metric });
    if (answer === undefined) return undefined;
    return (answer as { samples: SampleAnswer[] }).samples.map((sample) => {
      const { timestamp, value } = sample;
      const ns = typeof timestamp === 'string';
      return {
        client: sample.client_id,
        series: seriesKeyOf(sample),
        ms: ns ? Number(timestamp.slice(0, -6)) : timestamp,
        ns: ns ? Number(timestamp.slice(-6)) : 0,
        value,
      };
    });
  }

  checkSamples(tenant: string, { startMs, endMs, client, metric }: Range, shown: readonly ShownSample[]): void {
    const { report } = this.#options;
    const expected = new Map<string, number>();
    for (const model of this.#clientsOf(tenant, client)) {
      for (const [series, minutes] of model.series) {
        if (metric !== undefined && series.split('\0')[0] !== metric) continue;
        for (const { samples } of minutes.values()) {
          for (const { ms, ns, value } of samples) {
            if (ms >= startMs && ms < endMs) expected.set(`${model.client} ${series} ${ms}.${ns}`, value);
          }
        }
      }
    }
    for (const { client: id, series, ms, ns, value } of shown) {
      const key = `${id} ${series} ${ms}.${ns}`;
      if (!Object.is(expected.get(key), value))
        report(`${tenant}/${key}: the sample ${value} is ${expected.get(key) ?? 'not there'}`);
      expected.delete(key);
    }
    for (const key of expected.keys()) report(`${tenant}/${key}: the sample is missing`);
  }

  checkClients(tenant: string, answer: unknown): void {
    const { report } = this.#options;
    const right = this.#clientsOf(tenant, undefined)
      .sort((a, b) => (a.client < b.client ? -1 : 1))
      .map((client) => ({
        client_id: client.client,
        last_seen: client.lastSeenMs,
        skew_ms: client.skewMs,
        datacenter: null,
        environment: null,
        pushes: client.pushes,
        samples: { ...client.samples, rejected: client.rejected },
      }));
    const shown = JSON.stringify((answer as { clients: unknown }).clients);
    if (shown !== JSON.stringify(right)) report(`clients of ${tenant}: ${shown} is ${JSON.stringify(right)}`);
  }

  #clientsOf(tenant: string, client: string | undefined): ClientModel[] {
    return [...this.#options.model.clients.values()].filter(
      (model) => model.tenant === tenant && (client === undefined || model.client === client),
    );
  }

  #expected(tenant: string, range: Range, stepMs: number, open: boolean): Map<string, { window: ModelWindow; open: boolean }> {
    const expected = new Map<string, { window: ModelWindow; open: boolean }>();
    const { startMs, endMs, client, metric } = range;
    for (const model of this.#clientsOf(tenant, client)) {
      for (const [series, minutes] of model.series) {
        if (metric !== undefined && series.split('\0')[0] !== metric) continue;
        for (const start of new Set([...minutes.keys()].map((minute) => windowStart(minute, stepMs)))) {
          if (start < startMs || start >= endMs) continue;
          const isOpen = start + stepMs > model.frontierMs;
          if (isOpen && !open && stepMs === MINUTE_MS) continue;
          const window = stepMs === MINUTE_MS ? model.window(series, start) : model.hour(series, start, !open);
          if (window !== undefined) expected.set(`${model.client} ${series} ${start}`, { window, open: isOpen });
        }
      }
    }
    return expected;
  }
}

function seriesKeyOf({ metric, labels }: { metric: string; labels: Readonly<Record<string, string>> }): string {
  return Object.entries(labels).reduce((key, [label, value]) => `${key}\0${label}\0${value}`, metric);
}
