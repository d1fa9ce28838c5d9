/** Every bound of the system, with its unit in the name and its reason beside it. */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const LIMITS = {
  // Requests: a body is bounded before and after decompression, so that no client can make us hold more.
  bodyCompressedBytesMax: 1 * MIB,
  bodyBytesMax: 4 * MIB,
  /** Beyond this ratio a compressed body is a bomb; small bodies of zeros may compress better. */
  inflateRatioMax: 100,
  inflateRatioFreeBytes: 64 * KIB,
  headerKeyBytesMax: 4 * KIB,
  requestTimeoutMs: 30 * SECOND_MS,
  idleTimeoutMs: 30 * SECOND_MS,
  /** Room for the slowest append (a disk that stalls) before the client is told to try again. */
  appendTimeoutMs: 10 * SECOND_MS,

  // One push.
  metricsPerPushMax: 1_000,
  metricNameLengthMax: 200,
  labelsMax: 32,
  labelKeyLengthMax: 64,
  labelValueLengthMax: 256,
  unitLengthMax: 32,
  correlationIdLengthMax: 128,
  /** Nesting of JSON is bounded only by the body; these bound what one error answer can hold. */
  rejectionsShownMax: 100,
  /** A record fits in a Kafka message (1 MB by default) with its headers. */
  recordBytesMax: 900 * KIB,
  /** A Durable Object refuses rows over 2 MB. */
  rowBytesMax: 1_900_000,

  // Time.
  sampleAgeMsMax: 24 * HOUR_MS,
  sampleFutureMsMax: 10 * MINUTE_MS,
  /** How far a client's watermark stays behind its greatest sample time. */
  watermarkLagMs: 10 * SECOND_MS,
  /** A silent client's window closes this long after its end, in log time. */
  windowCloseLagMs: 2 * MINUTE_MS,
  /** The owner of a silent partition appends a tick, so that log time moves while windows are open. */
  tickIntervalMs: 15 * SECOND_MS,

  // Rates and cardinality, per tenant unless said otherwise.
  clientRequestsPerSecond: 100,
  tenantRequestsPerSecond: 50_000,
  seriesPerClientMax: 2_000,
  clientsPerTenantMax: 20_000,
  seriesPerTenantMax: 1_000_000,
  /** A series not seen for this long gives its place back. */
  seriesIdleMs: 1 * HOUR_MS,
  /** A client silent for this long is forgotten by memory and checkpoint; its stored data stay. */
  clientForgetMs: 8 * DAY_MS,

  // Shard, log and checkpoint.
  partitions: 12,
  lingerMs: 2,
  appendBatchRecordsMax: 1_000,
  appendBatchBytesMax: 1 * MIB,
  /** Appends that wait for a commit; more are told to come back. */
  appendQueueBytesMax: 64 * MIB,
  /** Records that stay in memory between commit and consumer; beyond it the consumer reads the log. */
  tailBytesMax: 32 * MIB,
  logRetentionMs: 24 * HOUR_MS,
  logBytesMax: 4 * 1024 * MIB,
  readBatchBytesMax: 4 * MIB,
  checkpointIntervalMs: 15 * SECOND_MS,
  checkpointPartBytesMax: 256 * KIB,
  checkpointClientsMax: 1_000_000,
  /** How long the consumer works before it lets requests in. */
  sliceMs: 4,
  bootsPerClient: 4,
  sequencesPerBoot: 256,
  contentHashesPerBoot: 16,
  bootIdLengthMax: 64,
  sequenceMax: Number.MAX_SAFE_INTEGER,
  skewMsMax: 10 * 365 * DAY_MS,

  // Heads: samples not yet sealed.
  sealIntervalMs: 10 * MINUTE_MS,
  headBytesMax: 96 * MIB,
  clientHeadBytesMax: 256 * KIB,
  /** A raw block covers at most this much event time, so that a read knows where to start. */
  rawBlockSpanMs: 1 * HOUR_MS,
  /** Shapes (lists of series of a push) that are kept interned. */
  shapesMax: 20_000,
  shapeBytesMax: 32 * MIB,

  // Store.
  rawRetentionMs: 7 * DAY_MS,
  minuteRetentionMs: 90 * DAY_MS,
  hourRetentionMs: 365 * DAY_MS,
  retentionIntervalMs: 1 * MINUTE_MS,
  retentionRowsPerRun: 2_000,
  freeBytesMin: 1024 * MIB,
  freeRatioMin: 0.05,
  freeCheckIntervalMs: 5 * SECOND_MS,

  // Reading.
  pointsMax: 100_000,
  /** Columns are cheap to hold and to send: their bound is higher, and so is CSV's, which streams. */
  columnPointsMax: 2_000_000,
  queryTimeoutMs: 30 * SECOND_MS,
  queriesConcurrentMax: 16,
  liveClientsMax: 200,
  liveIntervalMs: 500,
  liveQueueBytesMax: 1 * MIB,

  // Keys.
  keyCacheMax: 50_000,
  sessionMs: 12 * HOUR_MS,
  secretBytesMin: 32,
  revocationsMax: 100_000,
  revocationRefreshMs: 2 * SECOND_MS,

  // Agent.
  agentIntervalMs: 10 * SECOND_MS,
  agentIntervalMsMin: 1 * SECOND_MS,
  agentSpoolMs: 5 * MINUTE_MS,
  agentSpoolMsMax: 24 * HOUR_MS,
  agentSpoolBytesMax: 64 * MIB,
  agentPushesPerSecond: 10,
  agentTimeoutMs: 10 * SECOND_MS,
  agentBackoffMs: [1_000, 2_000, 4_000, 8_000, 16_000],
  agentBackoffJitter: 0.2,
  agentBreakerFailures: 5,
  agentRetryAfterMsMax: 5 * MINUTE_MS,

  // Process.
  shutdownMs: 10 * SECOND_MS,
} as const;
