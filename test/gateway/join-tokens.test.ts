// Tokens for tabs: signed, short-lived, limited, revocable even after a restart, and shown only
// once.

import { randomUUID } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { createMemoryRunnerBlocks } from '#core/memory/memory-runner-blocks.ts';
import { createMemoryStore } from '#core/memory/memory-store.ts';
import type { RunnerBlockStore, VectorStore } from '#core/ports.ts';
import type { RunnerBlocks } from '#core/trust/runner-blocks.ts';
import { openJoinTokens, type JoinTokens } from '../../gateway/access/join-tokens.ts';
import { dimensions, fakeVector } from '../helpers/fake-model.ts';
import { joinFakeRunner } from '../helpers/fake-runner.ts';
import { loadedBlocks } from '../helpers/hub-parts.ts';
import { temporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { apiKey, problemOf, testApp } from './test-services.ts';
import { openWorld, type World } from './trust-world.ts';

const terms = { name: 'a tab', ttlMs: 60_000, runnersMax: 1, textsPerSecondMax: null };
const clock = new ManualClock();
let folder: TemporaryFolder;
let blocks: RunnerBlocks;
let tokens: JoinTokens;
const open = (secret = 'secret') => openJoinTokens({ secret, dataDir: folder.path, clock, blocks });

beforeEach(async () => {
  folder = await temporaryFolder();
  blocks = loadedBlocks(clock);
  tokens = await open();
});
afterEach(() => folder[Symbol.asyncDispose]());

async function made(
  changes: {
    readonly ttlMs?: number;
    readonly runnersMax?: number;
    readonly textsPerSecondMax?: number;
  } = {},
) {
  const result = await tokens.make({ ...terms, ...changes });
  if (result === null) throw new Error('no token was made');
  return result;
}

describe('a join token', () => {
  test('is accepted by every gateway with the same secret, until it expires', async () => {
    const {
      token,
      terms: { id },
    } = await made({ runnersMax: 3, textsPerSecondMax: 50 });
    expect((await open()).verify(token)).toMatchObject({
      ok: true,
      token: { id, name: 'a tab', runnersMax: 3, textsPerSecondMax: 50 },
    });
    expect((await open('another secret')).verify(token)).toEqual({ ok: false, why: 'wrong' });
    await clock.advance(59_999);
    expect(tokens.verify(token)).toMatchObject({ ok: true });
    await clock.advance(1);
    expect(tokens.verify(token)).toEqual({ ok: false, why: 'expired' });
    expect(tokens.list()).toEqual([]);
  });

  test('that was changed anywhere is refused, and so is any other text', async () => {
    const { token } = await made();
    for (let at = 5; at < token.length; at += 7) {
      const other = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(tokens.verify(other)).toEqual({ ok: false, why: 'wrong' });
    }
    expect([
      tokens.verify('vsj1.'),
      tokens.verify('vsj1.x.y.z'),
      tokens.verify(`${token}x`),
    ]).toEqual([1, 2, 3].map(() => ({ ok: false, why: 'wrong' })));
    expect([tokens.verify('secret'), tokens.verify('')]).toEqual([null, null]);
  });

  test('stays revoked when the clock was ahead for a while', async () => {
    const {
      token,
      terms: { id },
    } = await made();
    await tokens.revoke(id);
    clock.jump(40 * 86_400_000);
    expect(tokens.list()).toEqual([]);
    clock.jump(-40 * 86_400_000);
    expect(tokens.verify(token)).toEqual({ ok: false, why: 'revoked' });
    expect((await open()).verify(token)).toEqual({ ok: false, why: 'revoked' });
  });

  test('is listed as revoked; the file is private and holds no token', async () => {
    const {
      token,
      terms: { id },
    } = await made();
    await tokens.revoke(id);
    expect((await open()).list()).toMatchObject([{ id, isRevoked: true }]);
    const file = join(folder.path, 'join-tokens.json');
    expect(await readFile(file, 'utf8')).not.toContain(token.split('.')[2]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await writeFile(file, '{"half"');
    await expect(open()).rejects.toThrow(/join-tokens\.json cannot be used/);
  });
});

test('a token that an earlier gateway revoked in its file stays revoked', async () => {
  const {
    token,
    terms: { id, expiresAt },
  } = await made();
  const file = join(folder.path, 'join-tokens.json');
  const written: object = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...written, revoked: [[id, expiresAt]] }));
  expect((await open()).verify(token)).toEqual({ ok: false, why: 'revoked' });
});

test('revocations in a file are written once, and leave it when expired', async () => {
  const puts: number[] = [];
  const memory = createMemoryRunnerBlocks();
  const store: RunnerBlockStore = {
    ...memory,
    put: (added) => {
      puts.push(added.length);
      return memory.put(added);
    },
  };
  const start = async () => {
    blocks = loadedBlocks(clock, store);
    const opened = await open();
    await blocks.loaded;
    await setImmediate();
    return opened;
  };
  const file = join(folder.path, 'join-tokens.json');
  const revoked = Array.from({ length: 1_500 }, (_, n): [string, number] => [
    randomUUID(),
    clock.now() + (n < 500 ? 1_000 : 60_000),
  ]);
  await writeFile(file, JSON.stringify({ made: [], revoked }));
  await start();
  expect(puts).toEqual([1_000, 500]);
  await clock.advance(2_000);
  const restarted = await start();
  expect(puts).toHaveLength(2);
  for (const [id] of revoked) expect(blocks.isRevoked(id)).toBe(true);
  await restarted.make(terms);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ revoked: revoked.slice(500) });
});

const embed = (texts: readonly string[]) => texts.map(fakeVector);

/** The tokens are made by `tokens`, and verified as this gateway knows what is revoked. */
async function world(store?: VectorStore): Promise<World & { readonly tokens: JoinTokens }> {
  const its: { tokens: JoinTokens | null } = { tokens: null };
  const here = await openWorld({
    clock,
    ...(store !== undefined && { store }),
    tokens: {
      shared: 'shared-token',
      trusted: ['trusted-token'],
      join: (token) => its.tokens?.verify(token) ?? null,
    },
  });
  blocks = here.blocks;
  its.tokens = await open();
  return Object.assign(here, { tokens: its.tokens });
}

describe('a runner with a join token', () => {
  test('is untrusted, counts towards the limit, and is closed with 4401 when revoked', async () => {
    await using here = await world();
    const {
      token,
      terms: { id },
    } = await made({ ttlMs: 3_600_000 });
    const runner = joinFakeRunner({ url: here.url, token, name: 'tab', vectors: embed });
    await here.ready(1);
    expect(here.hub.runners()).toMatchObject([{ trusted: false, tokenId: id }]);
    expect(
      await joinFakeRunner({ url: here.url, token, name: 'tab 2', vectors: embed }).closed,
    ).toMatchObject({ code: 4429, reason: 'the runner limit of this join token (1) is reached' });
    await here.feed(10);
    await here.tokens.revoke(id);
    expect(await runner.closed).toMatchObject({ code: 4401 });
    expect(
      (await joinFakeRunner({ url: here.url, token, name: 'tab', vectors: embed }).closed).code,
    ).toBe(1006);
  });

  test('gets no more texts per second than the token allows', async () => {
    await using here = await world();
    const { token } = await made({ ttlMs: 3_600_000, textsPerSecondMax: 10 });
    const runner = joinFakeRunner({ url: here.url, token, name: 'tab', vectors: embed });
    await here.ready(1);
    const from = clock.monotonic();
    await here.feed(100);
    const seconds = (clock.monotonic() - from) / 1000;
    const texts = runner.jobs.slice(1).flat().length;
    expect(texts).toBeGreaterThanOrEqual(100);
    expect(seconds).toBeGreaterThan(8);
  });

  test('that returned wrong vectors blocks its token until the quarantine is over', async () => {
    await using here = await world();
    const { token } = await made({ ttlMs: 3_600_000, runnersMax: 5 });
    joinFakeRunner({ url: here.url, token: 'trusted-token', name: 'own', vectors: embed });
    await here.ready(1);
    const liar = joinFakeRunner({
      url: here.url,
      token,
      name: 'tab',
      vectors: lying,
    });
    await here.ready(2);
    await here.feed(200);
    await here.pass(20_000);
    expect((await liar.closed).code).toBe(4403);
    expect(
      await joinFakeRunner({ url: here.url, token, name: 'another name', vectors: embed }).closed,
    ).toMatchObject({ code: 4429, reason: expect.stringMatching(/^quarantined for \d+ s more/) });
    joinFakeRunner({ url: here.url, token: 'shared-token', name: 'honest', vectors: embed });
    await here.ready(2);
    await clock.advance(60_000);
    joinFakeRunner({ url: here.url, token, name: 'tab', vectors: embed });
    await until(
      'it is back',
      60_000,
      () => here.hub.runners().filter(({ state }) => state === 'ready').length === 3,
    );
  });
});

const memoryStore = () => createMemoryStore({ dimensions, now: () => clock.now() });
/** Right for the golden texts of its first job, and wrong from then on. */
const lying = (texts: readonly string[], job: number) =>
  job === 0 ? embed(texts) : texts.map((text) => fakeVector(`${text}!`));

describe('at two gateways of one store', () => {
  test('a token that one revokes is revoked at the other, whose runner is closed', async () => {
    const shared = memoryStore();
    await using one = await world(shared);
    await using other = await world(shared);
    const { token, terms: of } = await made({ ttlMs: 3_600_000 });
    const runner = joinFakeRunner({ url: other.url, token, name: 'tab', vectors: embed });
    await other.ready(1);
    await one.tokens.revoke(of.id);
    await other.pass(6_000);
    expect(await runner.closed).toMatchObject({ code: 4401 });
    expect(other.tokens.verify(token)).toEqual({ ok: false, why: 'revoked' });
  });

  test('a liar stays in quarantine at the other, and after a restart', async () => {
    const shared = memoryStore();
    const { token } = await made({ ttlMs: 3_600_000, runnersMax: 5 });
    await using other = await world(shared);
    {
      await using one = await world(shared);
      joinFakeRunner({ url: one.url, token: 'trusted-token', name: 'own', vectors: embed });
      const liar = joinFakeRunner({ url: one.url, token, name: 'liar', vectors: lying });
      await one.ready(2);
      await one.feed(200);
      await one.pass(5_000);
      expect((await liar.closed).code).toBe(4403);
    }
    await using restarted = await world(shared);
    await other.pass(6_000);
    for (const { url } of [other, restarted])
      expect(
        await joinFakeRunner({ url, token, name: 'renamed', vectors: embed }).closed,
      ).toMatchObject({ code: 4429, reason: expect.stringMatching(/^quarantined for \d+ s more/) });
    const [found] = other.blocks.quarantines();
    if (found === undefined) throw new Error('the quarantine is not known');
    await other.blocks.lift(found);
    joinFakeRunner({ url: other.url, token, name: 'mended', vectors: embed });
    await other.ready(1);
  });
});

describe('over HTTP', () => {
  test('quarantines are listed without the address, and one is lifted', async () => {
    const { request } = testApp({ blocks });
    blocks.quarantine({ by: 'token', id: 'token-1' }, 'wrong');
    await clock.advance(1);
    blocks.quarantine({ by: 'address', id: 'hash' }, 'wrong too');
    const listed = await (await request('/runners/quarantines')).text();
    const { items }: { readonly items: readonly { readonly id: string }[] } = JSON.parse(listed);
    expect(items).toMatchObject([
      { by: 'address', join_token: null, reason: 'wrong too', times: 1 },
      { by: 'token', join_token: 'token-1', reason: 'wrong' },
    ]);
    expect(listed).not.toContain('hash');
    const lift = (id: string | undefined) =>
      request(`/runners/quarantines/${id}`, { method: 'DELETE' });
    expect((await lift(items[0]?.id)).status).toBe(204);
    expect(blocks.quarantines()).toHaveLength(1);
    expect(await problemOf(await lift(items[0]?.id))).toMatchObject({
      status: 404,
      code: 'quarantine_not_found',
    });
  });

  test('a token is created, shown once, listed without its text and revoked', async () => {
    const { post, request, logged } = testApp({ joinTokens: tokens });
    const response = await post('/runners/tokens', {
      name: 'my tab',
      ttl_minutes: 5,
      runners_max: 2,
      texts_per_second_max: 100,
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body: { readonly token: string; readonly id: string } = await response.json();
    expect(body).toMatchObject({
      token: expect.stringMatching(/^vsj1\./),
      expires_at: expect.stringMatching(/Z$/),
      limits: { runners_max: 2, texts_per_second_max: 100 },
    });
    expect(tokens.verify(body.token)).toMatchObject({ ok: true });
    const listed = await (await request('/runners/tokens')).text();
    expect(JSON.parse(listed)).toMatchObject({
      items: [{ id: body.id, name: 'my tab', revoked: false, runners: 0 }],
      next_cursor: null,
    });
    expect(listed + logged()).not.toContain(body.token);
    expect((await request(`/runners/tokens/${body.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(tokens.verify(body.token)).toEqual({ ok: false, why: 'revoked' });
  });

  test.for<[string, object]>([
    ['too long', { ttl_minutes: 7 * 24 * 60 + 1 }],
    ['no time', { ttl_minutes: 0 }],
    ['no runner', { runners_max: 0 }],
    ['an unknown member', { limits: {} }],
  ])('%s is refused', async ([, body]) => {
    const { post } = testApp({ joinTokens: tokens });
    expect(await problemOf(await post('/runners/tokens', body))).toMatchObject({
      status: 422,
      code: 'validation_failed',
    });
  });

  test('requires the API key where one is set', async () => {
    const { post, request } = testApp({ joinTokens: tokens }, { VECTORSTREAM_API_KEY: apiKey });
    expect((await post('/runners/tokens', {})).status).toBe(401);
    expect((await request('/runners/tokens')).status).toBe(401);
    expect((await post('/runners/tokens', {}, { 'x-api-key': apiKey })).status).toBe(201);
  });
});
