/** All that the consumer knows of one client at its position in the log. */
import { LIMITS } from '../model/limits.ts';
import type { Push } from '../model/push.ts';
import type { Series } from '../model/series.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, windowStart } from '../model/window.ts';
import type { PlacedClient, StoreRange } from '../ports/time-series-store.ts';
import { ClientHead, UNSEAL } from './client-head.ts';
import { Ledger, type SampleCounts } from './ledger.ts';
import { PushTrail } from './push-trail.ts';

export class ClientState {
  readonly tenant: string;
  readonly client: string;
  readonly ledger = new Ledger();
  readonly head = new ClientHead();
  readonly trail = new PushTrail();
  /** Every minute that ends at or before this has closed. */
  frontierMs: number;
  /** Every minute that ends at or before this has been judged by alert rules, or nobody judges. At most the frontier. */
  judgedMs: number;
  /** Judged minutes that late samples changed, and that are judged again at the next look. */
  readonly lateMinutes = new Set<number>();
  /** Minutes before this live in the store; from it on, wholly in the head. */
  sealedThroughMs: number;
  /** Records before this offset had their samples before `sealedThroughMs` sealed. */
  sealOffset = 0;
  /** Hours before this have their block of minutes in the store, days before that their block of hours. */
  bundledHourMs: number;
  bundledDayMs: number;
  lastSampleMs = 0;
  lastSeenMs = 0;
  sealedAtMs: number;
  skewMs: number | undefined;
  datacenter: string | undefined;
  environment: string | undefined;
  /** Minutes before `sealedThroughMs` that were read back whole. */
  readonly opened = new Set<number>();
  /** How often a closed window changed since its hour was bundled: minute → series key → times. */
  readonly corrections = new Map<number, Map<string, number>>();
  /**
   * A checkpoint holds it. Before that its samples are told to nobody who stores them at once: after a crash it would be met anew, and what the store
   * held of it would pass for sealed.
   */
  saved = false;
  /** Repeats that were not merged: their offset and newest sample time, kept while a replay could meet them. */
  skipped: (readonly [offset: number, ms: number])[] = [];

  /** @param closedMs what log time has closed. @param storedMs the newest sample that the store holds of this client. */
  constructor(tenant: string, client: string, closedMs: number, storedMs: number | undefined, logMs: number) {
    this.tenant = tenant;
    this.client = client;
    this.frontierMs = closedMs;
    this.judgedMs = closedMs;
    this.sealedThroughMs = storedMs === undefined ? Number.NEGATIVE_INFINITY : windowStart(storedMs, MINUTE_MS) + MINUTE_MS;
    this.bundledHourMs = Number.POSITIVE_INFINITY;
    this.bundledDayMs = Number.POSITIVE_INFINITY;
    this.sealedAtMs = logMs;
  }

  /** What lies before this may be sealed: it has closed, and need not be judged any more. */
  get sealableMs(): number {
    return Math.min(this.frontierMs, this.judgedMs, ...this.lateMinutes);
  }

  /** Whose its samples and windows are, for those who are told of them or keep them. */
  placed(): PlacedClient {
    const { tenant, client, datacenter, environment } = this;
    return { tenant, client, datacenter, environment };
  }

  /** What to ask the store for of this client: [startMs, endMs). */
  range(startMs: number, endMs: number, want?: StoreRange['want']): StoreRange {
    return { tenant: this.tenant, client: this.client, startMs, endMs, want };
  }

  /** In replay: whether the store already holds a sample that a record brought. */
  isSealed(ms: number, offset: number): boolean {
    return ms < this.sealedThroughMs && offset < this.sealOffset;
  }

  /** Minutes that a record touches and that have to be read back first; undefined in the usual case. */
  missingMinutes(push: Push, offset: number): number[] | undefined {
    let missing: number[] | undefined;
    for (const ms of push.timesMs) {
      if (ms >= this.sealedThroughMs || this.isSealed(ms, offset)) continue;
      const minute = windowStart(ms, MINUTE_MS);
      if (this.opened.has(minute) || missing?.includes(minute)) continue;
      missing ??= [];
      missing.push(minute);
    }
    return missing;
  }

  /**
   * Merges a push's samples. @param count is added to.
   * @param refill in replay: changes to closed windows were counted the first time.
   * @returns the changes to closed windows.
   */
  merge(push: Push, offset: number, count: SampleCounts, refill = false): number {
    const { shape, values, timesMs, timesNs } = push;
    let corrected = 0;
    if (timesMs.length === 1 && values.length > 0) {
      const ms = timesMs[0] as number;
      const ns = timesNs?.[0] ?? 0;
      if (this.isSealed(ms, offset)) return 0;
      if (refill) this.head.insert(shape, values, ms, ns, offset, count, UNSEAL);
      else if (ms >= this.frontierMs) this.head.insert(shape, values, ms, ns, offset, count);
      else corrected = this.#mergeLate(ms, (onChange) => this.head.insert(shape, values, ms, ns, offset, count, onChange));
      this.#noteSample(ms);
      return corrected;
    }
    for (let i = 0; i < values.length; i++) {
      const ms = timesMs[i] as number;
      if (this.isSealed(ms, offset)) continue;
      corrected += this.#mergeLate(refill ? Number.POSITIVE_INFINITY : ms, (onChange) => {
        const told = refill ? UNSEAL : onChange;
        this.head.insertOne(shape.series[i] as Series, values[i] as number, ms, timesNs?.[i] ?? 0, offset, count, told);
      });
      this.#noteSample(ms);
    }
    return corrected;
  }

  #noteSample(ms: number): void {
    if (this.lastSampleMs < ms) this.lastSampleMs = ms;
    if (this.bundledHourMs === Number.POSITIVE_INFINITY) {
      this.bundledHourMs = windowStart(ms, HOUR_MS);
      this.bundledDayMs = windowStart(ms, DAY_MS);
    }
  }

  /** A window that closed with samples and changes now is corrected: its revision rises. */
  #mergeLate(ms: number, insert: (onChange?: (series: Series) => void) => void): number {
    if (ms >= this.frontierMs) {
      insert();
      return 0;
    }
    const minute = windowStart(ms, MINUTE_MS);
    const before = this.head.keysIn(minute, minute + MINUTE_MS);
    let corrected = 0;
    insert((series) => {
      if (!before.has(series.key)) return;
      corrected += 1;
      const times = this.corrections.get(minute) ?? new Map<string, number>();
      this.corrections.set(minute, times);
      times.set(series.key, (times.get(series.key) ?? 0) + 1);
    });
    return corrected;
  }

  correctionsOf(seriesKey: string, minuteMs: number): number {
    return this.corrections.get(minuteMs)?.get(seriesKey) ?? 0;
  }

  /** Moves the frontier with log time and the client's own watermark. @returns where it stands now: minutes up to it have closed. */
  advance(logMs: number, closedMs: number): number {
    const watermark = Math.min(this.lastSampleMs, logMs) - LIMITS.watermarkLagMs;
    this.frontierMs = Math.max(this.frontierMs, closedMs, windowStart(watermark, MINUTE_MS));
    return this.frontierMs;
  }
}
