/** What InfluxDB has to have for us: buckets with their retention, and tokens that allow no more than is needed. */
import { MetricStreamError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { ask, failureOf, type InfluxConnection } from './connection.ts';
import { type BucketNames, bucketNames, POINT_KINDS, type PointKind } from './names.ts';

export interface InfluxSetupOptions extends InfluxConnection {
  /** As of writer and store. */
  readonly bucketPrefix: string;
  /** How long points are kept; 0: for ever. */
  readonly retentionMs: Readonly<Record<PointKind, number>>;
}

/** The consumer writes, and reads back what late samples belong to; control reads. */
const TOKEN_ROLES = ['consumer', 'control'] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];
const ACTIONS = { consumer: ['read', 'write'], control: ['read'] } as const satisfies Record<TokenRole, readonly string[]>;

/** What is there and what is missing, as data. */
export interface InfluxPlan {
  readonly orgId: string;
  readonly createsBuckets: readonly { readonly name: string; readonly retentionMs: number }[];
  readonly createsTokens: readonly TokenRole[];
  /** Buckets whose retention is another than ours would be: they stay as they are. */
  readonly differs: readonly { readonly bucket: string; readonly retentionMs: number; readonly wantedMs: number }[];
}

export interface InfluxSetup {
  /** Looks, and changes nothing. */
  plan(): Promise<InfluxPlan>;
  /** Creates what the plan says is missing. @returns the tokens that it created; they are secrets. */
  apply(plan: InfluxPlan): Promise<Partial<Record<TokenRole, string>>>;
}

interface Bucket {
  readonly id: string;
  readonly name: string;
  readonly retentionRules?: readonly { readonly everySeconds: number }[];
}

interface Authorization {
  readonly status: string;
  readonly description?: string;
  readonly permissions?: readonly {
    readonly action: string;
    readonly resource: { readonly type: string; readonly id?: string };
  }[];
}

/** @param options whose token may read and write the buckets and authorizations of the organization. */
export function influxSetup(options: InfluxSetupOptions): InfluxSetup {
  const { retentionMs } = options;
  const buckets = bucketNames(options.bucketPrefix);
  const call = caller(options);
  const held = async (orgId: string): Promise<(Bucket | undefined)[]> => {
    const found = POINT_KINDS.map(async (kind) => {
      const query = `orgID=${orgId}&name=${encodeURIComponent(buckets[kind])}`;
      const listed = await call<{ readonly buckets?: readonly Bucket[] }>('GET', `buckets?${query}`);
      return listed?.buckets?.find(({ name }) => name === buckets[kind]);
    });
    return Promise.all(found);
  };
  return {
    async plan() {
      const orgId = await orgIdOf(options, call);
      const there = await held(orgId);
      const tokens = await call<{ readonly authorizations?: readonly Authorization[] }>('GET', `authorizations?orgID=${orgId}`);
      const missing = POINT_KINDS.filter((_, place) => there[place] === undefined);
      return {
        orgId,
        createsBuckets: missing.map((kind) => ({ name: buckets[kind], retentionMs: retentionMs[kind] })),
        createsTokens: TOKEN_ROLES.filter(
          (role) => missing.length > 0 || !tokens?.authorizations?.some((token) => allows(token, role, buckets, there)),
        ),
        differs: POINT_KINDS.flatMap((kind, place) => {
          const bucket = there[place];
          const keptMs = (bucket?.retentionRules?.[0]?.everySeconds ?? 0) * 1_000;
          const same = bucket === undefined || keptMs === retentionMs[kind];
          return same ? [] : [{ bucket: buckets[kind], retentionMs: keptMs, wantedMs: retentionMs[kind] }];
        }),
      };
    },
    async apply({ orgId, createsBuckets, createsTokens }) {
      for (const { name, retentionMs: keptMs } of createsBuckets) {
        const retentionRules = keptMs === 0 ? [] : [{ type: 'expire', everySeconds: keptMs / 1_000 }];
        try {
          await call('POST', 'buckets', { orgID: orgId, name, retentionRules });
        } catch (error) {
          // Another may have made it meanwhile.
          if (!(await held(orgId)).some((bucket) => bucket?.name === name)) throw error;
        }
      }
      const there = await held(orgId);
      const created: Partial<Record<TokenRole, string>> = {};
      for (const role of createsTokens) {
        const permissions = there.flatMap((bucket) =>
          ACTIONS[role].map((action) => ({ action, resource: { type: 'buckets', id: bucket?.id, orgID: orgId } })),
        );
        const body = { orgID: orgId, description: descriptionOf(role, buckets), permissions };
        const made = await call<{ readonly token: string }>('POST', 'authorizations', body);
        if (made !== undefined) created[role] = made.token;
      }
      return created;
    },
  };
}

/** By it a token is known again. */
function descriptionOf(role: TokenRole, buckets: BucketNames): string {
  return `metricstream ${role}: ${ACTIONS[role].join(' and ')} ${POINT_KINDS.map((kind) => buckets[kind]).join(', ')}`;
}

/** Whether it is the one that we would create, for the buckets that there are now. */
function allows(token: Authorization, role: TokenRole, buckets: BucketNames, there: readonly (Bucket | undefined)[]): boolean {
  const may = (id: string | undefined): boolean =>
    ACTIONS[role].every((wanted) =>
      token.permissions?.some(({ action, resource }) => action === wanted && resource.type === 'buckets' && resource.id === id),
    );
  return (
    token.status === 'active' && token.description === descriptionOf(role, buckets) && there.every((bucket) => may(bucket?.id))
  );
}

/** undefined: InfluxDB answers 404. */
type Call = <Answer>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<Answer | undefined>;

function caller(connection: InfluxConnection): Call {
  return async <Answer>(method: 'GET' | 'POST', path: string, body?: unknown) => {
    const decoder = new TextDecoder();
    let text = '';
    const answer = await ask(
      connection,
      {
        method,
        path: `/api/v2/${path}`,
        headers: { 'content-type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
        timeoutMs: LIMITS.influxSetupTimeoutMs,
      },
      (chunk) => {
        text += decoder.decode(chunk, { stream: true });
      },
    );
    if (answer.status === 404 && method === 'GET') return undefined;
    if (answer.status >= 300) throw failureOf(answer, connection, `to ${method} ${path.split('?')[0]}`);
    return JSON.parse(text) as Answer;
  };
}

async function orgIdOf({ org }: InfluxConnection, call: Call): Promise<string> {
  const listed = await call<{ readonly orgs?: readonly { readonly id: string; readonly name: string }[] }>(
    'GET',
    `orgs?org=${encodeURIComponent(org)}`,
  );
  const found = listed?.orgs?.find(({ name }) => name === org);
  if (found === undefined)
    throw new MetricStreamError('misconfigured', `InfluxDB has no organization "${org}", or hides it from the token.`);
  return found.id;
}
