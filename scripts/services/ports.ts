/** Ports on loopback for services: given, usual or free ones. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/**
 * Below the ports that Linux gives to clients (32768 and up): there a client could take the port of a server that is
 * down for a moment, and the server would not come back.
 */
const FREE_PORT_MIN = 20_000;
const FREE_PORT_MAX = 32_000;
const TRIES = 200;

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}

/** @returns `count` free ports that differ, from each other and from those in `except`. */
export async function freePorts(count: number, except: readonly number[] = []): Promise<number[]> {
  const ports = new Set<number>();
  for (let tries = 0; tries < TRIES && ports.size < count; tries++) {
    const port = randomInt(FREE_PORT_MIN, FREE_PORT_MAX);
    if (!except.includes(port) && (await isFree(port))) ports.add(port);
  }
  if (ports.size < count) throw new Error(`There are no ${count} free ports in ${FREE_PORT_MIN}..${FREE_PORT_MAX}.`);
  return [...ports];
}

function inARow(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/** @returns `count` ports from `first` on. @throws where one of them is taken. */
export async function givenPorts(first: number, count: number): Promise<number[]> {
  const ports = inARow(first, count);
  for (const port of ports) if (!(await isFree(port))) throw new Error(`Port ${port} is taken.`);
  return ports;
}

/** @returns `count` ports from the service's usual one on, or free ones where one of them is taken. */
export async function usualPorts(first: number, count: number): Promise<number[]> {
  const ports = inARow(first, count);
  const free = await Promise.all(ports.map(isFree));
  return free.every(Boolean) ? ports : freePorts(count);
}
