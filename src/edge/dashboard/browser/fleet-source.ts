/** Keeps what is known of all hosts up to date: the ledger by polling, values by the live feed, sparklines by windows. */
import { LIMITS } from '../../../model/limits.ts';
import { createFleet, type Fleet } from '../fleet.ts';
import type { Services } from './services.ts';

export interface FleetSource {
  readonly fleet: Fleet;
  /** The first answer has come. */
  loaded(): boolean;
  /** Samples stored per second between the last two answers. */
  samplesPerSecond(): number | undefined;
  /** Asks again if it is time to. */
  poll(): void;
  stop(): void;
}

const HISTORY_AGE_MS = 5 * 60_000;
const MINUTE = { stepMs: 60_000, step: '1m', resolution: '1m' } as const;

/** @param onHosts after an answer that names the hosts. @param onValues after new values of some. */
export function fleetSource(services: Services, onHosts: () => void, onValues: () => void): FleetSource {
  const fleet = createFleet();
  let counted: { readonly stored: number; readonly atMs: number } | undefined;
  let perSecond: number | undefined;
  let polling = false;
  let pollAtMs = 0;
  let historyAtMs = Number.NEGATIVE_INFINITY;

  const readHistory = async (nowMs: number): Promise<void> => {
    if (nowMs - historyAtMs < HISTORY_AGE_MS || fleet.hosts.size === 0 || fleet.hosts.size > LIMITS.pageSparkHostsMax) return;
    historyAtMs = nowMs;
    const span = { startMs: nowMs - LIMITS.pageSparkMinutes * MINUTE.stepMs, endMs: nowMs };
    const read = async (metric: 'cpu' | 'memory_used_percent'): Promise<void> =>
      fleet.takeHistory(metric, await services.api.windows({ metric, ...span, ...MINUTE }));
    await Promise.all([read('cpu'), read('memory_used_percent')]);
    onValues();
  };

  const readClients = async (): Promise<void> => {
    const clients = await services.api.clients();
    const atMs = services.now();
    fleet.takeClients(clients);
    const { stored } = fleet.totals(atMs);
    if (counted && atMs > counted.atMs) perSecond = Math.max(0, ((stored - counted.stored) * 1000) / (atMs - counted.atMs));
    counted = { stored, atMs };
    pollAtMs = atMs + Math.max(LIMITS.pagePollMs, clients.length * LIMITS.pagePollMsPerHost);
    onHosts();
    await readHistory(atMs);
  };

  const poll = (): void => {
    if (polling || document.hidden || services.now() < pollAtMs) return;
    polling = true;
    pollAtMs = services.now() + LIMITS.pagePollMs;
    readClients()
      .catch(services.report)
      .finally(() => {
        polling = false;
      });
  };

  let opened = false;
  const closeFeed = services.live.open(undefined, (changed, whole) => {
    if (fleet.takeLive(changed)) pollAtMs = 0;
    // A feed that comes back has missed what came in between.
    if (whole && opened) historyAtMs = Number.NEGATIVE_INFINITY;
    opened = true;
    onValues();
  });
  poll();
  return {
    fleet,
    loaded: () => counted !== undefined,
    samplesPerSecond: () => perSecond,
    poll,
    stop: closeFeed,
  };
}
