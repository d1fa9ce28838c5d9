/** Runs a history through the real pipeline and judge, with checkpoints, seals and crashes where chance puts them. */

import type { CompiledRule } from '../../../src/alerts/compiled-rule.ts';
import type { ClientState } from '../../../src/consumers/client-state.ts';
import type { Judging } from '../../../src/consumers/judging.ts';
import type { Pipeline } from '../../../src/consumers/pipeline.ts';
import type { SealedState } from '../../../src/consumers/seal.ts';
import type { AlertControl, RuleSpec, Transition } from '../../../src/model/alert.ts';
import { clientKey } from '../../../src/model/partition.ts';
import type { AlertJudge, JudgeState } from '../../../src/ports/alert-judge.ts';
import { inOneGo } from '../../consumers/shapes.ts';
import { type LogEvent, TICK_MS } from './history.ts';
import { JUDGE_SYSTEM, type JudgeSystem } from './system.ts';

/** A record that may be what alert rules are told, too. */
export interface LifeEvent extends LogEvent {
  readonly control?: AlertControl | undefined;
}

export interface Lived {
  /** What a sink that knows ids has kept, in order. */
  readonly kept: readonly Transition[];
  /** What it was told, repeats included. */
  readonly told: readonly Transition[];
}

const compiled = new WeakMap<JudgeSystem, Map<string, CompiledRule | undefined>>();

export function judgeOf(builtins: readonly RuleSpec[], system = JUDGE_SYSTEM): AlertJudge & JudgeState {
  const known = compiled.get(system) ?? new Map<string, CompiledRule | undefined>();
  compiled.set(system, known);
  // Parsed once for all histories.
  const compile = (spec: RuleSpec): CompiledRule | undefined => {
    const name = JSON.stringify(spec);
    if (!known.has(name)) known.set(name, system.compileRule(spec));
    return known.get(name);
  };
  return system.alertJudge({ compile, builtins, models: system.ANOMALY_MODELS });
}

interface Saved {
  readonly position: number;
  readonly safeOffset: number;
  readonly state: Uint8Array;
}

/** One partition over one log and one store, life after life. */
class Lives {
  readonly #events: readonly LifeEvent[];
  readonly #builtins: readonly RuleSpec[];
  readonly #system: JudgeSystem;
  readonly #store;
  readonly #kept = new Map<string, Transition>();
  readonly #told: Transition[] = [];
  #saved: Saved | undefined;
  #waiting: Transition[] = [];
  pipeline: Pipeline;
  next = 0;

  constructor(events: readonly LifeEvent[], builtins: readonly RuleSpec[], system: JudgeSystem) {
    this.#events = events;
    this.#builtins = builtins;
    this.#system = system;
    this.#store = system.memoryTimeSeriesStore();
    this.pipeline = this.#born();
  }

  get lived(): Lived {
    return { kept: [...this.#kept.values()], told: this.#told };
  }

  #born(): Pipeline {
    const { Pipeline: Own, Judging: OwnJudging } = this.#system;
    const judging: Judging = new OwnJudging(judgeOf(this.#builtins, this.#system), TICK_MS);
    return new Own(0, {
      store: this.#store,
      sink: { closed() {} },
      telemetry: { count() {}, observe() {}, gauge() {}, log() {} },
      judging,
      seen() {},
    });
  }

  /** As Consumer does it. */
  one(): Promise<void> | undefined {
    const offset = this.next;
    const { logMs, made, control } = this.#events[offset] as LifeEvent;
    const { pipeline } = this;
    if (offset >= pipeline.replayUntil) inOneGo(pipeline.advanceLog(logMs));
    const push = made?.push;
    const key = push === undefined ? '' : clientKey(push.tenant, push.client);
    const pending = push === undefined ? undefined : pipeline.prepare(key, push, offset);
    const finish = (): void => {
      if (push !== undefined) pipeline.apply(key, push, offset);
      else if (control !== undefined) pipeline.control(control, offset);
      this.next = offset + 1;
      this.#waiting.push(...(pipeline.judging?.take() ?? []));
    };
    if (pending === undefined) return void finish();
    return pending.then(finish);
  }

  deliver(count = Number.POSITIVE_INFINITY): void {
    for (const one of this.#waiting.splice(0, count)) {
      this.#told.push(one);
      if (!this.#kept.has(one.id)) this.#kept.set(one.id, one);
    }
  }

  /** As Checkpointer does it. */
  async save(seals: boolean): Promise<void> {
    const { pipeline, next } = this;
    const { owesSeal, planSeal, applySeal, encodeCheckpoint } = this.#system;
    pipeline.position = Math.max(pipeline.position, next);
    const due = seals ? [...pipeline.clients.values()].filter(owesSeal) : [];
    const plans = await Promise.all(due.map((client) => planSeal(client, next, this.#store)));
    const after = new Map<ClientState, SealedState>(plans.map((plan) => [plan.client, plan.after]));
    this.deliver();
    let safeOffset = next;
    for (const client of pipeline.clients.values())
      safeOffset = Math.min(safeOffset, client.head.safeOffset(after.get(client)?.sealedThroughMs));
    const state = encodeCheckpoint(pipeline.logMs, pipeline.clients.values(), after, () => [], [], pipeline.judging?.at());
    this.#store.write({ raw: plans.flatMap(({ raw }) => raw), windows: plans.flatMap(({ windows }) => windows) });
    this.#saved = { position: next, safeOffset, state };
    for (const plan of plans) applySeal(plan);
    inOneGo(pipeline.saved());
  }

  /** What was not delivered is gone; the next life goes on from the last checkpoint. */
  crash(): void {
    this.#waiting = [];
    this.pipeline = this.#born();
    this.next = this.#saved?.safeOffset ?? 0;
    if (this.#saved === undefined) return;
    const { logMs, clients, alerts } = this.#system.decodeCheckpoint(this.#saved.state);
    this.pipeline.restore(this.#saved.position, logMs, clients, alerts);
  }
}

/** @param chance undefined: one life, without a checkpoint. */
export async function live(
  events: readonly LifeEvent[],
  builtins: readonly RuleSpec[],
  chance: (() => number) | undefined,
  system = JUDGE_SYSTEM,
): Promise<Lived> {
  const lives = new Lives(events, builtins, system);
  let crashes = chance === undefined ? 0 : Math.floor(chance() * 3);
  let backAt = Number.NEGATIVE_INFINITY;
  while (lives.next < events.length) {
    const at = lives.next;
    if ((events[at]?.logMs ?? 0) - (events[at - 1]?.logMs ?? 0) > 2 * TICK_MS) backAt = at;
    const pending = lives.one();
    if (pending !== undefined) await pending;
    if (chance === undefined || lives.next <= lives.pipeline.replayUntil) continue;
    // After an outage of its own a server dies more easily.
    const fate = chance() / (at - backAt < 15 ? 4 : 1);
    if (fate < 0.02) await lives.save(fate < 0.01);
    else if (fate < 0.04 && crashes > 0) {
      crashes -= 1;
      lives.crash();
    } else if (fate < 0.34) lives.deliver(1 + Math.floor(chance() * 3));
  }
  lives.deliver();
  return lives.lived;
}
