/** The public schemas: what clients may send and will get. OpenAPI is made from them, queries and admin bodies are checked by them. */
import { z } from 'zod';
import { CLIENT_PATTERN, ROLES } from '../model/access.ts';
import { KINDS } from '../model/catalogue.ts';
import { ERRORS, REJECT_REASONS } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { isPlaceName } from '../model/place-name.ts';
import { isReservedLabel, LABEL_KEY_PATTERN, NAME_PATTERN } from '../model/series.ts';
import { fitsTags, isTagName, isTagValue } from '../model/tags.ts';
import { parseTimestamp } from '../protocols/timestamp.ts';
import { parseDuration } from './keys.ts';
import { FIELDS } from './window-fold.ts';

// What a client pushes. The hot path has a check of its own (protocols/json.ts); test/edge/push-schema.test.ts holds the two together.
const NO_CONTROLS = /^[^\u0000-\u001f\u007f]*$/;
const wellFormed = (text: string): boolean => text.isWellFormed();

export const labelKey = z
  .string()
  .max(LIMITS.labelKeyLengthMax)
  .regex(LABEL_KEY_PATTERN)
  .refine((key) => !isReservedLabel(key), 'tenant, client_id, host, metric_name and __* are reserved');
export const labelValue = z.string().max(LIMITS.labelValueLengthMax).regex(NO_CONTROLS).refine(wellFormed);
const labels = z.record(labelKey, labelValue).refine((one) => Object.keys(one).length <= LIMITS.labelsMax);

export const pushMetric = z
  .object({
    name: z.string().max(LIMITS.metricNameLengthMax).regex(NAME_PATTERN),
    value: z.number(),
    timestamp: z
      .union([
        z.number().min(0).max(Number.MAX_SAFE_INTEGER).describe('Unix ms'),
        z
          .string()
          .refine((text) => parseTimestamp(text) !== undefined)
          .describe('RFC 3339, or Unix ns as decimal digits'),
      ])
      .nullish()
      .describe('Left out: the time of arrival.'),
    labels: labels.nullish(),
    tags: labels.nullish().describe('Another name for labels; not read where labels is given.'),
    unit: z.string().max(LIMITS.unitLengthMax).regex(NO_CONTROLS).refine(wellFormed).nullish(),
    kind: z.enum(KINDS).nullish(),
  })
  .meta({ id: 'Metric' });

export const pushBody = z
  .object({
    client_id: z.string().regex(CLIENT_PATTERN).nullish().describe('Left out: X-Client-Id, or the client the key is bound to.'),
    metrics: z.array(pushMetric).max(LIMITS.metricsPerPushMax).describe('May be empty: a sign of life.'),
  })
  .meta({ id: 'Push' });

const rejection = z
  .object({ index: z.int().min(0), code: z.enum(REJECT_REASONS), message: z.string() })
  .meta({ id: 'Rejection', description: 'A metric that was not kept, by its place in metrics.' });

export const pushAnswer = z
  .object({
    accepted: z.int(),
    rejected: z.int(),
    errors: z.array(rejection).max(LIMITS.rejectionsShownMax),
    correlation_id: z.string(),
    duplicate: z.boolean().describe('The push id was known: nothing was counted again.'),
  })
  .meta({ id: 'PushAnswer' });

export const bookProblem = z
  .object({ line: z.int().describe('From 1; 0 where it has none.'), path: z.string(), message: z.string() })
  .meta({ id: 'BookProblem' });

export const problemAnswer = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(Object.keys(ERRORS) as [keyof typeof ERRORS]),
    detail: z.string(),
    correlation_id: z.string(),
    errors: z.array(rejection).optional(),
    problems: z.array(bookProblem).optional().describe('Of a rule file or a document, each with its place.'),
    version: z.int().optional().describe('With 412: the version that is there.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });

// Queries: text in, typed values out.
export const unixMs = z
  .string('is missing')
  .regex(/^\d{1,15}$/, 'must be Unix ms')
  .transform(Number)
  .pipe(z.int().min(0));
const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((text) => text === 'true')
  .pipe(z.boolean());
const metricName = z.string().min(1).max(LIMITS.metricNameLengthMax);
const LISTED_NAME = `[^,]{1,${LIMITS.metricNameLengthMax}}`;
export const clientId = z.string().regex(CLIENT_PATTERN, 'is no client_id');
const range = {
  metric: metricName.optional().describe('Left out: every metric.'),
  client: clientId.optional().describe('Left out: every client.'),
  start: unixMs.describe('Unix ms; inclusive.'),
  end: unixMs.describe('Unix ms; exclusive.'),
};

export const windowsQuery = z.strictObject({
  ...range,
  resolution: z.enum(['1m', '1h'], 'must be 1m or 1h').optional().describe('What is read: minutes (the default) or hours.'),
  step: z
    .string()
    .regex(/^[1-9]\d{0,5}[smhd]$/, 'must be a duration such as 5m or 1h')
    .optional()
    .describe('What is answered: windows of this width, a multiple of the resolution, aligned to the UTC epoch.'),
  open: flag.optional().describe('Also windows that have not closed.'),
  format: z.enum(['json', 'columns', 'csv'], 'must be json, columns or csv').optional(),
  fields: z
    .string()
    .regex(new RegExp(`^(${FIELDS.join('|')})(,(${FIELDS.join('|')}))*$`), `must be some of ${FIELDS.join(',')}`)
    .optional()
    .describe('count,sum,min,max,avg,revision where left out.'),
});

export const samplesQuery = z.strictObject({
  ...range,
  format: z.enum(['json', 'csv'], 'must be json or csv').optional(),
});

export const clientsQuery = z.strictObject({ client: range.client });
export const liveQuery = z.strictObject({
  client: range.client,
  metric: z
    .string()
    .regex(
      new RegExp(`^${LISTED_NAME}(,${LISTED_NAME}){0,${LIMITS.liveMetricsMax - 1}}$`),
      `must be up to ${LIMITS.liveMetricsMax} names, with commas between them`,
    )
    .optional()
    .describe('Names with commas between them: only their values. A client that brings none of them is named all the same.'),
});
export const nothingAsked = z.strictObject({});

// What queries answer.
const labelSet = z.record(z.string(), z.string());
const windowFields = z
  .object({
    count: z.int(),
    sum: z.number(),
    min: z.number(),
    max: z.number(),
    avg: z.number(),
    first: z.number(),
    last: z.number(),
    increase: z.number().describe('Sum of the positive steps: of counters.'),
    revision: z.int().describe('1; one more for each correction by a late sample.'),
  })
  .partial().shape;

export const windowsAnswer = z.object({
  windows: z.array(
    z.object({
      client_id: z.string(),
      metric: z.string(),
      labels: labelSet,
      start: z.int(),
      ...windowFields,
      open: z.literal(true).optional(),
    }),
  ),
});

const cells = z.array(z.number().nullable());
export const columnsAnswer = z.object({
  start: z.int(),
  step: z.int(),
  series: z.array(
    z.object({
      client_id: z.string(),
      metric: z.string(),
      labels: labelSet,
      unit: z.string(),
      ...Object.fromEntries(FIELDS.map((field) => [field, cells.optional()])),
      open_from: z.int().optional().describe('Windows from here on have not closed.'),
    }),
  ),
});

export const samplesAnswer = z.object({
  samples: z.array(
    z.object({
      client_id: z.string(),
      metric: z.string(),
      labels: labelSet,
      unit: z.string(),
      timestamp: z.union([
        z.int().describe('Unix ms'),
        z.string().regex(/^\d+$/).describe('Unix ns, where the sample has a finer time'),
      ]),
      value: z.number(),
    }),
  ),
});

export const clientsAnswer = z.object({
  clients: z.array(
    z.object({
      client_id: z.string(),
      last_seen: z.int().describe('Unix ms by our clock.'),
      skew_ms: z.number().nullable().describe('Arrival less send time of the last push that named one.'),
      datacenter: z.string().nullable(),
      environment: z.string().nullable(),
      edge: z
        .object({ colo: z.string().optional(), country: z.string().optional() })
        .optional()
        .describe("Where the last push came in: Cloudflare's data centre and the country of the address, where they are known."),
      pushes: z.object({ expected: z.int(), received: z.int(), duplicate: z.int(), late: z.int(), conflict: z.int() }),
      samples: z.object({
        stored: z.int(),
        duplicate: z.int(),
        conflict: z.int(),
        rejected: z.record(z.string(), z.int()),
      }),
    }),
  ),
});

export const metricsAnswer = z.object({
  metrics: z.array(
    z.object({
      name: z.string(),
      unit: z.string(),
      kind: z.string(),
      clients: z.int().describe('How many clients have it.'),
      series: z.array(z.object({ labels: labelSet })),
    }),
  ),
});

// Administration: unknown properties are refused, so that nobody believes in a limit that was a typo.
const placeName = z.string().refine(isPlaceName, 'is not a valid name');
const tags = z
  .record(
    labelKey.refine(isTagName, 'datacenter and environment stand beside the tags'),
    labelValue.refine(isTagValue, 'must not be empty'),
  )
  .refine(
    (one) => fitsTags(Object.entries(one)),
    `must be at most ${LIMITS.tagsMax} tags, ${LIMITS.tagsBytesMax} bytes of names and values`,
  );
export const createKeyBody = z.strictObject({
  role: z.enum(ROLES),
  client: clientId.optional().describe('The only client that the key may push as.'),
  expires: z
    .string()
    .refine((text) => parseDuration(text) !== undefined, 'must be a duration such as 90d or 12h')
    .optional()
    .describe('From now, such as 90d; left out: never.'),
  requests_per_second: z.int().min(1).max(LIMITS.tenantRequestsPerSecond).optional().describe('Per client.'),
  datacenter: placeName.optional(),
  environment: placeName.optional(),
  tags: tags.optional().describe('Labels of every sample that is pushed with it, whatever the sample says.'),
});

export const enrichmentRow = z
  .strictObject({
    datacenter: placeName.optional(),
    environment: placeName.optional(),
    tags: tags.optional().describe('Labels of every sample that does not bring them itself.'),
  })
  .meta({ id: 'Enrichment', description: 'What the edge adds to pushes of a client where neither key nor push says it.' });
export const enrichmentTable = z.strictObject({
  clients: z
    .record(clientId, enrichmentRow)
    .refine((rows) => Object.keys(rows).length <= LIMITS.enrichmentRowsMax, `must be at most ${LIMITS.enrichmentRowsMax}`)
    .describe('By client_id.'),
});

export const createKeyAnswer = z.object({
  key: z.string().describe('Shown only now.'),
  key_id: z.string().describe('Revokes the key.'),
  tenant: z.string(),
  role: z.enum(ROLES),
  expires: z.int().nullable().describe('Unix ms.'),
});

export const revokeKeyBody = z.strictObject({ key_id: z.string() });
export const revokeKeyAnswer = z.object({ key_id: z.string(), revoked: z.literal(true) });

export const sessionAnswer = z.object({ tenant: z.string(), role: z.enum(ROLES), expires: z.int().describe('Unix ms.') });
export const healthAnswer = z.object({ status: z.string() });
