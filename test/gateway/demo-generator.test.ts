// The generator of `npm run demo`: a page starts and stops it through the gateway, and a gateway
// that no demo started has none.

import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { DemoGenerator } from '../../cli/demo/demo-generator.ts';
import { openEventStream } from '../../cli/generator/event-stream.ts';
import type { StreamTarget } from '../../cli/generator/send-events.ts';
import { generatorOver } from '../../gateway/ingest/parent-generator.ts';
import { until } from '../helpers/until.ts';
import { apiKey, clientOf, problemOf, testApp } from './test-services.ts';

const rate = 20;
const count = 60;
const waitMs = 30_000;

/** Two ends of an IPC channel: `gateway` in the gateway, `demo` in the demo. */
function channels() {
  const toGateway = new EventEmitter<{ message: [unknown] }>();
  const toDemo = new EventEmitter<{ message: [unknown] }>();
  return {
    toDemo,
    gateway: {
      on: (event: 'message', listener: (message: unknown) => void) => toGateway.on(event, listener),
      send: (message: unknown) => toDemo.emit('message', message),
    },
    demo: {
      onMessage: (listener: (message: unknown) => void) => void toDemo.on('message', listener),
      tell: (message: object) => void toGateway.emit('message', message),
    },
  };
}

function rig(send: StreamTarget['send'] = async ({ lines }) => taken(lines.length)) {
  const { toDemo, gateway, demo } = channels();
  const generator = generatorOver(gateway);
  const clock = new ManualClock();
  const said: string[] = [];
  const open = () =>
    new DemoGenerator({
      gateway: demo,
      target: { send },
      rate,
      stream: () =>
        openEventStream({
          seed: 1,
          count,
          stream: { kind: 'zipf', exponent: 1.1 },
          catalogueSize: 50,
          invalidPercent: 0,
          startAt: clock.now(),
          stepMs: 1000 / rate,
        }),
      clock,
      say: (line) => said.push(line),
    });
  const app = testApp({ generator });
  return { open, gateway, generator, app, clock, said, client: clientOf(app), toDemo };
}

const taken = (accepted: number) => ({ accepted, rejected: 0, deadLettered: 0 });

test('a page starts the generator and stops it; GET /stats says what it does', async () => {
  const { open, app, client, clock } = rig();
  await using _ = open();
  const state = async () => (await client.stats()).generator;
  expect(await state()).toEqual({ running: false, events_per_second: rate, sent: 0 });
  await client.generator(true);
  // A second press changes nothing.
  await client.generator(true);
  await until('a second of events is sent', waitMs, async () => {
    await clock.advance(50);
    return (await state())?.sent === 20;
  });
  expect((await state())?.running).toBe(true);
  await client.generator(false);
  await until('it has stopped', waitMs, async () => (await state())?.running === false);
  const { sent = 0 } = (await state()) ?? {};
  await clock.advance(1000);
  expect((await state())?.sent).toBe(sent);
  expect(app.logged()).toContain('generator asked');
});

test('it ends by itself, and goes on counting when it is started again', async () => {
  const { open, generator, clock } = rig();
  await using _ = open();
  for (const sent of [count, 2 * count]) {
    generator.run(true);
    await until('all events of a run are sent', waitMs, async () => {
      await clock.advance(1000);
      return generator.state()?.running === false;
    });
    expect(generator.state()?.sent).toBe(sent);
  }
});

test('a gateway that refuses the events ends it, and the demo says why', async () => {
  const { open, generator, clock, said } = rig(() => Promise.reject(new Error('the disk is full')));
  await using _ = open();
  generator.run(true);
  await until('the failure is told', waitMs, async () => {
    await clock.advance(50);
    return said.length > 0;
  });
  expect(said).toEqual(['The generator has stopped: the disk is full']);
  expect(generator.state()?.running).toBe(false);
});

test('a gateway that was restarted learns of it', async () => {
  const { open, gateway, toDemo } = rig();
  await using _ = open();
  const restarted = generatorOver(gateway);
  expect(restarted.state()).toBeNull();
  toDemo.emit('message', { type: 'listening', url: 'http://127.0.0.1:1' });
  expect(restarted.state()).toMatchObject({ running: false, sent: 0 });
});

test('a gateway that no demo started says so, whatever it is asked', async () => {
  const { generator, app } = rig();
  generator.run(true);
  expect(generator.state()).toBeNull();
  const put = { method: 'PUT', headers: { 'content-type': 'application/json' } };
  const answer = await app.request('/generator', { ...put, body: '{"running":true}' });
  expect(answer.status).toBe(404);
  expect((await problemOf(answer))['code']).toBe('no_generator');
});

test('a key that may only read cannot start it', async () => {
  const { generator } = rig();
  const keys = `sender:write:${apiKey},reader:read:${apiKey}-2`;
  const { request } = testApp({ generator }, { VECTORSTREAM_API_KEYS: keys });
  const ask = async (key: string) =>
    (
      await request('/generator', {
        method: 'PUT',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: '{"running":true}',
      })
    ).status;
  expect([await ask(`${apiKey}-2`), await ask(apiKey)]).toEqual([403, 404]);
});
