/** The topics of a production profile: what they are called, and how they are made. */

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Settings of the topic, by Kafka's names. */
  readonly configs: Readonly<Record<string, string>>;
}

/** @param prefix put before every name, so that several systems share one cluster. */
export function topicNames(prefix: string) {
  return {
    /** Pushes and ticks, one record each; partitioned by client. */
    raw: `${prefix}metrics-raw`,
    /** The state of each partition's consumer, in the partition of the same number. */
    checkpoints: `${prefix}metricstream-checkpoints`,
    /** Keys and sessions that were revoked: all servers follow it. */
    revocations: `${prefix}metricstream-revocations`,
    /** Transitions of alerts, on their way to the server that keeps incidents; partitioned by client. */
    transitions: `${prefix}metricstream-transitions`,
    /** What the edge adds to pushes, a table for each tenant: all servers follow it. */
    enrichments: `${prefix}metricstream-enrichments`,
    /** What could be neither read nor stored, with the reason in a header. */
    deadLetter: `${prefix}metrics-dead-letter`,
  } as const;
}

/** @param brokers there are: three keep three copies, and acknowledge with two. */
export function topicSpecs(prefix: string, partitions: number, brokers: number): readonly TopicSpec[] {
  const names = topicNames(prefix);
  const insync = { 'min.insync.replicas': brokers >= 3 ? '2' : '1' };
  return [
    {
      name: names.raw,
      partitions,
      configs: { ...insync, 'retention.ms': '86400000', 'compression.type': 'lz4', 'message.timestamp.type': 'LogAppendTime' },
    },
    {
      name: names.checkpoints,
      partitions,
      // Small segments are compacted soon: a start reads the whole partition.
      configs: {
        ...insync,
        'cleanup.policy': 'compact',
        'segment.bytes': '16777216',
        'min.cleanable.dirty.ratio': '0.1',
        'segment.ms': '600000',
      },
    },
    { name: names.revocations, partitions: 1, configs: { ...insync, 'cleanup.policy': 'compact' } },
    { name: names.transitions, partitions, configs: { ...insync, 'retention.ms': '604800000' } },
    { name: names.enrichments, partitions: 1, configs: { ...insync, 'cleanup.policy': 'compact' } },
    { name: names.deadLetter, partitions, configs: { ...insync, 'retention.ms': '604800000' } },
  ];
}
