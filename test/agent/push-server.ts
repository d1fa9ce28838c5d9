/** A real HTTP server on 127.0.0.1 that keeps every push that reached it, and misbehaves on demand. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A status, or: keep the push and cut the connection; keep it and say nothing. */
export type Fault = number | 'cut' | 'silent';

export interface ReceivedPush {
  readonly id: string;
  readonly previous: string | undefined;
  readonly authorization: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface PushServer {
  readonly url: string;
  readonly pushes: ReceivedPush[];
  /** Connections opened so far. */
  connections: number;
  readonly script: Fault[];
  otherwise: Fault;
  close(): Promise<void>;
}

export async function pushServer(extraHeaders: Readonly<Record<string, string>> = {}): Promise<PushServer> {
  const pushes: ReceivedPush[] = [];
  const script: Fault[] = [];
  const http = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { headers } = request;
    pushes.push({
      id: String(headers['idempotency-key']),
      previous: headers['x-previous-boot']?.toString(),
      authorization: headers.authorization,
      headers,
      body,
    });
    const fault = script.shift() ?? server.otherwise;
    if (fault === 'cut') request.socket.destroy();
    else if (fault !== 'silent') response.writeHead(fault, extraHeaders).end('{"accepted":1}');
  });
  http.on('connection', () => {
    server.connections += 1;
  });
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  const server: PushServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    pushes,
    connections: 0,
    script,
    otherwise: 202,
    close() {
      http.closeAllConnections();
      return new Promise((closed) => http.close(() => closed()));
    },
  };
  return server;
}
