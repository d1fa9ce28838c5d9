/** The alerts of a partition that are not inactive, and the anomaly models of its series, as a checkpoint keeps them. */
import type { RuleSet, Transition } from '../model/alert.ts';
import { MetricStreamError } from '../model/errors.ts';
import { type ByteReader, ByteWriter, ByteReader as Reader } from '../protocols/bytes.ts';
import type { AnomalyScore } from './compiled-rule.ts';
import type { AlertLife } from './lifecycle.ts';
import type { LabelSet } from './minute-view.ts';

/** An alert that is not inactive. */
export interface LiveAlert {
  readonly rule: string;
  readonly set: LabelSet;
  readonly life: AlertLife;
  /** The transition that brought it where it is: what is told when its rule is gone. */
  last: Transition;
}

/** Learns what is usual for one series. */
export interface SeriesModel {
  score(value: number, atMs: number): AnomalyScore | undefined;
  learn(value: number, atMs: number): void;
  encode(writer: ByteWriter): void;
}

export interface SeriesModels {
  create(): SeriesModel;
  /** @throws corrupt_data */
  decode(reader: ByteReader): SeriesModel;
}

export interface ClientAlerts {
  /** Log time at which it was retired; it stays so until it is seen after that. 0: never. */
  retiredMs: number;
  /** By rule and label set. */
  readonly alerts: Map<string, LiveAlert>;
  /** By series key. */
  readonly models: Map<string, SeriesModel>;
}

export interface JudgeMemory {
  /** By tenant; one that is not there has the built-in rules. */
  readonly rules: Map<string, RuleSet>;
  /** By clientKey. */
  readonly clients: Map<string, ClientAlerts>;
}

/*
 * memory  = version:u8 rules clients                                    version 1
 * rules   = n:varint ( tenant:text set:text ){n}                        set: RuleSet as JSON
 * clients = n:varint ( key:text retired:f64 alerts models ){n}
 * alerts  = n:varint ( alert:text ){n}                                  LiveAlert as JSON: few, and read by people when something is wrong
 * models  = n:varint ( series:text model ){n}
 */
const VERSION = 1;

export function newMemory(): JudgeMemory {
  return { rules: new Map(), clients: new Map() };
}

/** @returns no bytes where there is nothing to keep. */
export function encodeMemory({ rules, clients }: JudgeMemory): Uint8Array {
  if (rules.size === 0 && clients.size === 0) return new Uint8Array(0);
  const writer = new ByteWriter(4096);
  writer.u8(VERSION);
  writer.varint(rules.size);
  for (const [tenant, set] of rules) {
    writer.text(tenant);
    writer.text(JSON.stringify(set));
  }
  writer.varint(clients.size);
  for (const [key, { retiredMs, alerts, models }] of clients) {
    writer.text(key);
    writer.f64(retiredMs);
    writer.varint(alerts.size);
    for (const alert of alerts.values()) writer.text(JSON.stringify(alert));
    writer.varint(models.size);
    for (const [series, model] of models) {
      writer.text(series);
      model.encode(writer);
    }
  }
  return writer.copy();
}

/** @throws corrupt_data | schema_newer */
export function decodeMemory(bytes: Uint8Array, decodeModel: SeriesModels['decode']): JudgeMemory {
  const memory = newMemory();
  if (bytes.length === 0) return memory;
  const reader = new Reader(bytes);
  const version = reader.u8();
  if (version !== VERSION)
    throw new MetricStreamError('schema_newer', `The state of alerts has version ${version}; this reads ${VERSION}.`);
  for (let left = reader.count(2); left > 0; left--) memory.rules.set(reader.text(), parsed(reader.text()) as RuleSet);
  for (let left = reader.count(11); left > 0; left--) {
    const key = reader.text();
    const client: ClientAlerts = { retiredMs: reader.f64(), alerts: new Map(), models: new Map() };
    for (let alerts = reader.count(1); alerts > 0; alerts--) {
      const alert = parsed(reader.text()) as LiveAlert;
      client.alerts.set(alertKey(alert.rule, alert.set), alert);
    }
    for (let models = reader.count(2); models > 0; models--) client.models.set(reader.text(), decodeModel(reader));
    memory.clients.set(key, client);
  }
  if (reader.remaining > 0) throw new MetricStreamError('corrupt_data', 'Bytes stand behind the state of alerts.');
  return memory;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MetricStreamError('corrupt_data', 'The state of an alert is no JSON.', { cause });
  }
}

/** Within a client. */
export function alertKey(rule: string, set: LabelSet): string {
  return `${rule}\0${set.key}`;
}
