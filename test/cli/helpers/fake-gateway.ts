// A gateway's HTTP interface over one file, for tests of its clients: durable before it answers,
// and killed on demand.
//
// node fake-gateway.ts PORT FILE DIE_AT: before it answers its DIE_AT-th POST (0: never) it kills
// itself, once per file.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { splitLines } from '#core/decode/split-records.ts';
import { isRejection, parseEvent } from '#core/event/parse-event.ts';

const [port = '0', file = '', dieAt = '0'] = process.argv.slice(2);
const stored = new Set<string>();
const deadLetters: Record<string, number> = {};
let posts = 0;

function apply(line: string): void {
  const [kind = '', value = ''] = line.split(' ');
  if (kind === 'stored') stored.add(value);
  if (kind === 'dead') deadLetters[value] = (deadLetters[value] ?? 0) + 1;
}
const mayDie = !existsSync(file);
if (!mayDie) readFileSync(file, 'utf8').split('\n').forEach(apply);
process.on('disconnect', () => process.exit(0));

const statsJson = (): string =>
  JSON.stringify({
    started_at: new Date().toISOString(),
    events: { received: 0, stored: 0, superseded: 0, dead_lettered: 0, unsettled: 0, lag: 0 },
    latency_ms: { p50: 1, p95: 2, p99: 3, max: 4 },
    texts: { unique_seen: 0, embedded: 0, cache_hits: 0, cache_misses: 0 },
    store: { texts: stored.size, events: stored.size },
    dead_letters: { open: Object.values(deadLetters).reduce((sum, count) => sum + count, 0) },
    runners: [
      {
        id: '1',
        name: 'r',
        kind: 'node',
        device: 'cpu',
        dtype: 'q8',
        state: 'ready',
        texts_per_second: 100,
        texts_embedded: 0,
      },
    ],
    memory: { rss_bytes: 1e8 },
  });

/** Status and body of the answer. */
function answer(path: string, body: Buffer): readonly [number, string] {
  if (path === '/readyz') return [200, '{"status":"ready"}'];
  if (path === '/stats') return [200, statsJson()];
  if (path === '/dlq/stats') return [200, JSON.stringify({ by_state: {}, by_reason: deadLetters })];
  posts += 1;
  const lines = splitLines(body, Infinity).map((value) => {
    const event = parseEvent(value, Date.now());
    return isRejection(event) ? `dead ${event.reason}` : `stored ${event.id}`;
  });
  lines.forEach(apply);
  appendFileSync(file, `${lines.join('\n')}\n`);
  if (mayDie && posts === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
  const dead = lines.filter((line) => line.startsWith('dead')).length;
  return [
    202,
    JSON.stringify({ accepted: lines.length - dead, rejected: 0, dead_lettered: dead, items: [] }),
  ];
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [status, body] = answer(request.url ?? '', Buffer.concat(chunks));
    response.writeHead(status).end(body);
  });
});
server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
server.listen(Number(port), '127.0.0.1');
