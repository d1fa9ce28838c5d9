/** Every bound of alerting, with its reason. */

/** Judging, in the pipeline. */
export const ALERT_LIMITS = {
  /** How often log time is looked at for silent hosts, ms: a dead host shows a sixth of a minute after its rule says so. */
  alertScanMs: 10_000,
  /** A firing alert without a verdict for so long is unknown, ms: an ordinary minute closes 3 minutes after it began at the latest. */
  unknownAfterMs: 300_000,
  /** A pending alert forgets what came before a gap longer than this, or than its `for`, ms: minutes hours apart are not consecutive. */
  pendingGapMs: 300_000,
  /** A hole in log time longer than this is our own outage, ms: ticks come twice as often. */
  outageHoleMs: 30_000,
  /** After an outage agents get so long to send what they kept, before minutes are judged without it, ms. */
  outageGraceMs: 120_000,
  /** Alerts of one client that are pending or worse: a rule on a label of every request must not fill memory. */
  alertsPerClientMax: 1_000,
  /** Anomaly models of one client. */
  anomalyModelsPerClientMax: 500,
  /** Holes in push sequences that are remembered of a client: beyond it the oldest is forgotten. */
  pushHolesMax: 32,
  /** Transitions of one partition that wait for the place that keeps them: beyond it the consumer waits, too. */
  transitionsWaitingMax: 20_000,
  /** Transitions that are handed over in one go: about a megabyte. */
  transitionsPerBatchMax: 1_000,
  /** Tenants whose rules differ from the built-in ones, of one system. */
  ruleTenantsMax: 10_000,
  /** A host that was heard of within so long counts as one of its tenant's, ms. */
  hostCountAgeMs: 86_400_000,
  /** Hosts are counted again after so long, ms. */
  hostCountRefreshMs: 60_000,
  /** The control role looks again this soon after it has looked, ms, and after this long at the latest: a clock may be set. */
  controlGapMs: 50,
  controlGapMsMax: 60_000,
  /** Channels that are looked through for canaries. */
  canaryChannelsMax: 10_000,
  /** A hole older than this, behind the newest sample, says nothing of a minute that is judged now, ms. */
  pushHoleAgeMs: 86_400_000,

  // Rules, as people write them.
  /** Of one expression, in characters: three lines of a screen, and what bounds the recursion of its parser. */
  expressionLengthMax: 1_000,
  /** Operators, names and numbers of an expression; each costs some ns a judgement. */
  expressionNodesMax: 200,
  expressionDepthMax: 32,
  /** What an expression, with its `clear`, reads: each is a look-up a judgement. */
  expressionReadsMax: 16,
  /** Explanations of one judgement. */
  explanationsMax: 8,
  templateLengthMax: 1_000,
  /** `{{ }}` of a template. */
  templatePartsMax: 32,
  /** What a template grows to: labels are filled in, and channels cut far earlier. */
  annotationLengthMax: 4_000,
  /** Of all annotations of one alert: they are kept with it, in checkpoints, incidents and a year of history. */
  annotationsLengthMax: 8_000,
  /** Per tenant; the built-in ones are not counted. */
  rulesMax: 1_000,
  ruleFileBytesMax: 262_144,
  /** The set with its built-in rules as JSON: it travels in one record of the log (900 KiB) with its envelope. Aliases are written out in it. */
  ruleSetBytesMax: 800_000,
  /** YAML nodes looked at, those of aliases each time: ten for each rule that there may be, and a bomb ends there. */
  ruleFileNodesMax: 50_000,
  /** Levels of its YAML: a rule file has ten. The parser takes minutes for a hundred thousand. */
  ruleFileDepthMax: 64,
  /** Words, signs and spaces of its YAML: a thousand rules of six lines have half as many, and each takes some µs. */
  ruleFileWordsMax: 80_000,
  /** Problems shown of one file. */
  ruleProblemsMax: 50,
  ruleNameLengthMax: 128,
  ruleLabelsMax: 32,
  ruleAnnotationsMax: 16,
  ruleParamsMax: 16,
  ruleOverridesMax: 100,
  /** Of `for` and `keep_firing_for`, ms: a week. */
  ruleForMsMax: 604_800_000,

  /** Rule sets that are held ready for those who ask what is in force, and files of one read: a megabyte each. */
  ruleSetsHeldMax: 16,

  // Tests of rules.
  /** Samples of one test, its series together. */
  ruleTestSamplesMax: 200_000,
  /** Event time that one test covers, ms: a month. */
  ruleTestSpanMsMax: 2_678_400_000,
  ruleTestsMax: 500,

  // Delivery: channels and the outbox.
  /** One attempt, its connection and its answer included, ms: receivers answer in seconds, and a page that hangs should be tried again. */
  notifyTimeoutMs: 10_000,
  /** What is read of a receiver's answer: an error page fits, an endless body ends. */
  answerBytesMax: 65_536,
  /** What is shown of it. */
  answerShownLengthMax: 200,
  /** Of a target's address. */
  targetUrlLengthMax: 2_048,
  /** Wait after the first failed attempt, doubled with each, to the highest, ms: someone waits for this page. */
  retryFirstMs: 1_000,
  retryMostMs: 300_000,
  /** By how much of it a wait is longer or shorter, so that channels that failed together do not come together again. */
  retryJitter: 0.2,
  /** What a receiver's Retry-After can ask for, ms: a page that waits for an hour is missed. */
  retryAfterMostMs: 900_000,
  /** After so long without success a notification goes to the dead letters, ms: a day, as a channel broken on a Sunday is mended on Monday. */
  deliveryDeadlineMs: 86_400_000,
  /** How long dead letters are kept, ms: a month, as someone has to look. */
  deadLetterAgeMs: 2_592_000_000,
  /** Dead letters that one call lists, and one sweep deletes. */
  deadLettersMax: 500,
  /** Attempts at once, to one channel and in all: a channel that hangs takes its own places only, and a Worker has six connections. */
  channelAttemptsMax: 2,
  attemptsMax: 32,
  /** Notifications of the outbox that are held in memory, without their bodies; more wait in the store until there is room. */
  outboxKnownMax: 20_000,
  /** After so long an attempt is given up, whatever it waits for, ms: two requests and the opening of its channel. */
  attemptTimeoutMs: 30_000,
  /** Rows of one read of the outbox. */
  outboxPageMax: 200,
  /** Test pages of one channel in testWindowMs: they ring real phones. */
  testPagesMax: 5,
  testWindowMs: 3_600_000,
  /** Least time between two canaries of a channel, ms. */
  canaryEveryMsMin: 60_000,
  /** PagerDuty's own bounds. */
  dedupKeyLengthMax: 255,
  pagerdutySummaryLengthMax: 1_024,
  /** Slack refuses more blocks, longer sections, longer headers. */
  slackBlocksMax: 50,
  slackSectionLengthMax: 3_000,
  slackHeaderLengthMax: 150,
  /** Of one text in a section: five times as long when all of it is escaped, it still fits. */
  slackTextLengthMax: 580,
  /** As Standard Webhooks says. */
  webhookSecretBytesMin: 24,
  webhookSecretBytesMax: 64,
  /** A message names so many alerts, and says how many more there are: nobody reads fifty at 3 a.m. */
  messageAlertsMax: 20,
  /** Of one text of a message: a label or an annotation. */
  messageTextLengthMax: 1_000,
  messageTitleLengthMax: 200,
  /** A status and a title; a header line has at most 998. */
  mailSubjectLengthMax: 240,
  /** Addresses of one mail channel: Cloudflare takes 50. */
  mailRecipientsMax: 50,
  /** Alertmanager takes an alert for resolved after this without news, ms: far beyond any repeat interval, as silence is no resolution. */
  alertmanagerEndsMs: 604_800_000,

  // Over HTTP.
  /** Of a silence, a channel and the like, as JSON: twenty long texts, and no file. */
  alertBodyBytesMax: 65_536,
  alertIdLengthMax: 64,
  /** An incident's id, which we make. */
  incidentIdLengthMax: 256,
  matchersMax: 32,
  matcherLengthMax: 256,
  commentLengthMax: 1_000,
  cronLengthMax: 100,
  timeZoneLengthMax: 64,
  channelSettingsMax: 20,
  channelSettingLengthMax: 4_096,
  /** Channels and group names of one route. */
  routeNamesMax: 32,
  /** Any time that a route, a channel or a maintenance names, ms: a month. */
  routeMsMax: 2_678_400_000,
  incidentsShownMax: 1_000,
  incidentsShownDefault: 100,
  auditShownMax: 1_000,
  /** Entries of an answer in JSON, which is made as a whole; CSV streams. */
  historyShownMax: 10_000,
  /** Entries that are asked for at once. */
  historyPageMax: 1_000,
  /** The most of one millisecond, as 10,000 series may cross together: pages grow so far where one does not get past it. */
  historySameMsMax: 64_000,
  /** What is answered where no start is given, ms: a month. */
  historyDefaultMs: 2_592_000_000,
  /** A trial of rules over months reads all of their windows, ms. */
  backtestTimeoutMs: 300_000,
  /** Per process: each takes a core. */
  backtestsConcurrentMax: 2,
  /** Transitions shown of a trial. */
  backtestShownMax: 5_000,

  // Anomalies.
  /** Spreads at which a score ends: more says no more. */
  anomalyScoreMax: 1_000,
  /** Values that are counted, of an hour (it is one byte, and has learnt all it can at half of that) and in all. */
  anomalyHourCountMax: 240,
  anomalyCountMax: 1_000_000,
  /** Greatest magnitude that is told apart: sums of it fit in four bytes. */
  anomalyMagnitudeMax: 1e30,

  // Backtests.
  /** Minutes with data, of all hosts together: a hundred hosts for ten days. Each takes about 0.1 ms, so that half of backtestTimeoutMs is enough. */
  backtestHostMinutesMax: 1_500_000,
  /** Transitions that are kept of one, 1 KB each: rules that make more are no use to anybody. */
  backtestTransitionsMax: 100_000,
  /** Their labels and annotations, together, in UTF-16 units: who may read may try, and memory is shared. */
  backtestTextLengthMax: 50_000_000,
  /** Event time that is read of one host at once, ms: of 2,000 series 50 MB. */
  backtestChunkMs: 21_600_000,
  /** How far before its start rules run, ms, so that an anomaly has two weeks of hours behind it. */
  backtestUsualMs: 1_209_600_000,
  /** Log time that is judged before others are let in, ms: some ms of work. */
  backtestSliceMs: 3_600_000,
  /** How long the command line waits for a report, ms: longer than a server takes for one. */
  backtestAnswerMs: 310_000,

  // The book: what a tenant sets up. With each page every silence is looked at for every alert.
  silencesMax: 500,
  maintenancesMax: 100,
  channelsMax: 50,
  routesMax: 100,
  /** Of one silence, ms: a year; what should never page is a rule to switch off. */
  silenceMsMax: 31_622_400_000,
  /** Of one stretch of maintenance, ms: a week. */
  maintenanceMsMax: 604_800_000,
  maintenanceMsMin: 60_000,
  /** Between two pages for the same, and before an escalation, ms: people need that long to answer. */
  repeatMsMin: 60_000,
  bookProblemsMax: 50,

  // Incidents.
  /** Alerts that are held in memory, 1 KB each; beyond it those that would join an open incident are in its history only. */
  trackedAlertsMax: 200_000,
  /** Of one tenant: others have room beside the largest. */
  trackedAlertsPerTenantMax: 150_000,
  /** Alerts shown of one incident: nobody reads more, and with each change all are written again. */
  incidentAlertsMax: 50,
  /** Of one alert as it is shown, as JSON in UTF-8: fifty of them, and the notes, fit in a row of SQLite on Durable Objects. */
  incidentAlertBytesMax: 16_000,
  incidentTitleLengthMax: 200,
  notesMax: 100,
  noteLengthMax: 4_000,
  /** Of all notes of an incident, in UTF-16 units, each of which may take three bytes. */
  notesLengthMax: 200_000,
  /** How long a new group waits for more of it, ms: Alertmanager's; a critical one pages in seconds. */
  groupWaitMs: 30_000,
  criticalWaitMs: 5_000,
  /** Between two pages for alerts that join a group, ms. */
  groupIntervalMs: 300_000,
  criticalIntervalMs: 60_000,
  /** A page that nobody acknowledged comes again after so long, ms: half a shift. */
  repeatMs: 14_400_000,
  /** Nobody is helped by more. */
  escalationsMax: 5,
  /** An alert that fires so often within the window flaps. */
  flapFirings: 3,
  flapWindowMs: 1_800_000,
  /** A flapping one is over when all was quiet for so long, ms. */
  flapQuietMs: 600_000,
  /** How long a silent host waits for others, ms: hosts that die together are told of within a scan and a tick. */
  massWaitMs: 30_000,
  /** More than this share of a tenant's hosts, and at least so many, that fall silent within the window are one incident. */
  massShare: 0.2,
  massHostsMin: 3,
  massWindowMs: 120_000,
  /** Stretches of maintenance that overlap and are looked at in one go: each takes up to a ms, and there may be a hundred maintenances. */
  maintenanceOverlapsMax: 10,
  /** How long incidents, their history and the audit log are kept, ms: a year. */
  historyAgeMs: 31_536_000_000,
  /** What never fired, ms: a week of near misses is enough to tune a rule. */
  quietHistoryAgeMs: 604_800_000,
  /** Silences stay in the list for so long after they ended, ms. */
  silenceAgeMs: 604_800_000,
  sweepMs: 3_600_000,
  /** Documents that one sweep deletes of a kind: it bounds the pause that others feel. */
  sweepRowsMax: 5_000,
  /** Alerts that are listed at once. */
  alertsShownMax: 10_000,
  /** Incidents that one question looks at, and of one read: each may have fifty alerts. */
  incidentsScanMax: 20_000,
  incidentReadMax: 200,
  /** How long before its end an incident may have begun to count among response times, ms: a month. */
  incidentSpanMs: 2_678_400_000,
  /** Lines of history that one question looks at. */
  historyScanMax: 100_000,
  /** Documents of one read, where all or many are read. */
  incidentPageMax: 1_000,

  // Page.
  /** How often what is open is asked for while somebody looks, ms. */
  pageAlertPollMs: 5_000,
  /** Alerts and incidents that are drawn: beyond it the page says how many more there are. */
  pageAlertsShownMax: 200,
  /** Of the chart of an incident: before the onset at least, and in all at most, ms. */
  pageIncidentLeadMs: 300_000,
  pageIncidentSpanMsMax: 21_600_000,
  /** Marks of a time axis that fit beside each other on a phone. */
  pageAxisMarksMax: 6,
  /** How long a button waits for the second click, ms: longer than people need to read it. */
  pageAskAgainMs: 4_000,
} as const;
