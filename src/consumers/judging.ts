/** Has the alert rules judge what a pipeline does: minutes once they are ripe, samples as they come, silence as log time goes on. */
import type { AlertControl, Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { LIMITS } from '../model/limits.ts';
import type { Push } from '../model/push.ts';
import { MINUTE_MS, windowStart } from '../model/window.ts';
import type { AlertJudge, JudgedMinute, JudgeFactory, JudgeState } from '../ports/alert-judge.ts';
import type { SampleBlock } from '../ports/time-series-store.ts';
import type { AlertsAt } from './checkpoint.ts';
import type { ClientState } from './client-state.ts';
import type { Pace } from './pace.ts';
import { filterBlock, foldSamples } from './sample-block.ts';

/** @returns undefined where nothing is judged. */
export function judgingOf(
  deps: { readonly judge?: JudgeFactory | undefined; readonly pace: Pick<Pace, 'tickMs'> },
  partition: number,
) {
  const judge = deps.judge?.(partition);
  return judge === undefined ? undefined : new Judging(judge, deps.pace.tickMs);
}

/** Of one partition. Its only clock is log time. */
export class Judging {
  readonly #judge: AlertJudge & JudgeState;
  readonly #outageMs: number;
  #resumedMs = 0;
  #holeMs = 0;
  #scannedMs = 0;
  /** Log time has to go on although nobody pushes. */
  waits = false;

  /** @param tickMs the log is ticked so often while something waits: no record for twice as long is our outage. */
  constructor(judge: AlertJudge & JudgeState, tickMs: number) {
    this.#judge = judge;
    this.#outageMs = Math.max(ALERT_LIMITS.outageHoleMs, 2 * tickMs);
  }

  /** Log time went on, before anything else of the record that brought it is done. @returns whether it is time to `look`, to the end, before all else. */
  advanced(beforeMs: number, logMs: number): boolean {
    if (beforeMs > 0 && logMs - beforeMs > this.#outageMs) {
      this.#resumedMs = logMs;
      this.#holeMs = beforeMs;
    }
    if (logMs - this.#scannedMs < ALERT_LIMITS.alertScanMs) return false;
    this.#scannedMs = logMs;
    return true;
  }

  /** Judges again what late samples changed, a minute a step, and then silence. */
  *look(logMs: number, clients: ReadonlyMap<string, ClientState>): Generator<void> {
    for (const client of clients.values()) if (client.lateMinutes.size > 0) yield* this.#correct(client, logMs);
    this.waits = this.#judge.scanned(logMs, this.#resumedMs, clients);
  }

  /** A push was merged that is no repeat. @param newestMs the newest sample of the client before it. */
  pushed(client: ClientState, push: Push, newestMs: number, isStraggler: boolean, logMs: number): void {
    const { timesMs, pushId } = push;
    let fromMs = Number.POSITIVE_INFINITY;
    let toMs = Number.NEGATIVE_INFINITY;
    for (const ms of timesMs) {
      if (ms < fromMs) fromMs = ms;
      if (ms > toMs) toMs = ms;
    }
    const sentMs = push.sentMs ?? push.arrivalMs;
    if (pushId !== undefined) client.trail.observe(pushId, Math.min(fromMs, sentMs), Math.max(toMs, newestMs), isStraggler);
    if (fromMs < client.judgedMs) this.#noteLate(client, timesMs);
    if (toMs < client.judgedMs) return;
    const { tenant, client: name, datacenter, environment, skewMs } = client;
    const block = (): SampleBlock => newSamples(client, push, fromMs);
    this.#judge.sampled({ tenant, client: name, datacenter, environment, skewMs, block, logMs });
  }

  #noteLate(client: ClientState, timesMs: Float64Array): void {
    // Of minutes that are neither in the head nor read back, nothing whole could be said.
    for (const ms of timesMs)
      if (ms < client.judgedMs && ms >= client.bundledHourMs) client.lateMinutes.add(windowStart(ms, MINUTE_MS));
  }

  /** An agent that sends what it kept changes a minute many times over: it is judged again once. */
  *#correct(client: ClientState, logMs: number): Generator<void> {
    for (const startMs of client.lateMinutes) yield this.#judge.corrected(this.#minuteOf(client, startMs, logMs));
    client.lateMinutes.clear();
  }

  /**
   * Judges the minutes of a client that are ripe: its own time has passed them and no push of them is known to be missing, or log time has given up
   * on what is missing.
   */
  ripen(client: ClientState, logMs: number): void {
    const forcedMs = this.#forcedMs(logMs);
    const ownMs = windowStart(Math.min(client.lastSampleMs, logMs) - LIMITS.watermarkLagMs, MINUTE_MS);
    // An empty minute waits, too: what is missing of it must not come behind those that follow.
    const ripeMs = Math.min(ownMs, client.trail.missingMs(Math.max(client.judgedMs, forcedMs)));
    const untilMs = Math.min(client.frontierMs, Math.max(forcedMs, ripeMs));
    if (untilMs <= client.judgedMs) return;
    if (client.head.rows > 0 && client.head.lastMs >= client.judgedMs) {
      for (const startMs of client.head.minutesIn(client.judgedMs, untilMs)) {
        client.judgedMs = startMs + MINUTE_MS;
        this.#judge.closed(this.#minuteOf(client, startMs, logMs));
      }
    }
    client.judgedMs = untilMs;
  }

  /** What log time has given up on: windowCloseLagMs ago, and after an outage of ours not before agents could send what they kept. */
  #forcedMs(logMs: number): number {
    const graceful = logMs - this.#resumedMs < ALERT_LIMITS.outageGraceMs ? this.#holeMs : logMs;
    return windowStart(graceful - LIMITS.windowCloseLagMs, MINUTE_MS);
  }

  #minuteOf(client: ClientState, startMs: number, logMs: number): JudgedMinute {
    const endMs = startMs + MINUTE_MS;
    // A host sends fifty series, and rules read four.
    const columns = (reads: (metric: string) => boolean) =>
      foldSamples(
        client.head.samples(startMs, endMs, ({ name }) => reads(name)),
        MINUTE_MS,
        () => 1,
      );
    return {
      ...client.placed(),
      skewMs: client.skewMs,
      startMs,
      columns,
      complete: client.trail.isComplete(startMs, endMs),
      logMs,
    };
  }

  controlled(control: AlertControl, logMs: number): void {
    this.#judge.controlled(control, logMs);
  }

  take(): readonly Transition[] {
    return this.#judge.take();
  }

  at(): AlertsAt {
    return { resumedMs: this.#resumedMs, holeMs: this.#holeMs, scannedMs: this.#scannedMs, state: this.#judge.snapshot() };
  }

  restore({ resumedMs, holeMs, scannedMs, state }: AlertsAt): void {
    this.#resumedMs = resumedMs;
    this.#holeMs = holeMs;
    this.#scannedMs = scannedMs;
    this.#judge.restore(state);
    // What waited is found at the next look; until then ticks see to it that there is one.
    this.waits = true;
  }
}

/** What of a push is newer than all that came before of its series. All that the client has of those times, as parts of one moment come apart. */
function newSamples({ head, judgedMs }: ClientState, { timesMs, shape }: Push, fromMs: number): SampleBlock {
  const own = new Set(timesMs);
  const keys = new Set(shape.series.map(({ key }) => key));
  let newMs = Math.max(fromMs, judgedMs);
  for (const ms of head.samples(newMs, Number.POSITIVE_INFINITY, ({ key }) => keys.has(key)).timesMs)
    if (!own.has(ms)) newMs = Math.max(newMs, ms + 1);
  return filterBlock(head.samples(newMs, Number.POSITIVE_INFINITY), (ms) => own.has(ms));
}
