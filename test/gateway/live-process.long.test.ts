// The live feed of a real gateway with a real runner: each topic reports what happened, and a stop
// closes the feed in order.

import { expect, test } from 'vitest';
import { startGateway } from '../helpers/gateway-program.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import { until } from '../helpers/until.ts';
import { event } from './test-services.ts';

type Message = {
  readonly type: string;
  readonly snapshot?: boolean;
  readonly data?: Record<string, unknown>;
};

test('runners, health, samples and dead letters arrive; a stop closes with 1001', async () => {
  await using folder = await temporaryFolder();
  await using gateway = await startGateway(folder.path);
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/ws/events`);
  const messages: Message[] = [];
  socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(String(data))));
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener('close', ({ code }) => resolve(code), { once: true }),
  );
  const told = (what: string, is: (message: Message) => boolean) =>
    until(what, 40_000, () => messages.find(is));

  await told(
    'the runner is ready',
    ({ type, data }) => type === 'runner' && JSON.stringify(data).includes('"state":"ready"'),
  );
  await told('health is ok', ({ type, data }) => type === 'health' && data?.['status'] === 'ok');
  await gateway.post(
    '/events?on_invalid=dead_letter',
    JSON.stringify([event(), { event_id: 'bad' }]),
  );
  expect(await told('a sample', ({ type }) => type === 'sample')).toMatchObject({
    data: { event: { event_id: 'e-1' }, skipped: 0 },
  });
  expect(await told('a dead letter', ({ type }) => type === 'dead_letter')).toMatchObject({
    data: { reason: 'invalid_event', event_id: 'bad' },
  });
  await told(
    'figures',
    ({ type, snapshot, data }) =>
      type === 'stats' && snapshot !== true && JSON.stringify(data).includes('"stored":1,'),
  );
  expect(messages.slice(0, 4).map(({ type, snapshot }) => [type, snapshot])).toEqual([
    ['hello', undefined],
    ['stats', true],
    ['health', true],
    ['runner', true],
  ]);

  gateway.child.kill('SIGTERM');
  expect(await closed).toBe(1001);
  expect((await gateway.ended).code).toBe(0);
});
