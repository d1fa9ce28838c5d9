/** The table of docs/faults.md: written by the run itself, row by row; what was not run keeps its row. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Fault, Row } from './run.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/faults.md', import.meta.url));
const BEGIN = '<!-- faults: begin -->';
const END = '<!-- faults: end -->';
const HEADER = [
  '| fault | acknowledged | lost | doubled | slowest push | first 202 after it | caught up after it | clients were answered | besides | measured |',
  '| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |',
];
const GIB = 2 ** 30;

export function isGood({ lost, doubled, wrong }: Row): boolean {
  return lost === 0 && doubled === 0 && wrong.length === 0;
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${(ms / 1_000).toFixed(1)} s`;
}

/** The row for people who watch. */
export function rowText(row: Row): string {
  const { acknowledged, lost, doubled, slowestMs, acknowledgedAgainMs, caughtUpMs, errors, notes, wrong } = row;
  const times = `slowest push ${seconds(slowestMs)}, 202 after ${seconds(acknowledgedAgainMs)}, caught up after ${seconds(caughtUpMs)}`;
  const told = [...errors.map(([what, count]) => `${count} x ${what}`), ...notes].join('; ');
  const lines = [
    `  ${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled; ${times}`,
    ...(told === '' ? [] : [`  ${told}`]),
  ];
  return [...lines, ...wrong.map((text) => `  WRONG: ${text}`)].join('\n');
}

/** Puts the rows into the document, in the order of the catalogue. */
export function writeTable(rows: readonly Row[], faults: readonly Fault[]): void {
  const text = readFileSync(DOCUMENT, 'utf8');
  const [before, rest] = cut(text, BEGIN);
  const [held, after] = cut(rest, END);
  const lines = new Map(held.split('\n').flatMap((line) => nameOf(line).map((name) => [name, line])));
  const measured = measuredNow();
  for (const row of rows) lines.set(row.name, lineOf(row, measured));
  const kept = faults.flatMap(({ name }) => lines.get(name) ?? []);
  writeFileSync(
    DOCUMENT,
    [before.trimEnd(), '', BEGIN, machine(), '', ...HEADER, ...kept, END, '', after.trimStart()].join('\n'),
  );
}

function cut(text: string, marker: string): readonly [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`docs/faults.md has no line ${marker}.`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

/** Of a row: the name that it begins with. */
function nameOf(line: string): string[] {
  const name = /^\| ([a-z0-9-]+): /.exec(line)?.[1];
  return name === undefined ? [] : [name];
}

function lineOf(row: Row, measured: string): string {
  const count = (number: number): string => number.toLocaleString('en');
  const errors = row.errors.map(([what, times]) => `${count(times)} × ${what}`).join(', ');
  const cells = [
    `${row.name}: ${row.title}`,
    count(row.acknowledged),
    count(row.lost),
    count(row.doubled),
    seconds(row.slowestMs),
    seconds(row.acknowledgedAgainMs),
    seconds(row.caughtUpMs),
    errors === '' ? '202 only' : errors,
    [...row.notes, ...row.wrong.map((text) => `**${text}**`)].join('; '),
    row.isQuick ? `${measured}, quick` : measured,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |`;
}

function machine(): string {
  const [first] = cpus();
  return `On ${cpus().length} cores of ${first?.model ?? 'an unknown processor'} with ${Math.round(totalmem() / GIB)} GiB, all processes on one machine:`;
}

/** Day and commit; a + behind it: with changes that were not committed. */
function measuredNow(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['--no-optional-locks', ...args], { encoding: 'utf8' }).trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src') === '' ? '' : '+';
  return `${new Date().toISOString().slice(0, 10)}, ${git('rev-parse', '--short', 'HEAD')}${changed}`;
}
