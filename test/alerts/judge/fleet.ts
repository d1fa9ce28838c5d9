/** Hosts with agents that spool, before a real shard that judges by the built-in rules, under a clock that the test moves. */
import { newJudge } from '../../../src/alerts/new-judge.ts';
import type { Transition } from '../../../src/model/alert.ts';
import { MINUTE_MS } from '../../../src/model/window.ts';
import type { AlertJudge, JudgeState } from '../../../src/ports/alert-judge.ts';
import type { WindowSink } from '../../../src/ports/window-sink.ts';
import { finish, type Lab, type LabOptions, openLab } from '../../consumers/lab.ts';
import { pushOf, type Sample } from '../../consumers/shapes.ts';

export const STEP_MS = 10_000;
const SECOND_MS = 1_000;
const SENDS_PER_SECOND = 10;

export interface JudgedLab extends Lab {
  /** What a sink that knows ids has kept, in order. */
  readonly kept: Map<string, Transition>;
  /** Everything it was told. */
  readonly told: Transition[];
  /** While it is, the sink takes nothing. */
  away: boolean;
}

export async function openJudged(
  options: LabOptions & { readonly judge?: () => AlertJudge & JudgeState; readonly sink?: WindowSink } = {},
): Promise<JudgedLab> {
  const kept = new Map<string, Transition>();
  const told: Transition[] = [];
  const transitions = {
    deliver: async (some: readonly Transition[]): Promise<void> => {
      if (lab.away) throw new Error('the sink is away');
      for (const one of some) {
        told.push(one);
        if (!kept.has(one.id)) kept.set(one.id, one);
      }
    },
  };
  const wired = { judge: newJudge, ...options, transitions };
  const lab: JudgedLab = Object.assign(await openLab(wired), { kept, told, away: false });
  return lab;
}

export interface Host {
  readonly name: string;
  /** What it measures at a time since the start; undefined: it is off. */
  readonly samples: (sinceMs: number) => Readonly<Record<string, number>> | undefined;
  /** Whether a push that it makes reaches anybody. */
  readonly arrives?: (sequence: number) => boolean;
  /** How much it spools, ms. */
  readonly spoolMs?: number;
}

interface Spooled {
  readonly sequence: number;
  readonly samples: Sample[];
}

/** Each host makes a push every 10 s at its own second, and sends oldest first what waits. */
export class Fleet {
  readonly #lab: JudgedLab;
  readonly #startMs: number;
  readonly #agents: { readonly host: Host; readonly spool: Spooled[]; sequence: number; wakeMs: number }[];

  constructor(lab: JudgedLab, hosts: readonly Host[]) {
    this.#lab = lab;
    this.#startMs = lab.clock.nowMs();
    this.#agents = hosts.map((host) => ({ host, spool: [], sequence: 0, wakeMs: 0 }));
  }

  #sinceMs(): number {
    return this.#lab.clock.nowMs() - this.#startMs;
  }

  /** Lives until this minute since the start. */
  async until(minute: number): Promise<void> {
    while (this.#sinceMs() < minute * MINUTE_MS) {
      const sinceMs = this.#sinceMs();
      this.#make(sinceMs);
      await this.#send(sinceMs);
      await this.#lab.clock.advance(SECOND_MS);
    }
  }

  /** The server is down until this minute; agents go on, and come back one after the other. @param stops as SIGTERM does, else as SIGKILL. */
  async downUntil(minute: number, stops: boolean): Promise<void> {
    const { clock } = this.#lab;
    if (stops) await finish(clock, this.#lab.shard.stop());
    while (this.#sinceMs() < minute * MINUTE_MS) {
      this.#make(this.#sinceMs());
      clock.step(SECOND_MS);
    }
    await this.#lab.crash();
    this.#agents.forEach((agent, i) => {
      agent.wakeMs = this.#sinceMs() + ((i * 370) % 40_000);
    });
  }

  #make(sinceMs: number): void {
    this.#agents.forEach((agent, i) => {
      const { host, spool } = agent;
      if ((sinceMs + (i % 10) * SECOND_MS) % STEP_MS !== 0) return;
      const measured = host.samples(sinceMs);
      if (measured === undefined) return;
      const sequence = agent.sequence++;
      if (host.arrives?.(sequence) === false) return;
      spool.push({ sequence, samples: Object.entries(measured).map(([name, value]) => [name, this.#startMs + sinceMs, value]) });
      if (spool.length * STEP_MS > (host.spoolMs ?? Number.POSITIVE_INFINITY)) spool.shift();
    });
  }

  async #send(sinceMs: number): Promise<void> {
    const { clock, shapes, shard } = this.#lab;
    const pushes = this.#agents
      .filter(({ host, wakeMs }) => sinceMs >= wakeMs && host.samples(sinceMs) !== undefined)
      .flatMap(({ host, spool }) => spool.splice(0, SENDS_PER_SECOND).map((one) => ({ host, ...one })))
      .map(({ host, sequence, samples }) => {
        const pushId = { boot: host.name, sequence, previous: undefined };
        const times = { arrivalMs: clock.nowMs(), sentMs: clock.nowMs() };
        return pushOf(shapes, samples, { ...times, client: host.name, pushId, contentHash: sequence });
      });
    if (pushes.length > 0) await finish(clock, Promise.all(pushes.map((push) => shard.append(push, 1e6))));
  }
}
