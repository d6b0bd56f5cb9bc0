// Rate limits of clients: budgets that refill, headers that report them, and a bounded memory of
// clients.

import { describe, expect, test } from 'vitest';
import { TokenBuckets } from '../../gateway/access/token-buckets.ts';
import { event, problemOf, testApp } from './test-services.ts';

const limited = {
  VECTORSTREAM_RATES_APPLY: 'always',
  VECTORSTREAM_RATES_READS_PER_MINUTE: '60',
  VECTORSTREAM_RATES_SEARCHES_PER_MINUTE: '2',
  VECTORSTREAM_RATES_EVENTS_PER_MINUTE: '10',
};

describe('rate limits', () => {
  test('are off on a loopback host, so demo and generator run at full speed', async () => {
    const { request } = testApp({}, { VECTORSTREAM_RATES_READS_PER_MINUTE: '1' });
    for (let i = 0; i < 5; i += 1)
      expect((await request('/stats')).headers.get('ratelimit')).toBeNull();
  });

  test('report what is left, refuse the excess with Retry-After, and refill steadily', async () => {
    const { post, clock } = testApp({}, limited);
    const search = () => post('/search', { query: 'kettle' });
    const first = await search();
    expect([first.headers.get('ratelimit-policy'), first.headers.get('ratelimit')]).toEqual([
      '"searches";q=2;w=60',
      '"searches";r=1;t=30',
    ]);
    expect((await search()).status).toBe(200);
    const refused = await search();
    expect(await problemOf(refused)).toMatchObject({
      status: 429,
      code: 'rate_limited',
      detail: 'More than 2 searches per minute; retry after the seconds in Retry-After.',
    });
    expect([refused.headers.get('retry-after'), refused.headers.get('ratelimit')]).toEqual([
      '30',
      '"searches";r=0;t=60',
    ]);
    await clock.advance(30_000);
    expect((await search()).status).toBe(200);
    expect((await search()).status).toBe(429);
  });

  test('count events one by one, and each budget separately', async () => {
    const { post, request, clock } = testApp({}, limited);
    const events = (count: number) =>
      post(
        '/events',
        Array.from({ length: count }, (_, i) => event({ event_id: `e-${i}` })),
      );
    expect((await events(15)).status).toBe(202);
    expect((await events(1)).status).toBe(429);
    expect((await request('/stats')).status).toBe(200);
    expect((await post('/search', { query: 'kettle' })).status).toBe(200);
    // Five events too many and one more, at ten a minute.
    await clock.advance(35_000);
    expect((await events(1)).status).toBe(429);
    await clock.advance(2_000);
    expect((await events(1)).status).toBe(202);
  });

  test('count each key separately, and do not count liveness', async () => {
    const keys = { VECTORSTREAM_API_KEYS: 'a:read:the-key-of-client-a,b:read:the-key-of-client-b' };
    const { post, request } = testApp({}, { ...limited, ...keys });
    const search = (key: string) => post('/search', { query: 'kettle' }, { 'x-api-key': key });
    for (const status of [200, 200, 429])
      expect((await search('the-key-of-client-a')).status).toBe(status);
    expect((await search('the-key-of-client-b')).status).toBe(200);
    for (let i = 0; i < 100; i += 1) expect((await request('/livez')).status).toBe(200);
  });
});

describe('a bucket', () => {
  test('of the least recently seen client is dropped when there are too many', () => {
    const buckets = new TokenBuckets(() => 1000);
    for (let i = 0; i < 50_000; i += 1) buckets.use(`client ${i}`, 10, 1, 0);
    expect(buckets.size).toBe(1000);
    expect(buckets.use('client 49999', 10, 0, 0).left).toBe(9);
  });

  test('owes at most a minute, whatever was used', () => {
    const buckets = new TokenBuckets(() => 10);
    buckets.use('a', 10, 1, 0);
    buckets.charge('a', 10, 1_000_000, 0);
    expect(buckets.use('a', 10, 0, 0)).toMatchObject({ ok: false, left: 0, oneInS: 66 });
    expect(buckets.use('a', 10, 0, 66_001).ok).toBe(true);
    expect(buckets.use('a', 10, 0, 10_000_000).left).toBe(10);
  });
});
