/** The agent's own health, for a supervisor on the same host. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `GET /health` on 127.0.0.1 answers 200 and `read()` as JSON while the agent runs: an unreachable server is in the
 * body, not the status, since no restart of the agent would help.
 * @param port 0: any free one. Rejects where the port is taken.
 */
export function serveHealth(port: number, read: () => unknown): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    const status = path !== '/health' ? 404 : request.method === 'GET' || request.method === 'HEAD' ? 200 : 405;
    response.writeHead(status, { 'content-type': 'application/json', ...(status === 405 ? { allow: 'GET, HEAD' } : {}) });
    response.end(JSON.stringify(status === 200 ? read() : { status }));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}
