// The client has a call for every path of the API, except those listed here with a reason.

import { expect, test } from 'vitest';
import { createClient } from '../../client/client.ts';
import { testApp } from '../gateway/test-services.ts';

/** Paths without a call, and why. */
const leftOut: Readonly<Record<string, string>> = {
  'GET /runners/connect': 'only runners speak its protocol',
  'GET /ws/events': 'the live feed is read as server-sent events',
  'GET /metrics': 'Prometheus reads it',
  'GET /livez': 'for orchestrators',
  'GET /health/live': 'for orchestrators',
  'GET /startupz': 'for orchestrators',
  'GET /health/ready': 'another name of /readyz',
  'GET /health/kafka': 'part of /health',
  'GET /health/qdrant': 'part of /health',
  'GET /health/runners': 'part of /health',
  'GET /health/system': '/system has the same content',
  'GET /v1/models/{}': '/v1/models lists the only one',
};

test('every path has a call', async () => {
  const document: { readonly paths: Readonly<Record<string, object>> } = await (
    await testApp().request('/openapi.json')
  ).json();
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`,
    ),
  );
  const called = new Set<string>();
  const client = createClient({
    url: 'http://gateway',
    attemptsMax: 1,
    fetch: async (address, init) => {
      called.add(
        `${init.method}` +
          ` ${decodeURIComponent(new URL(address).pathname).replace(/\[[^\]]*\]/, '{}')}`,
      );
      return new Response('{"code":"refused","detail":"no"}', { status: 422 });
    },
  });
  const id = '[one]';
  const { events, products, searchRules, deadLetters, runners, joinTokens, health, config } =
    client;
  const calls: readonly Promise<unknown>[] = [
    events.send([
      { event_id: 'e', timestamp: '', user_id: '', event_type: 'view', session_id: '' },
    ]),
    events.list().next(),
    events.get(id),
    client.search({ query: 'x' }),
    client.similar(id),
    products.put({ id, name: 'x', price: 1 }),
    products.putAll([]),
    products.get(id),
    products.delete(id),
    searchRules.get(),
    searchRules.put({}),
    client.recommendations(id),
    client.recommend({ user_id: id }),
    client.related(id),
    client.texts.pages().next(),
    client.trends(),
    client.funnel(),
    client.audit(),
    client.users.erase(id),
    client.users.erasure(id),
    client.embeddings('x', { model: 'm' }),
    client.models(),
    deadLetters.list().next(),
    deadLetters.get(id),
    deadLetters.stats(),
    deadLetters.add({ reason: 'not_json', message: 'm', value: '' }),
    deadLetters.replay(id),
    deadLetters.replayBatch({}),
    deadLetters.purge(id),
    deadLetters.purgeMatching({}),
    runners.list(),
    runners.get(id),
    runners.drain(id),
    runners.remove(id),
    runners.quarantine(id, { reason: 'wrong' }),
    runners.quarantines(),
    runners.endQuarantine(id),
    joinTokens.make(),
    joinTokens.list(),
    joinTokens.revoke(id),
    health.get(),
    health.ready(),
    client.stats(),
    client.generator(true),
    client.statsHistory(),
    client.attribution(),
    client.system(),
    config.get(),
    config.change(id, {}),
    client.live().next(),
  ];
  await Promise.all(calls.map((call) => expect(call).rejects.toMatchObject({ code: 'refused' })));
  expect(
    described.filter((operation) => !called.has(operation) && !(operation in leftOut)),
  ).toEqual([]);
  expect(
    [...called, ...Object.keys(leftOut)].filter((operation) => !described.includes(operation)),
  ).toEqual([]);
});
