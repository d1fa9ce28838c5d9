/** `metricstream rules backtest`: what the rules of a file would have done, asked of a running server. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { ALERT_LIMITS } from '../model/alert-limits.ts';
import { MetricStreamError } from '../model/errors.ts';
import { parseTimestamp } from '../protocols/timestamp.ts';
import { readKeys } from './data-dir.ts';
import { durationMs, flag } from './flags.ts';

interface BacktestFlags {
  readonly from: string;
  readonly to: string;
  readonly dataDir: string;
  readonly url?: string;
  readonly key?: string;
  readonly json?: true;
}

/** The part of the server's answer that is shown. */
interface ReportAnswer {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly firings: number;
  readonly flaps: number;
  readonly pages: number;
  readonly rules: readonly { readonly rule: string; readonly firings: number; readonly flaps: number; readonly pages: number }[];
  readonly notes: readonly string[];
}

interface ProblemAnswer {
  readonly detail?: string;
  readonly problems?: readonly { readonly line: number; readonly path: string; readonly message: string }[];
}

/** Pages were over the budget; or there is no report. */
const EXIT_PAGES = 1;
const EXIT_PROBLEM = 2;

/** Exits with 1 when there were more pages than --max-pages, and with 2 when there is no report. */
export function backtestCommand(): Command {
  const command = new Command('backtest').description(
    'run a rule file over the history of a running server; exits with 1 over the budget of pages, with 2 where there is no report',
  );
  return command
    .argument('<file>', 'the rule file')
    .option('--from <time>', 'RFC 3339, Unix ms, or how long ago, like -7d', '-7d')
    .option('--to <time>', 'the same, or now', 'now')
    .addOption(flag('--data-dir <path>', 'the data directory of the server').default('./data'))
    .addOption(flag('--url <url>', "the server; default: the data directory's"))
    .addOption(flag('--key <key>', "a key that may read; default: the data directory's"))
    .option('--max-pages <n>', 'how many pages there may be')
    .option('--json', 'the whole report as JSON')
    .action(async (file: string, flags: BacktestFlags) => {
      const fail = (message: string): never => command.error(`error: ${message}`, { exitCode: EXIT_PROBLEM });
      const pagesMax = pagesOf(command.getOptionValue('maxPages')) ?? fail('--max-pages is a whole number from 0');
      const text = ruleFile(file) ?? fail(`${file} cannot be read, or has more than ${ALERT_LIMITS.ruleFileBytesMax} bytes`);
      const nowMs = Date.now();
      const from = timeMs(flags.from, nowMs) ?? fail('--from is no time: write RFC 3339, Unix ms, or how long ago, like -7d');
      const to = timeMs(flags.to, nowMs) ?? fail('--to is no time: write RFC 3339, Unix ms, how long ago, like -7d, or now');
      const held = readKeys(flags.dataDir);
      const url = flags.url ?? held?.url ?? fail('give --url and --key, or the --data-dir of a server');
      const key = flags.key ?? held?.read ?? fail('give --url and --key, or the --data-dir of a server');
      const { ok, body } = await ask(url, key, { file: text, from, to }).catch((error: unknown) =>
        fail(`no answer of a server at ${url} (${error instanceof Error ? error.message : String(error)})`),
      );
      if (!ok) return fail(problemLines(file, body as ProblemAnswer).join('\n'));
      const report = body as ReportAnswer;
      const { writeOut, writeErr } = command.configureOutput();
      writeOut?.(flags.json === true ? `${JSON.stringify(body)}\n` : `${reportLines(report).join('\n')}\n`);
      if (report.pages <= pagesMax) return;
      writeErr?.(`error: ${report.pages} pages, and at most ${pagesMax} are allowed\n`);
      // Not by process.exit: what was written to a pipe may still be on its way.
      process.exitCode = EXIT_PAGES;
    });
}

/** @throws what keeps an answer in JSON from coming. */
async function ask(url: string, key: string, question: object): Promise<{ readonly ok: boolean; readonly body: unknown }> {
  const response = await fetch(`${url.replace(/\/$/, '')}/api/v1/rules/backtest`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(question),
    signal: AbortSignal.timeout(ALERT_LIMITS.backtestAnswerMs),
  });
  const body = (await response.json()) as unknown;
  if (response.ok && !isReport(body)) throw new MetricStreamError('unavailable', 'it answers no report');
  return { ok: response.ok, body };
}

function isReport(body: unknown): body is ReportAnswer {
  const { pages, rules, notes } = (body ?? {}) as Partial<ReportAnswer>;
  return typeof pages === 'number' && Array.isArray(rules) && Array.isArray(notes);
}

/** @returns Infinity where there is no budget, undefined for what is no number of pages. */
function pagesOf(text: unknown): number | undefined {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function ruleFile(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    return bytes.length > ALERT_LIMITS.ruleFileBytesMax ? undefined : bytes.toString('utf8');
  } catch {
    return undefined;
  }
}

/** Unix ms; undefined for what is no time. */
function timeMs(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (!text.startsWith('-')) return parseTimestamp(text)?.ms;
  try {
    return nowMs - durationMs(text.slice(1));
  } catch {
    return undefined;
  }
}

/** `FILE:LINE: path: message`, as editors and CI find their way by. */
function problemLines(file: string, { detail = 'the server refuses this', problems = [] }: ProblemAnswer): string[] {
  if (problems.length === 0) return [plain(detail)];
  const places = problems.map(({ line, path, message }) =>
    plain([line > 0 ? `${file}:${line}` : file, path, message].filter((part) => part !== '').join(': ')),
  );
  return ['the rules cannot be run', ...places];
}

function reportLines({ rules, notes, ...report }: ReportAnswer): string[] {
  const fired = rules.filter(({ firings, pages }) => firings > 0 || pages > 0);
  const rows = [...fired].sort((a, b) => b.pages - a.pages || b.firings - a.firings || (a.rule < b.rule ? -1 : 1));
  const all = [...rows, { ...report, rule: 'all' }];
  const width = Math.max(...all.map(({ rule }) => plain(rule).length), 'rule'.length);
  const line = (rule: string, ...cells: readonly (string | number)[]): string =>
    `${plain(rule).padEnd(width)}${cells.map((cell) => String(cell).padStart(9)).join('')}`;
  const quiet = rules.length - fired.length;
  return [
    `${isoTime(report.from_ms)} to ${isoTime(report.to_ms)}`,
    '',
    line('rule', 'firings', 'flaps', 'pages'),
    ...all.map(({ rule, firings, flaps, pages }) => line(rule, firings, flaps, pages)),
    ...(quiet > 0 ? ['', `${quiet} ${quiet === 1 ? 'rule' : 'rules'} did not fire.`] : []),
    ...(notes.length > 0 ? ['', ...notes.map((note) => `- ${plain(note)}`)] : []),
  ];
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** What a terminal would obey is left out. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}
