// A runner's side of a connection, over a link in memory: it works, sends heartbeats, leaves in
// order, and ends when its model fails.

import { describe, expect, test } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import { memoryLink } from '#core/memory/memory-channel.ts';
import type { Channel, Embedder } from '#core/ports.ts';
import { decodeJobResult, type DecodedResult } from '#core/protocol/job-result-frame.ts';
import {
  RunnerFailedError,
  runRunnerLoop,
  type RunnerLoopOptions,
} from '#core/protocol/runner-loop.ts';
import { keepConnected } from '#core/protocol/runner-reconnect.ts';
import { ConnectError } from '#core/protocol/websocket-channel.ts';
import {
  encodeMessage,
  parseRunnerMessage,
  protocolVersion,
  type GatewayMessage,
} from '#core/protocol/wire.ts';
import { always } from '#core/time/fair-queue.ts';
import { dimensions, fakeEmbedder, fakeVector } from '../helpers/fake-model.ts';

const welcome: GatewayMessage = {
  type: 'runner-welcome',
  protocol: protocolVersion,
  sessionId: 's',
  heartbeatMs: 1000,
  limits: { frameBytesMax: 1, textsPerJobMax: 1, textCharsMax: 1 },
};
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined };

/** The gateway's end, controlled by the test. */
class Gateway {
  readonly messages: string[] = [];
  readonly results: DecodedResult[] = [];
  end: { code: number; reason: string } | null = null;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.#channel = channel;
    channel.listen({
      frame: (frame) => {
        if (typeof frame === 'string') this.messages.push(parseRunnerMessage(frame).type);
        else this.results.push(decodeJobResult(frame, dimensions));
      },
      closed: (code, reason) => {
        this.end = { code, reason };
      },
    });
  }

  tell(message: GatewayMessage): void {
    this.#channel.send(encodeMessage(message));
  }

  assign(jobId: string, ...texts: string[]): void {
    this.tell({ type: 'job-assign', jobId, attempt: 1, deadlineMs: 1000, texts });
  }

  sendRaw(frame: string | Uint8Array): void {
    this.#channel.send(frame);
  }

  close(code: number): void {
    this.#channel.close(code, 'because');
  }
}

function setUp(embedder: Embedder = fakeEmbedder()) {
  const clock = new ManualClock();
  const link = memoryLink();
  const stop = new AbortController();
  const options: RunnerLoopOptions = {
    channel: link.near,
    embedder,
    turn: always,
    clock,
    name: 'cpu-1',
    kind: 'node',
    drain: stop.signal,
    log: quiet,
  };
  return { clock, link, stop, gateway: new Gateway(link.far), end: runRunnerLoop(options) };
}

/**
 * Each attempt to connect takes the next entry of `script`: a working gateway, a gateway that never
 * answers, or no gateway.
 */
function keep(script: (((gateway: Gateway) => void) | 'frozen')[]) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const embedder = fakeEmbedder();
  let attempts = 0;
  const done = keepConnected({
    embedder,
    turn: always,
    clock,
    random: () => 0.5,
    name: 'cpu-1',
    kind: 'node',
    drain: stop.signal,
    log: quiet,
    connect: (signal) => {
      const play = script[attempts++];
      if (play === 'frozen')
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      if (play === undefined) return Promise.reject(new ConnectError('nobody there'));
      const link = memoryLink();
      play(new Gateway(link.far));
      return Promise.resolve(link.near);
    },
  });
  return { clock, stop, done, embedder, attempts: () => attempts };
}

describe('one connection', () => {
  test('greets, is welcomed, and answers jobs in order', async () => {
    const { clock, gateway, end } = setUp();
    await clock.advance(0);
    expect(gateway.messages).toEqual(['runner-hello']);
    gateway.tell(welcome);
    gateway.assign('1', 'a', 'b');
    gateway.assign('2', 'c');
    await clock.advance(10);
    expect(gateway.results.map(({ jobId }) => jobId)).toEqual(['1', '2']);
    expect(gateway.results[0]?.outcomes).toEqual(
      ['a', 'b'].map((text) => ({ ok: true, vector: fakeVector(text) })),
    );
    gateway.close(1001);
    expect(await end).toEqual({ code: 1001, reason: 'because', welcomed: true });
    expect(clock.sleeping).toBe(0);
  });

  test('a text that the model refuses fails alone; its neighbours get their vectors', async () => {
    const { clock, gateway, end } = setUp(
      fakeEmbedder((text) =>
        text === 'bad'
          ? { ok: false, code: 'too_odd', message: 'x'.repeat(5000) }
          : { ok: true, vector: fakeVector(text) },
      ),
    );
    gateway.tell(welcome);
    gateway.assign('1', 'a', 'bad', 'c');
    await clock.advance(10);
    expect(gateway.results[0]?.outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
    gateway.close(1000);
    await end;
  });

  test.each<[string, Parameters<typeof fakeEmbedder>[0]]>([
    [
      'throws',
      () => {
        throw new Error('device lost');
      },
    ],
    ['makes NaN', (text) => ({ ok: true, vector: fakeVector(text).fill(NaN) })],
    ['makes zeros', (text) => ({ ok: true, vector: fakeVector(text).fill(0) })],
  ])('a model that %s is reported and never used again', async (_, outcome) => {
    const { clock, gateway, end } = setUp(fakeEmbedder(outcome));
    const failed = end.catch((error: unknown) => error);
    gateway.tell(welcome);
    gateway.assign('1', 'a');
    gateway.assign('2', 'b');
    await clock.advance(10);
    expect(await failed).toBeInstanceOf(RunnerFailedError);
    expect(gateway.messages).toEqual(['runner-hello', 'runner-error']);
    expect(gateway.end?.code).toBe(4500);
    expect(gateway.results).toEqual([]);
  });

  test('sends heartbeats at the interval that the gateway asked for', async () => {
    const { clock, gateway, end } = setUp();
    gateway.tell(welcome);
    await clock.advance(0);
    for (let beat = 0; beat < 5; beat++) {
      gateway.tell({ type: 'gateway-heartbeat' });
      await clock.advance(1000);
    }
    expect(gateway.messages.filter((type) => type === 'runner-heartbeat')).toHaveLength(5);
    gateway.close(1001);
    await end;
  });

  test('closes the connection when the gateway falls silent', async () => {
    const { clock, gateway, link, end } = setUp();
    gateway.tell(welcome);
    await clock.advance(0);
    link.freeze();
    await clock.advance(3999);
    expect(clock.sleeping).toBeGreaterThan(0);
    await clock.advance(1);
    expect(await end).toMatchObject({ code: 4408, welcomed: true });
  });

  test('closes the connection when the gateway sends no welcome', async () => {
    const { clock, end } = setUp();
    await clock.advance(10_000);
    expect(await end).toMatchObject({ code: 4408, welcomed: false });
  });

  test.each<[string, string | Uint8Array]>([
    ['not JSON', '{'],
    ['a binary frame', new Uint8Array(4)],
    ['a second welcome', encodeMessage(welcome)],
    ['unknown', '{"type":"reboot"}'],
  ])('a frame that is %s ends the connection with 4400', async (_, frame) => {
    const { clock, gateway, end } = setUp();
    gateway.tell(welcome);
    gateway.sendRaw(frame);
    await clock.advance(0);
    expect(await end).toMatchObject({ code: 4400 });
    expect(gateway.end?.code).toBe(4400);
  });

  test('a drain answers the jobs in work, then closes with 1000', async () => {
    const release = Promise.withResolvers<void>();
    const { clock, gateway, stop, end } = setUp(
      fakeEmbedder(async (text) => {
        await release.promise;
        return { ok: true, vector: fakeVector(text) };
      }),
    );
    gateway.tell(welcome);
    gateway.assign('1', 'a');
    gateway.assign('2', 'b');
    await clock.advance(0);
    stop.abort();
    release.resolve();
    await clock.advance(10);
    expect(await end).toMatchObject({ code: 1000 });
    expect(gateway.messages).toContain('runner-drain');
    expect(gateway.results.map(({ jobId }) => jobId)).toEqual(['1', '2']);
    expect(clock.sleeping).toBe(0);
  });

  test('a drain that the gateway asks for does the same', async () => {
    const { clock, gateway, end } = setUp();
    gateway.tell(welcome);
    gateway.assign('1', 'a');
    gateway.tell({ type: 'runner-drain', reason: 'test' });
    await clock.advance(10);
    expect(await end).toMatchObject({ code: 1000, welcomed: true });
    expect(gateway.results).toHaveLength(1);
  });
});

describe('over connections', () => {
  test('reconnects with the same model after the gateway was away', async () => {
    const gateways: Gateway[] = [];
    const { clock, stop, done, embedder } = keep([
      (gateway) => {
        gateway.tell(welcome);
        gateway.assign('1', 'a');
        gateways.push(gateway);
      },
      (gateway) => {
        gateway.tell(welcome);
        gateway.assign('2', 'b');
        gateways.push(gateway);
      },
    ]);
    await clock.advance(10);
    gateways[0]?.close(1001);
    await clock.advance(1000);
    expect(gateways[1]?.results.map(({ jobId }) => jobId)).toEqual(['2']);
    expect(embedder.embedded).toEqual(['a', 'b']);
    stop.abort();
    await clock.advance(10);
    await done;
    expect(clock.sleeping).toBe(0);
  });

  test.each([
    [4401, /token/],
    [4403, /vectors are wrong/],
    [4409, /another model/],
  ])('close code %i ends the runner with the reason', async (code, message) => {
    const { clock, done } = keep([(gateway) => gateway.close(code)]);
    const refused = done.catch((error: unknown) => error);
    await clock.advance(0);
    expect(await refused).toMatchObject({
      name: 'RunnerRefusedError',
      closeCode: code,
      message: expect.stringMatching(message),
    });
  });

  test('without a gateway it retries with growing delays until it is stopped', async () => {
    const { clock, stop, done, attempts } = keep([]);
    await clock.advance(2_000);
    const early = attempts();
    expect(early).toBeGreaterThanOrEqual(3);
    await clock.advance(60_000);
    const late = attempts();
    await clock.advance(60_000);
    expect(attempts() - late).toBeLessThanOrEqual(8);
    stop.abort();
    await done;
    expect(clock.sleeping).toBe(0);
  });

  test('reconnects when the gateway accepts the connection and never answers', async () => {
    const { clock, stop, done, attempts } = keep(['frozen', (gateway) => gateway.tell(welcome)]);
    await clock.advance(9_000);
    expect(attempts()).toBe(1);
    await clock.advance(2_000);
    expect(attempts()).toBe(2);
    stop.abort();
    await clock.advance(10_000);
    await done;
    expect(clock.sleeping).toBe(0);
  });

  test('waits long before it connects to a full fleet again', async () => {
    const { clock, stop, done, attempts } = keep([(gateway) => gateway.close(4429)]);
    await clock.advance(14_000);
    expect(attempts()).toBe(1);
    await clock.advance(20_000);
    expect(attempts()).toBeGreaterThan(1);
    stop.abort();
    await done;
  });

  test('does not reconnect after the gateway asked it to drain', async () => {
    const { clock, done, attempts } = keep([
      (gateway) => {
        gateway.tell(welcome);
        gateway.tell({ type: 'runner-drain', reason: 'test' });
      },
    ]);
    await clock.advance(10);
    await done;
    expect(attempts()).toBe(1);
  });
});
