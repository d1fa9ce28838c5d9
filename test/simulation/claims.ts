/** What clients know for themselves: which samples they sent, and which of them were acknowledged. */
import type { Push } from '../../src/model/push.ts';
import { MINUTE_MS, windowStart } from '../../src/model/window.ts';

/** A sample as a client sends it. Without `ms` the edge stamps it: its value is then unlike all others of its series. */
export interface ClaimedSample {
  /** Series.key */
  readonly series: string;
  readonly ms: number | undefined;
  readonly ns: number;
  readonly value: number;
}

/** A sample as the API shows it. */
export interface ShownSample {
  readonly client: string;
  readonly series: string;
  readonly ms: number;
  readonly ns: number;
  readonly value: number;
}

interface Claim {
  /** Values that were sent for one (series, time), or for one stamped value. */
  readonly sent: number[];
  acknowledged: number | undefined;
  logged: boolean;
  shown: number;
}

/** The series whose sample i of a minute has the value 4^i: the sum then spells in base 4 how often each was counted. */
export const WEIGHT_SERIES = /^weight/;
export const WEIGHTS_PER_MINUTE = 26;

/** The claims of all clients of one tenant. */
export class Claims {
  readonly #claims = new Map<string, Claim>();
  readonly #report: (violation: string) => void;

  constructor(report: (violation: string) => void) {
    this.#report = report;
  }

  sent(client: string, sample: ClaimedSample): void {
    const key = keyOf(client, sample);
    const claim = this.#claims.get(key);
    if (claim === undefined) this.#claims.set(key, { sent: [sample.value], acknowledged: undefined, logged: false, shown: 0 });
    else if (!claim.sent.includes(sample.value)) claim.sent.push(sample.value);
  }

  /** A push is in the durable log. */
  logged(push: Push): void {
    push.shape.series.forEach(({ key: series }, i) => {
      const at = push.timesMs.length === 1 ? 0 : i;
      const value = push.values[i] as number;
      const stamped = { series, ms: undefined, ns: 0, value };
      const timed = { series, ms: push.timesMs[at] as number, ns: push.timesNs?.[at] ?? 0, value };
      const claim = this.#claims.get(keyOf(push.client, timed)) ?? this.#claims.get(keyOf(push.client, stamped));
      if (claim === undefined) this.#report(`${push.client} ${series} ${timed.ms}: logged and never sent`);
      else claim.logged = true;
    });
  }

  /** The server has answered 202 for this sample: then it has to be durable already, and may never be lost again. */
  acknowledged(client: string, sample: ClaimedSample): void {
    const claim = this.#claims.get(keyOf(client, sample));
    if (claim === undefined) return;
    if (!claim.logged) this.#report(`${keyOf(client, sample)}: acknowledged and not durable`);
    if (claim.acknowledged === undefined || sample.value > claim.acknowledged) claim.acknowledged = sample.value;
  }

  /** Every acknowledged sample is there once, every other at most once, and nothing else. */
  check(shown: readonly ShownSample[]): void {
    for (const claim of this.#claims.values()) claim.shown = 0;
    for (const sample of shown) {
      const { client, value } = sample;
      const claim =
        this.#claims.get(keyOf(client, sample)) ?? this.#claims.get(keyOf(client, { ...sample, ms: undefined, ns: 0 }));
      const key = keyOf(client, sample);
      if (claim === undefined) {
        this.#report(`${key}: shown and never sent`);
        continue;
      }
      claim.shown += 1;
      if (!claim.sent.includes(value)) this.#report(`${key}: value ${value} was never sent`);
      if (claim.acknowledged !== undefined && value < claim.acknowledged)
        this.#report(`${key}: ${value} is below what was acknowledged`);
    }
    for (const [key, { shown: times, acknowledged }] of this.#claims) {
      if (times > 1) this.#report(`${key}: counted ${times} times`);
      if (times === 0 && acknowledged !== undefined) this.#report(`${key}: acknowledged and lost`);
    }
  }

  /** The same, spelled by the sums of the minutes alone. @param sums of the weight series, by `client series start`. */
  checkDigits(sums: ReadonlyMap<string, number>): void {
    const minutes = new Map<string, Map<number, boolean>>();
    for (const [key, { sent, acknowledged }] of this.#claims) {
      const [client = '', series = '', time = ''] = key.split(' ');
      if (!WEIGHT_SERIES.test(series)) continue;
      const minute = `${client} ${series} ${windowStart(Number(time.split('.')[0]), MINUTE_MS)}`;
      const digits = minutes.get(minute) ?? new Map<number, boolean>();
      minutes.set(minute, digits);
      digits.set(Math.round(Math.log2(sent[0] as number) / 2), acknowledged !== undefined);
    }
    for (const [minute, digits] of minutes) this.#checkMinute(minute, digits, sums.get(minute) ?? 0);
    for (const minute of sums.keys()) if (!minutes.has(minute)) this.#report(`${minute}: a window of nothing that was sent`);
  }

  #checkMinute(minute: string, digits: ReadonlyMap<number, boolean>, sum: number): void {
    let rest = sum;
    for (let digit = 0; digit < WEIGHTS_PER_MINUTE; digit++) {
      const times = rest % 4;
      rest = (rest - times) / 4;
      const acknowledged = digits.get(digit);
      const right = acknowledged === undefined ? times === 0 : acknowledged ? times === 1 : times <= 1;
      if (!right) this.#report(`${minute}: sample ${digit} is counted ${times} times in the sum ${sum}`);
    }
    if (rest !== 0) this.#report(`${minute}: the sum ${sum} holds more than was sent`);
  }
}

function keyOf(client: string, { series, ms, ns, value }: ClaimedSample): string {
  return ms === undefined ? `${client} ${series} =${value}` : `${client} ${series} ${ms}.${ns}`;
}
