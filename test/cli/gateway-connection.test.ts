// A command's connection to a gateway: which gateway it is, how it waits, and one clear line when
// the gateway is down, wrong or full.

import { describe, expect, test } from 'vitest';
import { DependencyError } from '#core/errors/errors.ts';
import { systemClock } from '#core/time/clock.ts';
import { connectGateway, defaultGatewayUrl } from '../../cli/gateway/gateway-connection.ts';
import { untilReady } from '../../cli/gateway/gateway-readiness.ts';
import { statsWithCounts, storedCountsOf } from '../../cli/gateway/stored-counts.ts';
import { gatewayTarget } from '../../cli/generator/send-events.ts';
import { VectorStreamConnectionError } from '../../client/client.ts';
import { allAccepted, scriptedGateway } from './helpers/scripted-http-gateway.ts';

const { signal } = new AbortController();

function connect(url: string, retryForMs: number, reasons: string[] = []) {
  return connectGateway({
    url,
    apiKey: 'key-1',
    retryForMs,
    onWait: (reason) => reasons.push(reason),
  });
}

/** The error that a person sees when `GET /stats` is called. */
async function errorAt(url: string, retryForMs = 1_000): Promise<unknown> {
  const { client, throwExplained } = connect(url, retryForMs);
  return await client
    .stats()
    .catch(throwExplained)
    .catch((error: unknown) => error);
}

const encoder = new TextEncoder();
const batch = (count: number) => ({
  lines: Array.from({ length: count }, (_, index) => encoder.encode(`{"n":${index}}`)),
  keys: Array.from({ length: count }, () => 'u'),
});

const readinessOptions = (url: string, timeoutMs: number, reasons: string[]) => ({
  client: connect(url, 1_000).client,
  clock: systemClock,
  signal,
  pollMs: 1,
  timeoutMs,
  hint: 'Its log is x.',
  onWait: (reason: string) => reasons.push(reason),
});

describe('a connection', () => {
  test('retries at a full gateway with the key, and announces the wait once', async () => {
    await using gateway = await scriptedGateway(({ body }, number) =>
      number < 3
        ? { status: 429, headers: { 'retry-after': '0' }, body: { detail: 'The log is full.' } }
        : allAccepted(body),
    );
    const reasons: string[] = [];
    const { client } = connect(gateway.url, 20_000, reasons);
    expect(await gatewayTarget(client).send(batch(3), signal)).toEqual({
      accepted: 3,
      rejected: 0,
      deadLettered: 0,
    });
    expect(reasons).toEqual(['the gateway answered 429: The log is full; retrying']);
    expect(gateway.requests).toEqual(
      Array.from({ length: 3 }, () => ({
        path: '/events?on_invalid=dead_letter',
        body: '{"n":0}\n{"n":1}\n{"n":2}\n',
        authorization: 'Bearer key-1',
      })),
    );
  });

  test('says in one line that nothing answers', async () => {
    const gone = await scriptedGateway(() => ({ status: 200, body: {} }));
    await gone[Symbol.asyncDispose]();
    const error = await errorAt(`${gone.url}/`);
    expect(error).toBeInstanceOf(DependencyError);
    expect(error).toMatchObject({
      code: 'gateway_unavailable',
      retryable: true,
      message:
        `The gateway at ${gone.url} cannot be reached (ECONNREFUSED); gave up after 1 s. ` +
        'Start it with npm start, or name another with --target.',
    });
  });

  test.each([
    [
      'full',
      { status: 429, headers: { 'retry-after': '60' }, body: { detail: 'The log is full.' } },
      /^The gateway at \S+ answered 429: The log is full; gave up after 1 s\.$/,
    ],
    [
      'closed to this key',
      { status: 401, body: { detail: 'No key.' } },
      /^The gateway at \S+ answered 401: No key\. Set VECTORSTREAM_API_KEY to the gateway’s key\.$/,
    ],
    ['another program', { status: 404, body: {} }, /^The gateway at \S+ answered 404\.$/],
  ])('says in one line that the gateway is %s', async (_name, reply, message) => {
    await using gateway = await scriptedGateway(() => reply);
    expect(String(await errorAt(gateway.url)).replace('DependencyError: ', '')).toMatch(message);
    expect(gateway.requests.length).toBe(1);
  });

  test('says in one line that the answer is not a gateway’s', () => {
    const { throwExplained } = connect('http://127.0.0.1:1', 1_000);
    const options = { code: 'not_json', reason: 'the answer is not JSON' } as const;
    expect(() => throwExplained(new VectorStreamConnectionError('x', options))).toThrow(
      'http://127.0.0.1:1 is not a VectorStream gateway: its answer is not JSON. ' +
        'Name a gateway with --target.',
    );
  });

  test('passes on errors that are not the client’s', () => {
    const { throwExplained } = connect('http://127.0.0.1:1', 1_000);
    expect(() => throwExplained(new RangeError('mine'))).toThrow(RangeError);
  });
});

describe('the gateway of this machine', () => {
  test('is found by the environment', () => {
    expect(defaultGatewayUrl({})).toBe('http://127.0.0.1:8080');
    expect(defaultGatewayUrl({ VECTORSTREAM_HOST: '0.0.0.0', VECTORSTREAM_PORT: '9000' })).toBe(
      'http://127.0.0.1:9000',
    );
    expect(defaultGatewayUrl({ VECTORSTREAM_HOST: '::1' })).toBe('http://[::1]:8080');
    expect(() => defaultGatewayUrl({ VECTORSTREAM_PORT: 'x' })).toThrow(
      'VECTORSTREAM_PORT is "x"; allowed is a whole number from 1 to 65535.',
    );
    expect(() => defaultGatewayUrl({ VECTORSTREAM_HOST: 'a b' })).toThrow(
      /^VECTORSTREAM_HOST is "a b"/,
    );
  });
});

describe('a gateway that starts', () => {
  const causes = [{ component: 'runners', message: 'no runner is connected' }];
  const notReady = { status: 503, body: { status: 503, code: 'not_ready', causes } };
  test('is awaited, with the reasons for which it is not ready', async () => {
    await using gateway = await scriptedGateway((_, number) =>
      number === 1 ? notReady : { status: 200, body: { status: 'ready' } },
    );
    const reasons: string[] = [];
    await untilReady(readinessOptions(gateway.url, 10_000, reasons));
    expect(reasons).toEqual(['runners: no runner is connected']);
  });

  test('is awaited for a limited time', async () => {
    await using gateway = await scriptedGateway(() => notReady);
    await expect(untilReady(readinessOptions(gateway.url, 0, []))).rejects.toThrow(
      'The gateway is not ready after 0 s: runners: no runner is connected. Its log is x.',
    );
  });

  test('is asked for its counts until store and dead-letter queue have answered', async () => {
    const store = { texts: 2, events: 3, as_of: '' };
    const deadLetters = { open: 1, as_of: '' };
    const answers = [
      { store: null, dead_letters: null },
      { store, dead_letters: null },
      { store, dead_letters: deadLetters },
    ];
    expect(answers.map((stats) => storedCountsOf(stats))).toEqual([
      null,
      null,
      { texts: 2, events: 3, deadLetters: 1 },
    ]);
    await using gateway = await scriptedGateway(() => ({ status: 200, body: answers.shift() }));
    const { client } = connect(gateway.url, 1_000);
    expect((await statsWithCounts(client, systemClock, signal)).counts.events).toBe(3);
  });
});
