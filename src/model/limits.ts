/** Every bound of the system, with its unit in the name and its reason beside it; those of services stand on a sheet of their own. */
import { SERVICE_LIMITS } from './service-limits.ts';

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
  /** What zlib makes at once, and may make beyond a bound: workerd refuses what fits but leaves no room for one more step of 40 KiB. */
  inflateStepBytes: 64 * KIB,
  headerKeyBytesMax: 4 * KIB,
  requestTimeoutMs: 30 * SECOND_MS,
  idleTimeoutMs: 30 * SECOND_MS,
  /** Room for the slowest append (a disk that stalls, a broker that is replaced); before agentTimeoutMs, so that agents hear when to come again. */
  appendTimeoutMs: 7 * SECOND_MS,
  /** Calls under way from an edge to one shard, and how long what comes then waits for one of them to end: an object may take a second for a call. */
  shardCallsMax: 2,
  shardCallWaitMs: 100,
  shardCallPushesMax: 256,
  /** An isolate has 128 MB for all that it does. */
  shardWaitingBytesMax: 8 * MIB,

  // One push.
  metricsPerPushMax: 1_000,
  /** As CLIENT_PATTERN says. */
  clientIdLengthMax: 128,
  /** So many bodies in a row that are written in another way have the template of a shape made anew: two agents that alternate keep one. */
  templateMissesMax: 16,
  metricNameLengthMax: 200,
  labelsMax: 32,
  labelKeyLengthMax: 64,
  labelValueLengthMax: 256,
  unitLengthMax: 32,
  /** Of a key, and of a row of the table of enrichments: both together leave half of the labels to the sample. */
  tagsMax: 8,
  /** A key is a header and a session's cookie holds its claims: base64 and JSON make up to three times as much of it. */
  tagsBytesMax: 1 * KIB,
  correlationIdLengthMax: 128,
  datacenterLengthMax: 64,
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
  objectTickIntervalMs: 1 * MINUTE_MS,

  // Rates and cardinality, per tenant unless said otherwise.
  limitWindowMs: 1 * SECOND_MS,
  /** Grain of the tenant's window: a time per admission would be too much at 50,000 a second. */
  limitBucketMs: 10,
  clientRequestsPerSecond: 100,
  tenantRequestsPerSecond: 50_000,
  seriesPerClientMax: 2_000,
  clientsPerTenantMax: 20_000,
  seriesPerTenantMax: 1_000_000,
  /** Clients of a tenant that memory keeps, silent ones included: a key that makes names up cannot fill it. */
  clientStatesPerTenantMax: 100_000,
  /** Beyond so many a client is forgotten as soon as nothing of it is owed and its places are given back. */
  clientStatesCrowded: 50_000,
  /** A series not seen for this long gives its place back. */
  seriesIdleMs: 1 * HOUR_MS,
  /** How often places are given back: it walks over all clients. */
  sweepIntervalMs: 1 * MINUTE_MS,
  /** A client silent for this long is forgotten by memory and checkpoint; its stored data stay. */
  clientForgetMs: 8 * DAY_MS,
  /** Clients whose place at the edge a shard remembers, 2 MB; beyond it all are forgotten, and the next pushes tell them again. */
  edgePlacesMax: 20_000,

  // Shard, log and checkpoint.
  /** How often a shard looks at what the clock makes due. */
  maintenanceIntervalMs: 1 * SECOND_MS,
  /** What a client is told to wait while the server is busy, stopping or catching up. */
  retryMs: 1 * SECOND_MS,
  partitions: 12,
  /** Of a Durable Object, whose commits are billed: how long one waits, by how many pushes a second came lately. */
  lingerQuietMs: 50,
  lingerBusyMs: 1 * SECOND_MS,
  lingerQuietRate: 1,
  lingerBusyRate: 20,
  /** The rate is a mean over about so long: a burst is not taken for a busy shard, nor a pause for a quiet one. */
  lingerMeanMs: 5 * SECOND_MS,
  /** How long a commit waits for more pushes: a ms doubles what a busy server commits together. */
  lingerMs: 1,
  /** So many are enough for a commit: who pushes in step with others would else wait, with the disk idle, and then the processor. */
  commitRecords: 24,
  /** A commit of fewer is synced in the thread, where few wait for it. */
  syncAheadRecords: 16,
  /** Smaller batches cost SQLite no less when they are compressed, and large ones come where every µs counts. */
  compressFromBytes: 64 * KIB,
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
  objectCheckpointIntervalMs: 5 * MINUTE_MS,
  /** A silent partition is checkpointed after so many records of others: they are what a restart reads in vain. */
  idleRecordsMax: 20_000,
  checkpointPartBytesMax: 256 * KIB,
  /** Lists of series of one client that a checkpoint keeps apart; hosts have one or two, and beyond it they are kept as one. */
  checkpointShapesPerClient: 8,
  /** Of a partition: ten times what 10,000 hosts take whose 50 series each differ from all others'. What is beyond is counted again when it comes. */
  checkpointShapeBytesMax: 8 * MIB,
  /** A server that is further behind is not ready. */
  readyLagRecordsMax: 10_000,
  /** How long the consumer works before it lets requests in. */
  sliceMs: 4,
  /** Where the clock stands still while code runs, as on Workers, the count ends a slice. */
  sliceRecordsMax: 1_000,
  /** One run of a shard that sleeps between alarms: Cloudflare ends one after 30 s of CPU, and other calls wait meanwhile. */
  wakeMs: 20 * SECOND_MS,
  wakeRoundsMax: 20,
  /** Alarms come no closer together: each is billed. */
  wakeGapMs: 1 * SECOND_MS,
  /** A page of a read from afar: about 4 MB, far below the 32 MiB of a message. */
  readPagePointsMax: 50_000,
  readPageClientsMax: 500,
  bootsPerClient: 4,
  sequencesPerBoot: 256,
  contentHashesPerBoot: 16,
  sequenceMax: Number.MAX_SAFE_INTEGER,
  skewMsMax: 10 * 365 * DAY_MS,

  // Heads: samples not yet sealed.
  sealIntervalMs: 10 * MINUTE_MS,
  headBytesMax: 96 * MIB,
  /** An isolate has 128 MB for the object, its code, and everything else that runs in it. */
  objectHeadBytesMax: 40_000_000,
  /** What Cloudflare keeps of one object. */
  objectStorageBytesMax: 10_000_000_000,
  objectLogRetentionMs: 2 * HOUR_MS,
  objectLogBytesMax: 2_000_000_000,
  clientHeadBytesMax: 256 * KIB,
  /** Samples that one commit seals: it bounds the pause that appends feel. */
  sealSamplesPerCommit: 40_000,
  /** A raw block covers at most this much event time, so that a read knows where to start. */
  rawBlockSpanMs: 1 * HOUR_MS,
  /** Samples or windows of one stored block, and its bytes before compression: what a damaged one can make a reader hold. */
  blockPointsMax: 262_144,
  blockBytesMax: 4 * MIB,
  /** Shapes (lists of series of a push) that are kept interned. */
  shapesMax: 20_000,
  shapeBytesMax: 32 * MIB,

  // Store.
  /** A row of windows that would grow beyond it is followed by another: it bounds what one more block writes again. */
  windowRowBytes: 64 * KIB,
  rawRetentionMs: 7 * DAY_MS,
  /** Samples are refused this long before retention would take them. */
  retentionMarginMs: 1 * DAY_MS,
  minuteRetentionMs: 90 * DAY_MS,
  hourRetentionMs: 365 * DAY_MS,
  retentionIntervalMs: 1 * MINUTE_MS,
  objectRetentionIntervalMs: 1 * HOUR_MS,
  retentionRowsPerRun: 2_000,
  /** Pages given back to the file system at a time. */
  reclaimPagesPerRun: 2_000,
  freeBytesMin: 1024 * MIB,
  freeRatioMin: 0.05,
  freeCheckIntervalMs: 5 * SECOND_MS,

  // Reading.
  /** Clients that the store is asked to name in one go: a seek or two each, 2 to 4 ms for all where 10,000 hosts are stored. */
  storedClientsPerRead: 250,
  pointsMax: 100_000,
  /** Columns are cheap to hold and to send: their bound is higher, and so is CSV's, which streams. */
  columnPointsMax: 2_000_000,
  queryTimeoutMs: 30 * SECOND_MS,
  queriesConcurrentMax: 16,
  liveClientsMax: 200,
  liveIntervalMs: 500,
  /** Metrics that one listener may name; more than any page draws of every host. */
  liveMetricsMax: 100,
  liveQueueBytesMax: 1 * MIB,
  /** Half of the idle time after which servers and proxies cut a connection. */
  liveHeartbeatMs: 15 * SECOND_MS,
  /** Between Durable Objects each call is billed, and one keeps both awake. */
  objectLiveIntervalMs: 2 * SECOND_MS,
  /** Clients in one call from shard to control, and so in one message to a page: 50 series of each stay under liveQueueBytesMax. */
  objectLiveClientsMax: 250,
  /** Calls of a shard to control that wait: what changes beyond them, the page is told with the next change. */
  objectLiveCallsMax: 16,
  /** How long a shard takes it for true that someone watches; control says so again twice in that time. */
  objectLiveWatchMs: 1 * MINUTE_MS,
  objectLiveAnswerMs: 10 * SECOND_MS,
  /** A page answers each message and sends a beat: one that was silent for four beats is gone. */
  objectLiveSilenceMs: 1 * MINUTE_MS,
  /** Names of metrics that hang at a hibernating WebSocket: Cloudflare keeps 16,384 bytes there. */
  objectLiveFilterBytesMax: 12_000,
  /** No retention is longer: `start=0` asks for everything, and no reader has to look further back, or ahead. */
  queryBackMsMax: 3_660 * DAY_MS,
  queryAheadMsMax: 1 * DAY_MS,
  /** A streamed answer is cut then, however steadily it is fetched: it holds a place among queriesConcurrentMax. */
  streamTimeoutMs: 10 * MINUTE_MS,
  /** How long a query's answer is built before requests are let in. */
  querySliceMs: 4,

  // Page: what a browser is asked to read, hold and draw.
  pagePollMs: 10 * SECOND_MS,
  /** Of one file; the script with all that it imports is a hundredth of it. */
  pageBytesMax: 16 * MIB,
  /** A large fleet is listed less often: 10,000 hosts every 100 s. */
  pagePollMsPerHost: 10,
  /** Three pushes of 10 s missed; two minutes are when windows close without the host. */
  pageStaleMs: 30 * SECOND_MS,
  pageSilentMs: 2 * MINUTE_MS,
  pageLiveSpanMs: 10 * MINUTE_MS,
  /** A host that has just begun fills its charts from here on. */
  pageLiveSpanMsMin: 2 * MINUTE_MS,
  /** Stretches up to this show samples, longer ones windows. */
  pageSamplesSpanMs: 15 * MINUTE_MS,
  /** About one point for each pixel that a line has on a phone, or for two on a desk. */
  pagePointsMax: 500,
  /** More lines than this cannot be told apart. */
  pageSeriesPerChartMax: 12,
  pageChartsMax: 60,
  pageSparkMinutes: 60,
  pageSparkMinutesMin: 10,
  /** Beyond this, sparklines start empty and fill from the live feed: one answer stays near 60,000 windows. */
  pageSparkHostsMax: 1_000,
  /** Up to here every host gets a large card, beyond it a row. */
  pageCardHostsMax: 12,
  /** Sparklines are read again at this age: the live feed alone drifts from what is stored. */
  pageHistoryAgeMs: 5 * MINUTE_MS,
  /** How many coarser steps are tried for an answer that was too large. */
  pageCoarserStepsMax: 4,
  /** A clock of a host that is off by less is not worth a word. */
  pageSkewMs: 1 * SECOND_MS,
  /** How long a notice stands: longer than people need to read it. */
  pageNoticeMs: 8 * SECOND_MS,
  /** A stretch drawn with the mouse is at least this long. */
  pageZoomMsMin: 1 * MINUTE_MS,
  /** How long the page waits before it opens a refused live feed again. */
  pageReopenMs: 5 * SECOND_MS,

  // Keys.
  keyCacheMax: 50_000,
  /** Beyond it an address is told to wait, so that a misconfigured agent does not hammer. */
  authFailuresPerMinute: 10,
  authAddressesMax: 10_000,
  /** Clients that are known to be over their limit; they are refused without asking the log. */
  blockedClientsMax: 10_000,
  sessionMs: 12 * HOUR_MS,
  secretBytesMin: 32,
  revocationsMax: 100_000,
  /** How old an edge's list of revoked keys may be before it asks control: well under the 5 s that a revocation may take. */
  revocationRefreshMs: 3 * SECOND_MS,
  revocationAskMs: 1 * SECOND_MS,
  /** A revocation takes no longer. */
  revocationMs: 5 * SECOND_MS,
  /** While control cannot be reached, the list is good for so long. */
  revocationStaleMs: 1 * MINUTE_MS,
  /** Shards that one run of cron wakes; more take turns. Cloudflare allows 50 calls a request on the free plan. */
  cronShardsMax: 40,
  revocationOverlapMs: 1 * MINUTE_MS,
  /** Of sessions signed out of, which are forgotten when they have expired: whoever has a key can make as many, and the rest is for keys. */
  sessionRevocationsMax: 50_000,
  /** How long they are kept beyond that: a clock that is set back by less brings none back. */
  revocationMarginMs: 1 * HOUR_MS,

  // Enrichment.
  /** Of one tenant: as many as it may have clients. */
  enrichmentRowsMax: 20_000,
  /** Of one tenant's table: it is one record in Kafka, one row in SQLite. */
  enrichmentTableBytesMax: 900 * KIB,
  /** Of all tenants: every edge holds them, and an isolate has 128 MB. */
  enrichmentsBytesMax: 8 * MIB,
  /** How old an edge's tables may be before it asks control, and the time that an answer has. */
  enrichmentRefreshMs: 10 * SECOND_MS,
  enrichmentAskMs: 1 * SECOND_MS,
  /** A change shows no later. */
  enrichmentMs: 30 * SECOND_MS,
  /** While control cannot be reached, the tables are good for so long. */
  enrichmentStaleMs: 1 * MINUTE_MS,
  /** A change without If-Match that another overtakes is made again so often. */
  enrichmentTriesMax: 5,

  // Agent.
  agentIntervalMs: 10 * SECOND_MS,
  agentIntervalMsMin: 1 * SECOND_MS,
  /** Far below 2^31 ms, beyond which timers fire at once. */
  agentIntervalMsMax: 1 * HOUR_MS,
  agentSpoolMs: 5 * MINUTE_MS,
  agentSpoolMsMax: 24 * HOUR_MS,
  agentSpoolBytesMax: 64 * MIB,
  agentPushesPerSecond: 10,
  agentTimeoutMs: 10 * SECOND_MS,
  agentBackoffMs: [1_000, 2_000, 4_000, 8_000, 16_000],
  agentBackoffJitter: 0.2,
  agentBreakerFailures: 5,
  agentRetryAfterMsMax: 5 * MINUTE_MS,
  /** Over a shorter span one tick of the CPU clock (10 ms) is more than 2 % of a core. */
  agentRateSpanMsMin: SECOND_MS / 2,
  /** Of an answer only the first words are logged; the rest of it is not worth reading. */
  agentAnswerBytesMax: 16 * KIB,
  /** The last try when the agent is told to stop. */
  agentStopMs: 2 * SECOND_MS,

  // Process.
  shutdownMs: 10 * SECOND_MS,
  /** Of two servers that start at once on one directory the first has to see the other step back, or neither would run. */
  directoryLockWaitMs: SECOND_MS / 2,
  /** How often a server that stops looks for connections that have nothing more to do. */
  closeIdleMs: 50,
  /** One call of wrangler by `metricstream cloudflare setup`: it talks to Cloudflare's API a few times. */
  setupTimeoutMs: 2 * MINUTE_MS,

  ...SERVICE_LIMITS,
} as const;
