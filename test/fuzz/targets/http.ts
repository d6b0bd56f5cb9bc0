// Any requests, one after the other, to a gateway in process: every answer is one that the API's
// own document allows, and errors are problem documents.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import { problemOf, testApp, type TestApp } from '../../gateway/test-services.ts';
import { assert } from '../claims.ts';
import type { Target } from '../fuzzer.ts';

const folder = mkdtempSync(join(tmpdir(), 'vectorstream-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const requestsMax = 6;
const documentSchema = z.object({
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ responses: z.record(z.string(), z.unknown()) })),
  ),
});
type Paths = z.infer<typeof documentSchema>['paths'];
let documented: Promise<Paths> | null = null;
const readDocument = async (): Promise<Paths> =>
  documentSchema.parse(await (await testApp().request('/openapi.json')).json()).paths;

/** An input is requests divided by `###`: `METHOD /path`, headers, an empty line, the body. */
export const http: Target = {
  name: 'http',
  covers: /\/gateway\/(api|ingest|access|http|dead-letters|config)\//,
  words: [
    'GET ',
    'POST ',
    'PUT ',
    'DELETE ',
    'OPTIONS ',
    'HEAD ',
    'PATCH ',
    '/events',
    '/search',
    '/dlq/messages',
    '/dlq/replay/batch',
    '/dlq/purge',
    '/v1/embeddings',
    '/products/p/similar',
    '/users/u-1/recommendations',
    '/trends',
    '/runners/tokens',
    '/config/search',
    '/sse/events',
    '?limit=',
    '&cursor=',
    '&from=2026-01-01T00:00:00Z',
    '&to=',
    '?on_invalid=dead_letter',
    '?persist=true',
    '&',
    '%',
    '%2e%2e/',
    '%ff',
    'content-type: application/json\n',
    'content-type: application/x-ndjson\n',
    'content-encoding: gzip\n',
    'idempotency-key: k\n',
    'accept: text/html\n',
    'range: bytes=0-1\n',
    'content-length: 5\n',
    'x-request-id: r\n',
    'origin: https://other.example\n',
    'authorization: Bearer x\n',
    'host: other.example\n',
    'upgrade: websocket\n',
    'last-event-id: 1\n',
    '\n###\n',
    '{}',
    '[]',
    '{"query":"kettle"}',
    '"filter"',
    '"cursor"',
    '"limit"',
    '"user_id"',
    '"input"',
    '"encoding_format":"base64"',
    '"dimensions"',
    '"ids"',
    '"reason"',
    '"text"',
    '"vector"',
    '"min_score"',
    '"event_types"',
    '"confirm"',
  ],
  async run(input) {
    documented ??= readDocument();
    const paths = await documented;
    const app = testApp({ store: createMemoryStore() }, { VECTORSTREAM_DATA_DIR: folder });
    for (const text of input.toString().split('\n###\n').slice(0, requestsMax))
      await ask(app, text, paths);
  },
};

async function ask(app: TestApp, text: string, paths: Paths): Promise<void> {
  const end = text.indexOf('\n\n');
  const [first = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\n');
  const [method = 'GET', target = '/'] = first.split(' ');
  let request: Request;
  try {
    const headers = lines.map((line): [string, string] => [
      line.split(':', 1)[0] ?? '',
      line.slice(line.indexOf(':') + 1).trim(),
    ]);
    const hasBody = end >= 0 && !['GET', 'HEAD'].includes(method.toUpperCase());
    request = new Request(
      new URL(`http://127.0.0.1${target.startsWith('/') ? target : `/${target}`}`),
      { method, headers, ...(hasBody && { body: text.slice(end + 2) }) },
    );
  } catch {
    // The platform refuses to make this request.
    return;
  }
  const { pathname } = new URL(request.url);
  const response = await app.request(request.url, request);
  const told = `${request.method} ${pathname} is answered ${response.status}`;
  assert(response.status !== 500, `${told}: ${app.logged().slice(-1500)}`);
  const operation = operationAt(paths, request.method, pathname);
  assert(
    operation === null || String(response.status) in operation.responses,
    `${told}, which is not documented`,
  );
  await checkBody(response, request, pathname, told);
}

async function checkBody(
  response: Response,
  request: Request,
  pathname: string,
  told: string,
): Promise<void> {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) return response.body?.cancel();
  if (request.method === 'HEAD' || response.status === 204)
    return assert((await response.text()) === '', `${told} without a body`);
  if (response.status >= 400 && !pathname.startsWith('/v1/')) await problemOf(response);
  else if (/json/.test(type)) await response.json();
  else await response.text();
}

function operationAt(paths: Paths, method: string, pathname: string): Paths[string][string] | null {
  const parts = pathname.split('/');
  const fits = (template: string): boolean => {
    const wanted = template.split('/');
    return (
      wanted.length === parts.length &&
      wanted.every((part, index) =>
        part.startsWith('{') ? parts[index] !== '' : part === parts[index],
      )
    );
  };
  const template = pathname in paths ? pathname : Object.keys(paths).find(fits);
  return template === undefined ? null : (paths[template]?.[method.toLowerCase()] ?? null);
}
