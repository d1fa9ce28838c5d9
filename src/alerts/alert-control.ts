/** The control role of alerting: keeps transitions, makes incidents of them, sends pages, and answers what people ask. One in a system. */
import type { AlertControl as ControlRecord, Transition } from '../model/alert.ts';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import type { Channel } from '../model/incident.ts';
import type { AlertPorts } from '../ports/alert-service.ts';
import type { Clock } from '../ports/clock.ts';
import type { DocumentStore } from '../ports/document-store.ts';
import type { MetricReader } from '../ports/metric-reader.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { TransitionSink } from '../ports/transition-sink.ts';
import { alertBook, auditWrite } from './book.ts';
import { channelOpener } from './book-channel.ts';
import { putCanaries } from './canary.ts';
import { type Deliverer, deliverer } from './deliver.ts';
import { incidentDesk } from './desk.ts';
import { type HostCounts, hostCounts } from './host-counts.ts';
import { type Incidents, incidents } from './incidents.ts';
import { channelNotifiers, channelProblems, type NotifierOptions } from './notifiers/registry.ts';
import { type RulePublisher, rulePublisher } from './rule-publisher.ts';
import type { SecretBox } from './secret-box.ts';
import { checkRules, ruleTrial } from './trial.ts';

export interface AlertControlOptions {
  readonly store: DocumentStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** As Math.random. */
  readonly random: () => number;
  readonly reader: MetricReader;
  readonly notify: Omit<NotifierOptions, 'nowMs'>;
  readonly box: SecretBox;
  /** Tells every partition; resolves when that is durable. Told twice is told once. */
  publish(control: ControlRecord): Promise<void>;
  /** Where an incident can be looked at; undefined where nobody said where that is. */
  link(incident: string): string | undefined;
  /** An empty store, for a trial. */
  scratch(): DocumentStore;
}

export class AlertControl implements TransitionSink {
  readonly ports: AlertPorts;
  readonly #options: AlertControlOptions;
  readonly #incidents: Incidents;
  readonly #deliverer: Deliverer;
  readonly #publisher: RulePublisher;
  readonly #hosts: HostCounts;
  #canaryMs = 0;
  #cancel: (() => void) | undefined;
  #timed = false;

  constructor(options: AlertControlOptions) {
    const { store, clock, reader, telemetry, random, box } = options;
    this.#options = options;
    const notify = { ...options.notify, nowMs: () => clock.nowMs() };
    this.#hosts = hostCounts(reader, clock);
    this.#incidents = incidents({
      store,
      hostCount: (tenant) => this.#hosts.of(tenant),
      link: (_, incident) => options.link(incident),
      added: (notifications) => this.#deliverer.added(notifications),
    });
    this.#publisher = rulePublisher(options);
    this.#deliverer = deliverer({
      store,
      clock,
      telemetry,
      random,
      notifiers: channelNotifiers(notify),
      openChannel: channelOpener({ store, box }),
      done: (id, ok, detail, nowMs) => this.#incidents.delivered(id, ok, detail, nowMs),
    });
    this.ports = this.#makePorts(notify);
  }

  #makePorts(notify: NotifierOptions): AlertPorts {
    const { store, clock, box } = this.#options;
    const nowMs = (): number => clock.nowMs();
    const book = alertBook({
      store,
      box,
      nowMs,
      checkChannel: (channel) => channelProblems(channel, notify),
      checkRules: (text) => {
        const { rules, problems } = checkRules(text);
        return problems.length > 0 ? problems : rules;
      },
      rulesChanged: (tenant) => {
        this.#publisher.changed(tenant);
        this.#soon();
      },
      changed: (tenant) => {
        this.#incidents.changed(tenant);
        this.#canaryMs = 0;
        this.#soon();
      },
    });
    const { alerts, ...desk } = incidentDesk({ store, incidents: this.#incidents, nowMs });
    const act: typeof desk.act = async (...args) => {
      const incident = await desk.act(...args);
      this.#soon();
      return incident;
    };
    const trial = ruleTrial({ ...this.#options, hosts: this.#hosts, publisher: this.#publisher });
    const testChannel = (tenant: string, channel: string) => this.#deliverer.testChannel(tenant, channel);
    const retire = async (tenant: string, client: string, actor: string): Promise<void> => {
      store.commit([auditWrite(store, tenant, { atMs: nowMs(), actor, action: 'retire', kind: 'client', id: client })]);
      await this.#options.publish({ kind: 'retired', tenant, client });
    };
    return { book, desk: { ...desk, act }, trial: { ...trial, alerts, testChannel }, fleet: { retire } };
  }

  async deliver(transitions: readonly Transition[]): Promise<void> {
    // Against how many hosts there are it is judged whether many fell silent. Nobody waits for the count: who delivers may be whom it asks.
    void this.#hosts.refresh(new Set(transitions.map(({ tenant }) => tenant)));
    this.#incidents.apply(transitions, this.#options.clock.nowMs());
    this.#soon();
  }

  /** @param timed whether it goes on by itself; else its host calls `run` at `nextDueMs`. */
  start(timed = true): void {
    this.#timed = timed;
    this.#deliverer.start();
    this.#soon();
  }

  async stop(): Promise<void> {
    this.#timed = false;
    this.#cancel?.();
    this.#cancel = undefined;
    await this.#deliverer.stop();
  }

  /** When `run` has something to do, Unix ms; Infinity: when something is told or changed. */
  nextDueMs(): number {
    const nowMs = this.#options.clock.nowMs();
    const dues = [this.#incidents.nextDueMs(nowMs), this.#publisher.nextDueMs(), this.#deliverer.nextMs()];
    return Math.min(this.#canaryMs, ...dues.map((dueMs) => dueMs ?? Number.POSITIVE_INFINITY));
  }

  /** Does what is due. Never rejects; what fails is tried again. Resolves when nothing of it is under way. */
  async run(): Promise<void> {
    try {
      this.#turn();
      await Promise.all([this.#publisher.run(), this.#deliverer.settled()]);
    } catch (error) {
      this.#failed(error);
    }
  }

  #turn(): void {
    const nowMs = this.#options.clock.nowMs();
    this.#incidents.run(nowMs);
    if (nowMs >= this.#canaryMs) {
      const { added, nextMs } = putCanaries(this.#options, this.#channels(), nowMs);
      this.#canaryMs = nextMs ?? Number.POSITIVE_INFINITY;
      this.#deliverer.added(added);
    }
  }

  /** Something was told or changed: what is due of it is done at once, and the rest in its time. */
  #soon(): void {
    try {
      this.#turn();
    } catch (error) {
      this.#failed(error);
    }
    void this.#publisher.run().then(() => this.#arm());
    this.#arm();
  }

  #arm(): void {
    if (!this.#timed) return;
    const { clock } = this.#options;
    this.#cancel?.();
    // The deliverer has a timer of its own.
    const dueMs = this.nextDueMs();
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.min(Math.max(dueMs - clock.nowMs(), ALERT_LIMITS.controlGapMs), ALERT_LIMITS.controlGapMsMax);
    this.#cancel = clock.schedule(delayMs, () => this.#soon());
  }

  #channels(): { readonly tenant: string; readonly channel: Channel }[] {
    const documents = this.#options.store.list({ tenant: undefined, kind: 'channel', max: ALERT_LIMITS.canaryChannelsMax });
    return documents.map(({ tenant, id, body }) => ({ tenant, channel: { ...(JSON.parse(body) as Channel), id } }));
  }

  #failed(error: unknown): void {
    const { telemetry } = this.#options;
    telemetry.count('metricstream_alert_control_failures_total');
    telemetry.log('error', 'alerting could not do what was due; it will try again', { error: String(error) });
  }
}
