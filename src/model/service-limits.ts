/** The second sheet of the limits: Kafka, InfluxDB, Redis and the gateway. All read them as LIMITS. */

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

export const SERVICE_LIMITS = {
  // Kafka: what its readers hold, and whose a partition is.
  kafkaFetchBytesMax: 8 * MIB,
  kafkaPartitionFetchBytesMax: 1 * MIB,
  /** A poll that finds nothing; a partition that is opened meanwhile waits for its end. */
  kafkaFetchWaitMs: SECOND_MS / 2,
  /** Fetched of a partition and not taken yet: beyond it the partition is not fetched. */
  partitionBufferBytesMax: 8 * MIB,
  /** An owner that is silent for so long loses its partitions. It stops writing at half of it. */
  sessionTimeoutMs: 10 * SECOND_MS,
  heartbeatsPerSession: 10,
  /** What an owner that is told to stop still takes and saves: a part of shutdownMs. */
  ownerStopMs: 4 * SECOND_MS,
  /** How long those that stay wait for one that is to give something up. */
  rebalanceMs: 10 * SECOND_MS,
  /** Below this share of its limit at one edge a client is not asked about at the limiter that all edges share. */
  sharedLimitFromShare: 0.5,
  /** A part of the second from push to page: past it the push goes on without the answer. */
  limiterTimeoutMs: 250,
  /** Calls that wait for an answer; more go on without one. */
  limiterCallsMax: 1_000,
  /** Different limits that are held, and clients over one of them that are remembered so as not to ask again. */
  limiterLimitsMax: 100,
  limiterBlockedMax: 10_000,
  limiterTellMs: 10 * SECOND_MS,

  // A store that takes points: one batch of a partition at a time.
  storeBatchPointsMax: 5_000,
  /** How long a batch waits for more: a part of the second from push to page. */
  storeLingerMs: 20,
  /** How long a list of a tenant's clients serves, by which it is known who is new; and of how many tenants there is one. */
  knownClientsMs: 1 * MINUTE_MS,
  knownClientListsMax: 100,
  /** How long it serves what the checkpoints of other owners say of their clients; each is written every 15 s. */
  elsewhereAgeMs: 5 * SECOND_MS,
  /** Clients of a query that are read at once. */
  readsAheadMax: 8,
  /** Clients of a partition whose minutes are read back at once. */
  readBacksConcurrentMax: 8,
  storeRetryMs: 250,
  storeRetryMsMax: 10 * SECOND_MS,
  /** Points of a partition that the store has not confirmed: beyond it the partition is not read on. */
  sinkPointsWaitingMax: 50_000,

  // Kafka: what its producer holds and how long it tries.
  /** Longer than Kafka takes to replace a broker that died: 9 s by default, and a second or two to notice. */
  produceTimeoutMs: 15 * SECOND_MS,
  /** How long a broker waits for its replicas, and a second more for its answer: whoever hangs is left in time to ask another. */
  produceAckMs: 3 * SECOND_MS,
  produceAnswerMs: 4 * SECOND_MS,
  /** A request that takes so long may be with the wrong broker: then it is asked who leads, until it is answered or given up since another does. */
  produceStallMs: 1 * SECOND_MS,
  /** Whoever does not say in this time who leads is asked no more. */
  produceAskMs: 2 * SECOND_MS,
  /** Under load the batch on its way is what others wait for; a wait of its own pays only where few records come at a time. */
  produceLingerMs: 0,
  /** Below the 1 MiB that a topic takes by default, with a record of recordBytesMax in it. */
  produceBatchBytesMax: 900 * KIB,
  produceBatchRecordsMax: 5_000,
  /** Records that wait or are on their way; more are told to come back. */
  produceQueueBytesMax: 64 * MIB,
  /** Batches of several partitions: so much goes over 10 Mbit/s while an answer is waited for. */
  produceRequestBytesMax: 4 * MIB,
  /** A broker works on one request of a connection at a time: a second stands ready, and all else collects in larger batches. */
  produceRequestsPerBrokerMax: 2,
  /** From a try that failed to the next: a leader is replaced in less, and a broker that starts is asked no more often. */
  kafkaRetryDelayMs: 250,
  kafkaConnectTimeoutMs: 2 * SECOND_MS,
  kafkaRequestTimeoutMs: 5 * SECOND_MS,
  /** All tries of a call that only reads: three requests of a broker that is silent, and who asked asks another. */
  kafkaReadTimeoutMs: 15 * SECOND_MS,
  /** How long it is taken for true who leads a partition: after a failure the new leader is found so soon. */
  kafkaMetadataAgeMs: 1 * SECOND_MS,

  // Kafka: what is read of topics by request.
  /** As Kafka's max.poll.records, twice; the answer holds all of them. */
  fetchRecordsMax: 1_000,
  fetchBytesMax: 4 * MIB,
  /** How often a request that waits asks again, where a poll of the broker would hold others up. */
  fetchPollMs: 100,
  /** Requests that read at the same time; each has connections of its own, and asks one at a time. */
  fetchersMax: 4,
  readRetries: 2,
  /** Of listing topics, where one of them is deleted meanwhile. */
  topicListTriesMax: 20,

  // Kafka over Upstash's REST API, whose client tries for 15 s by itself and cannot be stopped.
  restTimeoutMs: 10 * SECOND_MS,
  /** As text: a topic takes 1 MiB by default, with the frame of the batch. */
  restRecordBytesMax: 1_000 * KIB,
  /** Records of one request; so many does the gateway take. */
  restBatchRecordsMax: 1_000,
  /** How long a fetch waits for the first record. */
  restFetchWaitMs: SECOND_MS / 2,

  // A shard in an object whose log and store are elsewhere: one run, and what it may use.
  /** Then it is cut off, and begins anew at its checkpoint. */
  fedRunMs: 20 * SECOND_MS,
  /** Then it reads no more: what it has read takes its time, too. */
  fedReadMs: 12 * SECOND_MS,
  /** Requests after which it reads no more; of 50 that the platform lets a call make on its free plan. */
  fedRequestsMax: 30,
  /** From a run that found something to the next; and so often an edge tells a shard that there is something. */
  fedPollMs: 5 * SECOND_MS,
  fedCheckpointMs: 1 * MINUTE_MS,
  /** An edge that no timer sweeps forgets which series it has seen. */
  fedAppenderMs: 60 * MINUTE_MS,

  // InfluxDB: batches as it advises them. It gives a write up after 10 s by itself.
  influxBatchPointsMax: 5_000,
  influxBatchBytesMax: 4 * MIB,
  influxWritesConcurrentMax: 4,
  influxWriteTimeoutMs: 12 * SECOND_MS,
  influxSetupTimeoutMs: 10 * SECOND_MS,
  influxRetryAfterMsMax: 1 * MINUTE_MS,
  /** Tags of series that are kept as they are written, 150 bytes each; beyond it all are made again. */
  influxPrefixesMax: 200_000,
  /** Read of an answer that is no success: it may repeat all lines that were sent. */
  influxErrorBytesMax: 64 * KIB,
  /** Rows of one answer, 24 bytes each. */
  influxRowsMax: 10_000_000,
  /** Clients that one query asks about: half of those that are read at once, so that while one half is read on the other is asked for. */
  influxClientsPerQueryMax: 4,
  /** Two days of minutes, or of hours seven weeks: a longer range is read of each client by itself. */
  influxBlocksTogetherMax: 48,
  /** Stretches of a range without whole blocks that are asked for one by one. */
  influxStretchesMax: 4,
  /** How long a list of a tenant's clients serves, and how many are kept: to list 10,000 clients of 50 series each takes InfluxDB about a second. */
  influxClientListMs: 1 * MINUTE_MS,
  influxClientListsMax: 16,
  /** Points that a store refuses for good and that are told one by one; all are counted. */
  refusedPointsMax: 20,
  refusedPointBytesMax: 1 * KIB,

  // Gateway: what it reads, holds and lets wait.
  /** Room for a thousand records of a few KB; Kafka's own bound is that of one record. */
  gatewayBodyBytesMax: 8 * MIB,
  /** Messages, commands, topics or partitions of one request. */
  gatewayBatchMax: 1_000,
  gatewayHeadersMax: 100,
  gatewayRequestsMax: 10_000,
  /** Leaves room for others when one floods. */
  gatewayRequestsPerCredentialMax: 5_000,
  gatewayBodiesBytesMax: 256 * MIB,
  gatewayCredentialsMax: 100,
  /** Half of what 128 random bits take in base64: shorter ones are words that people make up. */
  gatewaySecretLengthMin: 16,
  /** Each has connections, heartbeats and a buffer of its own. */
  gatewayConsumersMax: 200,
  gatewayConsumersPerCredentialMax: 100,
  /** A client that gave up and asks again finds its call before it still waiting. */
  gatewayPollsPerConsumerMax: 4,
  /** As Kafka's max.poll.interval.ms: whoever asks for nothing so long holds partitions in vain. */
  gatewayConsumerIdleMs: 5 * MINUTE_MS,
  gatewayAutoCommitMs: 5 * SECOND_MS,
  gatewayAutoCommitMsMin: 100,
  gatewayWaitMs: 1 * SECOND_MS,
  /** Under the 30 s after which servers and proxies cut a connection that is silent. */
  gatewayWaitMsMax: 25 * SECOND_MS,
  gatewayTopicsAgeMs: 30 * SECOND_MS,
  /** How often a topic that is not known is asked for, whoever makes names up. */
  gatewayTopicsAskMs: SECOND_MS / 2,
  /** As Kafka's batch.size: after so much, messages without a key go to the next partition. */
  gatewayStickyBytes: 16 * KIB,
  gatewayScriptsMax: 1_000,
  gatewayReadyAgeMs: 1 * SECOND_MS,
  gatewayTellMs: 10 * SECOND_MS,

  // Redis.
  /** A connection on which a command is not answered in this time is given up: Redis hangs, or is gone without a word. */
  redisTimeoutMs: 5 * SECOND_MS,
  redisConnectTimeoutMs: 2 * SECOND_MS,
  redisReconnectMs: SECOND_MS / 2,
  /** Commands that wait for a reply, of all callers; more are told to come back. */
  redisQueueMax: 100_000,
} as const;
