// With a damaged database file, the gateway refuses to start or ends as soon as it finds the
// damage. It says why and serves no wrong data.

import { cp, open, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cosine } from '#core/vectors/vector.ts';
import { startGateway, type Answer, type RunningGateway } from '../helpers/gateway-program.ts';
import { runProgram } from '../helpers/program.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { loadReferences, runnerToken, type References } from './mixed/mixed-world.ts';
import { produce, productNames } from './mixed/produced.ts';
import { startReferenceRunner } from './mixed/reference-runner.ts';

const environment = {
  VECTORSTREAM_RUNNERS: '0',
  VECTORSTREAM_RUNNER_TOKEN: runnerToken,
  LOG_LEVEL: 'warn',
};
const produced = produce(3, 240, 0);
const damaged = /damaged/;
let references: References;
let folder: TemporaryFolder;
let whole: string;
let bytesPerPage = 0;
/** The last page of each table and index: in larger trees, a leaf. */
const pages = new Map<string, number>();

const joinHonest = (gateway: RunningGateway) =>
  startReferenceRunner({
    address: new URL(gateway.url).host,
    token: runnerToken,
    name: 'one',
    behaviour: 'honest',
    vectors: references.reference,
    golden: references.golden,
  });

beforeAll(async () => {
  references = await loadReferences();
  folder = await temporaryFolder();
  whole = join(folder.path, 'whole');
  await using gateway = await startGateway(whole, environment);
  await using _ = joinHonest(gateway);
  await gateway.ready();
  await gateway.post(
    '/events?on_invalid=dead_letter',
    Buffer.concat(produced.lines.flatMap(({ bytes }) => [bytes, Buffer.from('\n')])),
    'application/x-ndjson',
  );
  await gateway.idle();
  gateway.child.kill('SIGTERM');
  await gateway.ended;
  using database = new DatabaseSync(join(whole, 'vectorstream.db'), { readOnly: true });
  bytesPerPage = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
  for (const { name, pageno } of database
    .prepare('SELECT name, pageno FROM dbstat ORDER BY pageno')
    .all())
    pages.set(String(name), Number(pageno));
});
afterAll(() => folder[Symbol.asyncDispose]());

/** A copy of the folder with a database file damaged by `harm`. */
async function copyWith(name: string, harm: (file: string) => Promise<void>): Promise<string> {
  const copy = join(folder.path, name);
  await cp(whole, copy, { recursive: true });
  await harm(join(copy, 'vectorstream.db'));
  return copy;
}

async function overwrite(file: string, from: number, bytes: number): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Buffer.alloc(bytes, 0xa5), 0, bytes, from);
  await handle.close();
}
const overwritePage = (name: string) => (file: string) =>
  overwrite(file, ((pages.get(name) ?? NaN) - 1) * bytesPerPage, bytesPerPage);

test.for<[string, (file: string) => Promise<void>]>([
  ['its header', (file) => overwrite(file, 0, 100)],
  ['its first page after the header', (file) => overwrite(file, 100, 1_000)],
  ['its second half, cut off', (file) => truncate(file, 20 * bytesPerPage)],
  ['its metadata', overwritePage('meta')],
  ['its commits', overwritePage('commits')],
  ['a part of the log', overwritePage('log_0')],
])('without %s, the gateway refuses to start and says why in one line', async ([name, harm]) => {
  const dataDir = await copyWith(name, harm);
  const { code, stdout, stderr } = await runProgram({
    script: 'gateway/main.ts',
    flags: ['--port', '0'],
    environment: { VECTORSTREAM_DATA_DIR: dataDir, ...environment },
  });
  expect((stdout + stderr).trim().split('\n')).toEqual([expect.stringMatching(damaged)]);
  expect(code).toBeGreaterThan(0);
});

test.for([
  'vectors',
  'texts',
  'events',
  'sqlite_autoindex_texts_1',
  'sqlite_autoindex_events_1',
  'events_by_text',
  'events_by_time',
  'events_by_session',
  'totals',
  'product_texts',
  'dead_letters',
  'runner_sessions',
])(
  'without a page of %s, it ends with one line when it finds the damage, and serves no wrong data',
  async (name) => {
    const dataDir = await copyWith(name, overwritePage(name));
    const { gateway, lastWords } = await startOrEnd(dataDir);
    await using parts = new AsyncDisposableStack();
    parts.use(gateway);
    if (gateway !== null) parts.use(joinHonest(gateway));
    const wrong: unknown[] = [];
    if (gateway !== null) await until('it has ended', 180_000, () => hasEnded(gateway, wrong));
    expect(wrong).toEqual([]);
    expect(lastWords()).toMatch(damaged);
    expect(lastWords()).not.toMatch(/\.ts:\d+/);
  },
);

type Started = { readonly gateway: RunningGateway | null; readonly lastWords: () => string };

/** The gateway may find the damage before the first request. */
async function startOrEnd(dataDir: string): Promise<Started> {
  try {
    const gateway = await startGateway(dataDir, environment);
    return { gateway, lastWords: () => gateway.stdout() + gateway.stderr() };
  } catch (error) {
    return { gateway: null, lastWords: () => String(error) };
  }
}

/** Requests all data and sends a new event. Adds wrong hits to `served`. */
async function hasEnded(gateway: RunningGateway, served: unknown[]): Promise<boolean> {
  if (gateway.child.exitCode !== null) return gateway.child.exitCode === 1;
  const event = {
    event_id: 'new',
    timestamp: '2026-02-01T00:00:00Z',
    user_id: 'u1',
    session_id: 's1',
    event_type: 'view',
    product: { id: 'new', name: 'oak chair', price: 1 },
  };
  const gone = { status: 503, type: '', body: null };
  for (const query of ['red lantern', 'oak chair'])
    served.push(
      ...wrongHits(
        query,
        await gateway
          .post('/search', JSON.stringify({ query, mode: 'meaning', limit: 100 }))
          .catch(() => gone),
      ),
    );
  await gateway.post('/events', JSON.stringify(event)).catch(() => gone);
  for (const path of ['/events?limit=1000', '/dlq/messages?limit=1000'])
    await gateway.get(path).catch(() => gone);
  return false;
}

/** A right hit is a produced text with the score of its own vector. */
function wrongHits(query: string, { status, body }: Answer): readonly unknown[] {
  if (status === 503) return [];
  const { hits }: { hits: readonly { score: number; text: string }[] } = Object(body);
  return hits.filter(
    ({ text, score }) =>
      !productNames.includes(text) ||
      !(Math.abs(cosine(vectorOf(query), vectorOf(text)) - score) < 0.001),
  );
}

const vectorOf = (text: string): Float32Array =>
  references.reference.get(text) ?? new Float32Array(384);
