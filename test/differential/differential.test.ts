/** One corpus through the real server of each host: the answers are equal, every minute and hour bit for bit. */
import { afterAll, expect, test } from 'vitest';
import { hostNamed, OTHERS, type TestHost } from '../system/hosts.ts';
import { freshDataDir, type ServerProcess, startServer, untilCaughtUp } from '../system/server-process.ts';
import { type Answers, pushAll, readAll } from './answers.ts';
import { CLIENTS, type Corpus, corpusOf, PUSHES_PER_CLIENT, startOf } from './corpus.ts';

const SEED = 20_261_125;
/** Small heads, so that the store is written and read back all the time. */
const FLAGS = ['--head-max', '2MiB'];
/** What the others are held to. */
const REFERENCE = hostNamed('bun');

const nowMs = Date.now();
const corpus = corpusOf(SEED, nowMs);
const started: ServerProcess[] = [];
afterAll(async () => {
  for (const server of started) await server.kill('SIGKILL');
});

/** What a host answers to the corpus: to each push, after a SIGKILL and after an orderly stop. */
async function through(host: TestHost, all: Corpus): Promise<Record<'pushes' | 'killed' | 'stopped', Answers>> {
  const dataDir = freshDataDir();
  const start = async (): Promise<ServerProcess> => {
    const server = await startServer(host, dataDir.path, 0, FLAGS);
    started.push(server);
    await untilCaughtUp(server.keys);
    return server;
  };
  const first = await start();
  const pushes = await pushAll(first, all);
  await first.kill('SIGKILL');
  const second = await start();
  const killed = await readAll(second, startOf(nowMs));
  await second.kill('SIGTERM');
  const third = await start();
  const stopped = await readAll(third, startOf(nowMs));
  await third.kill('SIGKILL');
  dataDir.remove();
  return { pushes, killed, stopped };
}

/** The names of what differs: a diff of a hundred thousand numbers tells nobody anything. */
function differences(a: Answers, b: Answers): string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
}

/** An edge in front of Kafka does not know what the log holds: that a push is a repeat only its ledger says. */
function comparable({ services }: TestHost, pushes: Answers): Answers {
  if (services !== true) return pushes;
  return Object.fromEntries(
    Object.entries(pushes).map(([name, answer]) => [name, { ...(answer as object), duplicate: undefined }]),
  );
}

const expected = through(REFERENCE, corpus);
expected.catch(() => {});

test('the corpus is what it says, and the reference has answered it', { timeout: 120_000 }, async () => {
  const { pushes, killed, stopped } = await expected;
  expect(Object.keys(pushes)).toHaveLength(CLIENTS * PUSHES_PER_CLIENT);
  const statuses = Object.values(pushes).map((answer) => (answer as { status: number }).status);
  expect(new Set(statuses)).toEqual(new Set([202]));
  expect(Object.values(pushes).some((answer) => (answer as { duplicate: boolean }).duplicate)).toBe(true);
  expect(Object.values(pushes).some((answer) => (answer as { rejected: number }).rejected > 0)).toBe(true);
  // Three series in two resolutions, and the ledger, of each client.
  expect(Object.keys(killed)).toHaveLength(CLIENTS * 7);
  expect(differences(killed, stopped)).toEqual([]);
});

test.each(OTHERS)('$name answers each push, minute, hour and ledger as bun does', { timeout: 300_000 }, async (host) => {
  const [theirs, ours] = [await expected, await through(host, corpus)];
  expect(differences(comparable(host, theirs.pushes), comparable(host, ours.pushes))).toEqual([]);
  expect(differences(theirs.killed, ours.killed)).toEqual([]);
  expect(differences(theirs.stopped, ours.stopped)).toEqual([]);
});
