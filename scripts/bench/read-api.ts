/** Reads the server's answers: what it counted, what it shows, what it tells of itself. */
import type { Server } from './server-process.ts';

export interface ClientCounts {
  readonly client_id: string;
  readonly pushes: { readonly expected: number; readonly received: number; readonly duplicate: number };
  readonly samples: {
    readonly stored: number;
    readonly duplicate: number;
    readonly conflict: number;
    readonly rejected: Readonly<Record<string, number>>;
  };
}

/** The sums of what the server counted per client. */
export interface Counts {
  readonly clients: number;
  readonly pushesReceived: number;
  readonly pushesDuplicate: number;
  readonly samplesStored: number;
  readonly samplesRepeated: number;
  readonly samplesRejected: number;
}

export function sumCounts(clients: readonly ClientCounts[]): Counts {
  const sum = (of: (client: ClientCounts) => number): number => clients.reduce((total, client) => total + of(client), 0);
  return {
    clients: clients.length,
    pushesReceived: sum((client) => client.pushes.received),
    pushesDuplicate: sum((client) => client.pushes.duplicate),
    samplesStored: sum((client) => client.samples.stored),
    samplesRepeated: sum((client) => client.samples.duplicate + client.samples.conflict),
    samplesRejected: sum((client) => Object.values(client.samples.rejected).reduce((a, b) => a + b, 0)),
  };
}

/** GET with the read key. @throws when the answer is not 200. */
export async function get(
  server: Server,
  path: string,
  params: Readonly<Record<string, string | number>> = {},
): Promise<Response> {
  const query = new URLSearchParams(Object.entries(params).map(([name, value]): [string, string] => [name, String(value)]));
  const response = await fetch(`http://${server.hostname}:${server.port}${path}?${query}`, {
    headers: { authorization: `Bearer ${server.keys.read}` },
  });
  if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
  return response;
}

export async function counts(server: Server): Promise<Counts> {
  const { clients } = (await (await get(server, '/api/v1/clients')).json()) as { clients: ClientCounts[] };
  return sumCounts(clients);
}

/** The sum of a counter or gauge over its labels in Prometheus text; undefined when it is not there. */
export function metricValue(text: string, name: string): number | undefined {
  let sum: number | undefined;
  for (const line of text.split('\n')) {
    if (!line.startsWith(name) || !/^[ {]/.test(line.slice(name.length))) continue;
    sum = (sum ?? 0) + Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}
