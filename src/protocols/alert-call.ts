/** Calls of alerting's ports between objects: which methods there are, and how one is found. */
import type { AlertPorts } from '../ports/alert-service.ts';

export const ALERT_METHODS = {
  book: ['list', 'put', 'remove', 'audit'],
  desk: ['incidents', 'history', 'act', 'responseTimes'],
  trial: ['rules', 'alerts', 'backtest', 'testChannel'],
  fleet: ['retire'],
} as const satisfies { readonly [Port in keyof AlertPorts]: readonly (keyof AlertPorts[Port])[] };

type Method = (...args: readonly unknown[]) => Promise<unknown>;

/** @returns undefined for a method that is none of these. */
export function alertMethod(ports: AlertPorts, port: string, method: string): Method | undefined {
  if (!Object.hasOwn(ALERT_METHODS, port)) return undefined;
  const name = port as keyof AlertPorts;
  if (!(ALERT_METHODS[name] as readonly string[]).includes(method)) return undefined;
  // What came from a port's own caller fits the port; who sends anything else gets what the port says of it.
  const own = ports[name] as unknown as Readonly<Record<string, Method>>;
  return own[method]?.bind(own);
}
