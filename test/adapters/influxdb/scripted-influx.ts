/** An HTTP server on loopback that answers writes as InfluxDB 2.7 does, or as a test wants: for what a healthy InfluxDB does not show. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { InfluxPointWriterOptions } from '../../../src/adapters/influxdb/point-writer.ts';
import { systemClock } from '../../../src/adapters/system/clock.ts';
import { splitLines } from './line-protocol.ts';

export const TOKEN = 'a-secret-token';

export interface ScriptedWrite {
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly lines: readonly string[];
}

type Script = (write: ScriptedWrite, response: ServerResponse) => void;

export interface ScriptedInflux {
  /** Of a writer or a reader that talks to it. */
  readonly options: InfluxPointWriterOptions;
  readonly writes: ScriptedWrite[];
  /** The lines of the writes that were answered with 204 or 422. */
  readonly stored: string[];
  /** How many requests were open at once, at most. */
  openMost(): number;
  script: Script;
  close(): Promise<void>;
}

export function answer(response: ServerResponse, status: number, message = '', headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(message === '' ? undefined : JSON.stringify({ code: 'any', message }));
}

/** Refuses lines that match, as InfluxDB refuses what it cannot parse (400, nothing is stored) or does not take (422, the rest is). */
export function refusing(influx: ScriptedInflux, bad: RegExp, status: 400 | 422): Script {
  return (write, response) => {
    const lines = write.lines.filter((line) => !line.startsWith('#'));
    const dropped = lines.filter((line) => bad.test(line));
    if (dropped.length === 0 || status === 422) influx.stored.push(...lines.filter((line) => !bad.test(line)));
    if (dropped.length === 0) answer(response, 204);
    else if (status === 400) answer(response, 400, `unable to parse '${dropped[0]}': invalid field format`);
    else
      answer(
        response,
        422,
        `failure writing points to database: partial write: points beyond retention policy dropped=${dropped.length}`,
      );
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
}

export async function scriptedInflux(): Promise<ScriptedInflux> {
  let open = 0;
  let most = 0;
  const server = createServer((request, response) => {
    most = Math.max(most, ++open);
    response.on('close', () => {
      open -= 1;
    });
    void bodyOf(request).then((body) => {
      const write = { url: new URL(request.url ?? '', 'http://influx'), headers: request.headers, lines: splitLines(body) };
      influx.writes.push(write);
      influx.script(write, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const influx: ScriptedInflux = {
    options: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      org: 'acme & sons',
      token: TOKEN,
      bucketPrefix: 't_',
      fetch: (url, init) => fetch(url, init),
      clock: systemClock(),
      gzip: undefined,
    },
    writes: [],
    stored: [],
    openMost: () => most,
    script: (_, response) => answer(response, 204),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return influx;
}
