/** The rule file over HTTP: read and changed as a whole, checked, and tried on the past. */
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { AlertBook, AlertTrial, Entry } from '../ports/alert-book.ts';
import { backtestAnswer, ruleAnswer } from './alert-answers.ts';
import { backtestBody, ruleFileBody } from './alert-schemas.ts';
import { type Ask, changeAnswer, invalidAnswer } from './alerting.ts';
import { type BodyReading, boundedBody, checkBody, checkQuery } from './checking.ts';
import { etagOf, isKnown, versionAsked } from './etags.ts';
import type { Handler, KeyedCall } from './route.ts';
import { nothingAsked } from './schemas.ts';

export interface RuleOptions extends BodyReading {
  readonly book: AlertBook;
  readonly trial: AlertTrial;
  readonly ask: Ask;
  /** Waits for a trial, which takes longer. */
  readonly askTrial: Ask;
}

/** What a tenant has that never wrote a file: the built-in rules alone. */
const NO_FILE = { file: 'groups: []\n', version: 0, changed_ms: null };
const FILE_ID = 'file';
const YAML = 'text/yaml; charset=utf-8';
/** A line break takes two bytes in JSON, and é six where a client writes ASCII; with room for the rest of the body. */
const JSON_GROWTH = 4;
const YAML_TYPES = ['text/yaml', 'application/yaml', 'application/x-yaml', 'text/x-yaml'];

export interface RuleHandlers {
  readonly file: Handler<KeyedCall>;
  readonly putFile: Handler<KeyedCall>;
  readonly active: Handler<KeyedCall>;
  readonly check: Handler<KeyedCall>;
  readonly backtest: Handler<KeyedCall>;
}

export function ruleHandlers(options: RuleOptions): RuleHandlers {
  const { book, trial, ask } = options;
  const fileOf = async (tenant: string): Promise<Entry | undefined> =>
    (await ask(book.list(tenant, 'rules'))).find(({ id }) => id === FILE_ID);

  return {
    async file({ request, principal }) {
      checkQuery(request.url, nothingAsked);
      return fileAnswer(request.headers, await fileOf(principal.tenant));
    },
    async putFile(call) {
      const { tenant, keyId: actor } = call.principal;
      const text = await readRuleFile(call.request, options);
      const ifVersion = await versionAsked(call.request.headers, async () => (await fileOf(tenant))?.version);
      const outcome = await ask(book.put({ tenant, kind: 'rules', id: FILE_ID, actor, ifVersion }, text));
      return changeAnswer(outcome, call, (entry) => {
        if (entry === undefined) throw new MetricStreamError('internal', 'The book kept nothing.');
        const { version, changedMs } = entry;
        return Response.json({ version, changed_ms: changedMs }, { headers: { etag: etagOf(version) } });
      });
    },
    async active({ request, principal }) {
      checkQuery(request.url, nothingAsked);
      const { version, rules } = await ask(trial.rules(principal.tenant));
      return Response.json({ version, rules: rules.map(ruleAnswer) });
    },
    async check({ request, principal, nowMs }) {
      const text = await readRuleFile(request, options);
      const found = await ask(trial.backtest(principal.tenant, text, nowMs, nowMs));
      const problems = 'firings' in found ? [] : found.map(({ line, path, message }) => ({ line, path, message }));
      return Response.json({ valid: problems.length === 0, problems });
    },
    backtest: backtests(options),
  };
}

/** As YAML, unless JSON is asked for by name. */
function fileAnswer(headers: Headers, entry: Entry | undefined): Response {
  const shown = entry === undefined ? NO_FILE : { file: String(entry.body), version: entry.version, changed_ms: entry.changedMs };
  const common = { etag: etagOf(shown.version), vary: 'accept' };
  if (isKnown(headers, shown.version)) return new Response(null, { status: 304, headers: common });
  const asJson = headers.get('accept')?.toLowerCase().includes('application/json') === true;
  if (asJson) return Response.json(shown, { headers: common });
  return new Response(shown.file, { headers: { ...common, 'content-type': YAML } });
}

/** @throws unsupported_media_type | invalid_encoding | body_too_large, and what checkBody does */
async function readRuleFile(request: Request, reading: BodyReading): Promise<string> {
  const bytesMax = ALERT_LIMITS.ruleFileBytesMax;
  const [mediaType = ''] = request.headers.get('content-type')?.toLowerCase().split(';') ?? [];
  if (!YAML_TYPES.includes(mediaType.trim())) {
    return checkFile((await checkBody(request, ruleFileBody, { ...reading, bytesMax: JSON_GROWTH * bytesMax })).file);
  }
  const bytes = await boundedBody(request, { ...reading, bytesMax });
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new MetricStreamError('invalid_encoding');
  }
}

/** @throws body_too_large */
function checkFile(text: string): string {
  if (new TextEncoder().encode(text).length <= ALERT_LIMITS.ruleFileBytesMax) return text;
  throw new MetricStreamError('body_too_large', `A rule file may have ${ALERT_LIMITS.ruleFileBytesMax} bytes.`);
}

/** A trial takes a core for seconds: so many at once, and no more. */
function backtests(options: RuleOptions): Handler<KeyedCall> {
  const { askTrial } = options;
  let running = 0;
  return async ({ request, principal, correlationId }) => {
    const { file, from, to } = await checkBody(request, backtestBody, {
      ...options,
      bytesMax: JSON_GROWTH * ALERT_LIMITS.ruleFileBytesMax,
    });
    const text = checkFile(file);
    if (running >= ALERT_LIMITS.backtestsConcurrentMax) {
      throw new MetricStreamError('overloaded', 'Too many backtests run at once.', { retryAfterMs: LIMITS.retryMs });
    }
    running += 1;
    const trial = options.trial.backtest(principal.tenant, text, from, to);
    // Its place is free when it has ended, not when nobody waits for it any more.
    const leave = (): void => {
      running -= 1;
    };
    trial.then(leave, leave);
    const report = await askTrial(trial);
    return 'firings' in report ? Response.json(backtestAnswer(report)) : invalidAnswer(report, correlationId);
  };
}
