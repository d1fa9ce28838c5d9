/** Which services somebody wants, and on which ports. */
import { freePorts, givenPorts, usualPorts } from './ports.ts';
import type { ServiceName } from './state.ts';

export interface Wanted {
  readonly names: readonly ServiceName[];
  readonly brokers: 1 | 3;
  /** Ports that somebody chose; several brokers take the following ones too. */
  readonly given: Partial<Record<ServiceName, number>>;
  /** What else is taken: the port that the service usually has where it is free, or any free one. */
  readonly otherwise: 'usual' | 'free';
  /** Nothing more is started after it. */
  readonly signal?: AbortSignal;
}

const USUAL: Readonly<Record<ServiceName, number>> = { kafka: 9092, redis: 6379, influxdb: 8086 };

/** @param count how many in a row, where they are not free ones. @throws where a chosen one is taken. */
export function choosePorts({ given, otherwise }: Wanted, name: ServiceName, count: number): Promise<number[]> {
  const chosen = given[name];
  if (chosen !== undefined) return givenPorts(chosen, count);
  return otherwise === 'usual' ? usualPorts(USUAL[name], count) : freePorts(count);
}

/** @throws where a service that runs has another port than the one that was chosen. */
export function checkPort({ given }: Wanted, name: ServiceName, port: number | undefined): void {
  if (given[name] !== undefined && given[name] !== port) {
    throw new Error(`${name} runs on port ${port}: npm run services -- down`);
  }
}
