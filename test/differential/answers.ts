/** A corpus through the real server of a host, and what the host then answers: of each push, of each series, of each client. */
import { LIMITS } from '../../src/model/limits.ts';
import { getJson, type Keys, type ServerProcess } from '../system/server-process.ts';
import { type Corpus, SPAN_MS } from './corpus.ts';

/** All by name, so that the order in which a host answers does not matter. */
export type Answers = Readonly<Record<string, unknown>>;

/** Every field but the revision: it tells how often a window was shown differently, which depends on when it was looked at. */
const FIELDS = 'count,sum,min,max,avg,first,last,increase';
const BUSY_MS = 100;

/** Sends each client's pushes one after the other, all clients at once. @returns what each push was answered. */
export async function pushAll({ keys }: ServerProcess, corpus: Corpus): Promise<Answers> {
  const key = await unlimitedKey(keys);
  const answers: Record<string, unknown> = {};
  const clients = [...corpus].map(async ([client, pushes]) => {
    for (const [i, { pushId, body }] of pushes.entries()) {
      const response = await push(keys.url, key, pushId, body);
      const { correlation_id: _, ...answer } = (await response.json()) as Record<string, unknown>;
      answers[`${client} push ${i}`] = { status: response.status, ...answer };
    }
  });
  await Promise.all(clients);
  return answers;
}

/** Until it is taken: a server that is busy says 503, and how busy it is the corpus does not say. */
async function push(url: string, key: string, pushId: string, body: string): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': pushId };
  for (;;) {
    const response = await fetch(`${url}/metrics`, { method: 'POST', headers, body });
    if (response.status !== 503) return response;
    await response.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
  }
}

async function unlimitedKey(keys: Keys): Promise<string> {
  const response = await fetch(`${keys.url}/api/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ role: 'ingest', requests_per_second: LIMITS.tenantRequestsPerSecond }),
  });
  if (response.status !== 201) throw new Error(`no key: ${await response.text()}`);
  return ((await response.json()) as { key: string }).key;
}

interface Columns {
  readonly start: number;
  readonly step: number;
  readonly series: readonly { readonly client_id: string; readonly metric: string; readonly labels: unknown }[];
}

interface ClientAnswer {
  readonly client_id: string;
  readonly pushes: unknown;
  readonly samples: unknown;
}

/** All minutes and hours, and the ledger of each client. */
export async function readAll({ keys }: ServerProcess, startMs: number): Promise<Answers> {
  const answers: Record<string, unknown> = {};
  for (const resolution of ['1m', '1h']) {
    const range = `start=${startMs}&end=${startMs + SPAN_MS}`;
    const path = `/api/v1/windows?${range}&resolution=${resolution}&format=columns&fields=${FIELDS}`;
    for (const series of (await getJson<Columns>(keys, path)).series) {
      answers[`${series.client_id} ${series.metric} ${JSON.stringify(series.labels)} ${resolution}`] = series;
    }
  }
  const { clients } = await getJson<{ clients: readonly ClientAnswer[] }>(keys, '/api/v1/clients');
  for (const { client_id: client, pushes, samples } of clients) answers[`${client} ledger`] = { pushes, samples };
  return answers;
}
