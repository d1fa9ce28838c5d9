/** Keeps the series of one host over one range up to date: samples or windows from the API, then the live feed. */
import { catalogueEntry } from '../../../model/catalogue.ts';
import { MetricStreamError } from '../../../model/errors.ts';
import { LIMITS } from '../../../model/limits.ts';
import type { ClientAnswer, LiveAnswer } from '../answers.ts';
import { appendLive, type Dataset, datasetOfSamples, datasetOfWindows } from '../dataset.ts';
import { chooseStep, type Range, readsSamples, refreshMs, type Span, spanOf } from '../ranges.ts';
import type { Services } from './services.ts';

export interface HostSource {
  /** Undefined until the first answer. */
  data(): Dataset | undefined;
  status(): ClientAnswer | undefined;
  /** The host is in the ledger: undefined until that is known. */
  known(): boolean | undefined;
  span(): Span;
  /** Distance of two points, ms. */
  stepMs(): number;
  /** Unix ms, server time; 0: never. */
  seenMs(): number;
  stop(): void;
}

/** How many coarser steps are tried for an answer that was too large. */
const COARSER_MAX = 4;

async function readWindows(services: Services, client: string, span: Span, signal: AbortSignal) {
  for (let coarser = 0; ; coarser++) {
    const step = chooseStep(span.endMs - span.startMs, coarser);
    try {
      return { data: datasetOfWindows(await services.api.windows({ client, ...span, ...step }, signal)), stepMs: step.stepMs };
    } catch (failure) {
      const tooMany = failure instanceof MetricStreamError && failure.code === 'too_many_points';
      if (!tooMany || coarser === COARSER_MAX) throw failure;
    }
  }
}

/** Samples where the range is short and they are not too many; else windows. */
async function readRange(services: Services, client: string, range: Range, signal: AbortSignal) {
  const span = spanOf(range, services.now());
  if (!readsSamples(range)) return readWindows(services, client, span, signal);
  try {
    return { data: datasetOfSamples(await services.api.samples({ client, ...span }, signal)), stepMs: 1_000 };
  } catch (failure) {
    if (failure instanceof MetricStreamError && failure.code === 'too_many_points')
      return readWindows(services, client, span, signal);
    throw failure;
  }
}

/** @param onData after new points. @param onStatus after news of the host itself. */
export function hostSource(
  services: Services,
  client: string,
  range: Range,
  onData: () => void,
  onStatus: () => void,
): HostSource {
  const ended = new AbortController();
  let data: Dataset | undefined;
  let stepMs = 1_000;
  let status: ClientAnswer | undefined;
  let known: boolean | undefined;
  let seenMs = 0;
  let units: ReadonlyMap<string, string> = new Map();
  let waiting: LiveAnswer[] = [];

  const span = (): Span => spanOf(range, services.now());
  const unitOf = (metric: string): string => catalogueEntry(metric)?.unit ?? units.get(metric) ?? '';
  const guard = (work: Promise<void>): void => {
    work.catch((failure: unknown) => {
      if (!ended.signal.aborted) services.report(failure);
    });
  };
  const append = (answers: readonly LiveAnswer[]): void => {
    if (!data || range !== 'live' || stepMs !== 1_000) return;
    for (const answer of answers) appendLive(data, answer, span().startMs - LIMITS.pagePollMs, unitOf);
  };
  const readData = async (): Promise<void> => {
    ({ data, stepMs } = await readRange(services, client, range, ended.signal));
    append(waiting);
    waiting = [];
    onData();
  };
  const readStatus = async (): Promise<void> => {
    [status] = await services.api.clients(client);
    known = status !== undefined;
    seenMs = Math.max(seenMs, status?.last_seen ?? 0);
    onStatus();
  };
  const readUnits = async (): Promise<void> => {
    units = await services.api.units();
  };

  let opened = false;
  const closeFeed = services.live.open(client, (changed, whole) => {
    const mine = changed.filter((answer) => answer.client_id === client);
    for (const answer of mine) seenMs = Math.max(seenMs, answer.seen_ms);
    if (data) append(mine);
    else waiting = mine;
    // A feed that comes back has missed what came in between.
    if (whole && opened) guard(readData());
    opened = true;
    onStatus();
    if (range === 'live' && data) onData();
  });
  const refresh = refreshMs(range);
  const stops = [
    services.every(LIMITS.pagePollMs, () => document.hidden || guard(readStatus())),
    ...(refresh === undefined ? [] : [services.every(refresh, () => document.hidden || guard(readData()))]),
  ];
  for (const work of [readData(), readStatus(), readUnits()]) guard(work);
  return {
    data: () => data,
    status: () => status,
    known: () => known,
    span,
    stepMs: () => stepMs,
    seenMs: () => seenMs,
    stop() {
      ended.abort();
      closeFeed();
      for (const stop of stops) stop();
    },
  };
}
