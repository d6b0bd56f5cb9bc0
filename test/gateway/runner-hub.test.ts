// The runner hub over real WebSockets on the loopback address: which runners are admitted, which
// may work, and what happens to the work of a failed runner.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { Clock, Embedder, EmbedOutcome, FleetResult } from '#core/ports.ts';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import { RunnerFailedError, runRunnerLoop } from '#core/protocol/runner-loop.ts';
import { keepConnected } from '#core/protocol/runner-reconnect.ts';
import { connectWebSocket } from '#core/protocol/websocket-channel.ts';
import {
  encodeMessage,
  parseGatewayMessage,
  subprotocol,
  wireLimits,
  type JobAssign,
  type RunnerHello,
} from '#core/protocol/wire.ts';
import { systemClock } from '#core/time/clock.ts';
import { always } from '#core/time/fair-queue.ts';
import {
  createRunnerHub,
  defaultHubLimits,
  type HubLimits,
  type RunnerHub,
} from '../../gateway/fleet/runner-hub.ts';
import { bounds, fakeEmbedder, fakeVector, golden, identity } from '../helpers/fake-model.ts';
import { loadedBlocks, noProvenanceLog } from '../helpers/hub-parts.ts';

const trustedToken = 'trusted-token';
const tokens = { shared: 'shared-token', trusted: [trustedToken], join: () => null };
const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const cleanUps: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

type Bench = {
  readonly hub: RunnerHub;
  readonly url: string;
  readonly server: Server;
  readonly seen: string[];
};

async function startHub(
  clock: Clock = systemClock,
  limits: Partial<HubLimits> = {},
): Promise<Bench> {
  const seen: string[] = [];
  const hub = createRunnerHub({
    identity,
    golden,
    bounds,
    tokens,
    clock,
    limits: { ...defaultHubLimits, closeMsMax: 500, ...limits },
    log: quiet,
    provenanceLog: noProvenanceLog,
    expectsTrusted: false,
    random: () => 0.5,
    addressOf: () => '127.0.0.1',
    addressMark: (address) => address,
    blocks: loadedBlocks(clock),
    observer: {
      job: (device, _, embedded) => seen.push(`job ${device} ${embedded}`),
      requeued: (jobs) => seen.push(`requeued ${jobs}`),
      quarantined: (device) => seen.push(`quarantined ${device}`),
      lateAnswer: () => seen.push('late'),
      crossCheck: (result) => seen.push(`cross-check ${result}`),
      runners: () => undefined,
      golden: (device, cosine) => seen.push(`golden ${device} ${cosine.toFixed(3)}`),
    },
  });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => hub.upgrade(request, socket, head));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => hub.close(),
  );
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new Error('the test server has no port');
  return { hub, url: `ws://127.0.0.1:${address.port}/runners/connect`, server, seen };
}

/** A real runner loop over a real socket; `end` resolves with how it ended. */
async function startRunner(
  url: string,
  embedder: Embedder = fakeEmbedder(),
  token = tokens.shared,
) {
  const stop = new AbortController();
  const channel = await connectWebSocket({ url, token, signal: stop.signal });
  const end = runRunnerLoop({
    channel,
    embedder,
    turn: always,
    clock: systemClock,
    name: 'loop',
    kind: 'node',
    drain: stop.signal,
    log: quiet,
  }).catch((error: unknown) => error);
  cleanUps.push(async () => {
    stop.abort();
    await end;
  });
  return { stop, end };
}

/** A client that passes the golden check, and then does what the test says. */
class RawRunner {
  readonly socket: WebSocket;
  readonly jobs: JobAssign[] = [];
  readonly closed: Promise<number>;
  #checked = false;

  constructor(url: string, hello: Partial<RunnerHello> = {}) {
    this.socket = new WebSocket(url, subprotocol, {
      headers: { authorization: `Bearer ${tokens.shared}` },
    });
    this.closed = once(this.socket, 'close').then(([code]: number[]) => code ?? 0);
    this.socket.on('open', () =>
      this.socket.send(
        encodeMessage({
          type: 'runner-hello',
          protocol: 1,
          name: 'raw',
          kind: 'browser',
          device: 'wasm',
          adapter: '',
          softwareAdapter: false,
          dtype: 'fp32',
          ...identity,
          textsPerSecond: 1000,
          limits: { textsPerJobMax: 512 },
          ...hello,
        }),
      ),
    );
    this.socket.on('message', (data, isBinary) => {
      if (isBinary || !Buffer.isBuffer(data)) return;
      const message = parseGatewayMessage(data.toString());
      if (message.type !== 'job-assign') return;
      if (this.#checked) this.jobs.push(message);
      else this.answer(message, (text) => ({ ok: true, vector: fakeVector(text) }));
      this.#checked = true;
    });
    cleanUps.push(() => this.socket.terminate());
  }

  answer(job: JobAssign, outcome: (text: string) => EmbedOutcome): void {
    this.socket.send(
      encodeJobResult({
        jobId: job.jobId,
        attempt: job.attempt,
        outcomes: job.texts.map(outcome),
        timings: { queuedMs: 0, embedMs: 0 },
      }),
    );
  }

  async nextJob(): Promise<JobAssign> {
    return vi.waitFor(
      () => {
        const job = this.jobs.shift();
        if (job === undefined) throw new Error('no job came');
        return job;
      },
      { interval: 2, timeout: 45_000 },
    );
  }
}

async function ready(hub: RunnerHub, count = 1): Promise<void> {
  await vi.waitFor(
    () => expect(hub.runners().filter(({ state }) => state === 'ready')).toHaveLength(count),
    { interval: 2, timeout: 45_000 },
  );
}

function embed(
  hub: RunnerHub,
  text: string,
  signal = new AbortController().signal,
): Promise<FleetResult> {
  return hub.service.embed(text, { priority: 'bulk', signal });
}

async function refusal(url: string, protocols: string[], headers: Record<string, string>) {
  const socket = new WebSocket(url, protocols, { headers });
  socket.on('error', () => undefined);
  const [, response]: [unknown, IncomingMessage] = await new Promise((resolve) =>
    socket.once('unexpected-response', (...answer) => resolve(answer)),
  );
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
  return { status: response.statusCode, type: response.headers['content-type'], body };
}

describe('admission', () => {
  test.each<[string, string[], Record<string, string>, number, string]>([
    ['no token', [subprotocol], {}, 401, 'runner_token_missing'],
    [
      'a wrong token',
      [subprotocol],
      { authorization: 'Bearer shared-tokem' },
      401,
      'runner_token_wrong',
    ],
    [
      'a wrong token as a subprotocol',
      [subprotocol, 'vectorstream.token.eHh4'],
      {},
      401,
      'runner_token_wrong',
    ],
    [
      'another subprotocol',
      ['vectorstream.v9'],
      { authorization: 'Bearer shared-token' },
      400,
      'runner_protocol_unknown',
    ],
  ])(
    '%s is refused before the upgrade, with a problem document that does not contain the token',
    async (_, protocols, headers, status, code) => {
      const { url } = await startHub();
      const refused = await refusal(url, protocols, headers);
      expect(refused).toMatchObject({
        status,
        type: 'application/problem+json',
        body: {
          status,
          code,
          type: `urn:vectorstream:problem:${code}`,
          request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          timestamp: expect.stringMatching(/Z$/),
        },
      });
      expect(JSON.stringify(refused.body)).not.toMatch(/shared-toke|trusted-toke/);
    },
  );

  test('an invalid handshake is refused in the same shape', async () => {
    const { url } = await startHub();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end(
      [
        'GET /runners/connect HTTP/1.1',
        'Host: x',
        'Connection: Upgrade',
        'Upgrade: websocket',
        `Authorization: Bearer ${tokens.shared}`,
        `Sec-WebSocket-Protocol: ${subprotocol}`,
        'Sec-WebSocket-Version: 13',
        '\r\n',
      ].join('\r\n'),
    );
    const answer = await textOf(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      status: 400,
      code: 'bad_websocket_request',
      detail: 'Missing or invalid Sec-WebSocket-Key header.',
    });
  });

  test('a runner joins by a token in the header or a subprotocol', async () => {
    const { hub, url, seen } = await startHub();
    const raw = new RawRunner(url);
    await startRunner(url, fakeEmbedder(), trustedToken);
    await ready(hub, 2);
    expect(raw.socket.protocol).toBe(subprotocol);
    expect(hub.runners()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          name: 'raw',
          kind: 'browser',
          device: 'wasm',
          trusted: false,
          state: 'ready',
          textsEmbedded: 0,
        }),
        expect.objectContaining({
          name: 'loop',
          kind: 'node',
          device: 'cpu',
          trusted: true,
          lastGoldenCosine: expect.closeTo(1, 5),
        }),
      ]),
    );
    expect(seen.toSorted()).toEqual(['golden cpu 1.000', 'golden wasm 1.000']);
  });

  test('a runner beyond the limit is closed with 4429', async () => {
    const { hub, url } = await startHub(systemClock, { runnersMax: 1 });
    await startRunner(url);
    await ready(hub);
    expect(await new RawRunner(url).closed).toBe(4429);
  });

  test('a runner with another model is closed with 4409', async () => {
    const { url } = await startHub();
    expect(await new RawRunner(url, { modelRevision: 'beef' }).closed).toBe(4409);
  });

  test.each<[string, string | Uint8Array, number]>([
    ['not JSON', 'hello?', 4400],
    ['a binary frame of noise', new Uint8Array([255, 255, 255, 255, 1, 2, 3]), 4400],
    ['longer than the limit', new Uint8Array(wireLimits.frameBytesMax + 1), 1009],
  ])('a frame that is %s ends that connection only', async (_, frame, code) => {
    const { hub, url } = await startHub();
    await startRunner(url);
    const raw = new RawRunner(url);
    await ready(hub, 2);
    raw.socket.send(frame);
    expect(await raw.closed).toBe(code);
    await ready(hub, 1);
    expect(await embed(hub, 'a')).toMatchObject({ ok: true });
  });
});

describe('work', () => {
  test('a vector comes with its provenance', async () => {
    const { hub, url } = await startHub();
    await startRunner(url);
    const before = Date.now();
    const result = await embed(hub, 'a lamp');
    if (!result.ok) throw new Error(result.message);
    expect(result.embedding.vector).toEqual(fakeVector('a lamp'));
    const { provenance } = result.embedding;
    expect(provenance).toMatchObject({
      runnerName: 'loop',
      device: 'cpu',
      dtype: 'fp32',
      runnerSession: hub.runners()[0]?.id,
    });
    expect(provenance.checkedAt).toBeGreaterThanOrEqual(before);
    expect(provenance.embeddedAt).toBeGreaterThanOrEqual(provenance.checkedAt);
  });

  test('2,000 texts over two runners: each gets its own vector, both runners work', async () => {
    const { hub, url } = await startHub();
    await startRunner(url);
    await startRunner(url);
    await ready(hub, 2);
    const texts = Array.from({ length: 2000 }, (_, index) => `product ${index}`);
    const results = await Promise.all(texts.map((text) => embed(hub, text)));
    expect(results.map((result) => result.ok && result.embedding.vector)).toEqual(
      texts.map((text) => fakeVector(text)),
    );
    expect(hub.runners().map(({ textsEmbedded }) => textsEmbedded > 0)).toEqual([true, true]);
    expect(hub.fleetStats()).toMatchObject({ requeued: 0, late: 0, quarantined: 0 });
  });

  test('a text waits for a runner; a text whose caller aborted is dropped', async () => {
    const { hub, url } = await startHub();
    const stop = new AbortController();
    const dropped = embed(hub, 'dropped', stop.signal).catch((error: unknown) => error);
    const kept = embed(hub, 'kept');
    stop.abort(new Error('gone'));
    expect(await dropped).toMatchObject({ message: 'gone' });
    const embedder = fakeEmbedder();
    await startRunner(url, embedder);
    expect(await kept).toMatchObject({ ok: true });
    expect(embedder.embedded).not.toContain('dropped');
  });

  test('a text that is too long for any job gets an outcome', async () => {
    const { hub } = await startHub();
    expect(await embed(hub, 'x'.repeat(wireLimits.textCharsMax + 1))).toMatchObject({
      ok: false,
      code: 'text_too_long',
    });
  });
});

describe('failure', () => {
  test('a runner that misses a deadline is closed with 4408; another does the job', async () => {
    const clock = new ManualClock();
    const { hub, url, seen } = await startHub(clock);
    const silent = new RawRunner(url);
    await ready(hub);
    const result = embed(hub, 'a');
    const job = await silent.nextJob();
    await clock.advance(job.deadlineMs + 1000);
    expect(await silent.closed).toBe(4408);
    await startRunner(url);
    expect(await result).toMatchObject({
      ok: true,
      embedding: { provenance: { runnerName: 'loop' } },
    });
    expect(seen).toContain('requeued 1');
  });

  test('an idle runner that misses two heartbeats is closed with 4408', async () => {
    const clock = new ManualClock();
    const { hub, url } = await startHub(clock);
    const silent = new RawRunner(url);
    await ready(hub);
    await clock.advance(defaultHubLimits.heartbeatMs * 3);
    expect(await silent.closed).toBe(4408);
    expect(hub.runners()).toEqual([]);
  });

  test('a runner killed in mid-job: its texts are embedded by another', async () => {
    const { hub, url } = await startHub();
    const doomed = new RawRunner(url);
    await ready(hub);
    const texts = ['a', 'b', 'c'];
    const results = Promise.all(texts.map((text) => embed(hub, text)));
    expect((await doomed.nextJob()).texts).toEqual(texts);
    doomed.socket.terminate();
    await startRunner(url);
    expect((await results).every(({ ok }) => ok)).toBe(true);
  });

  test('a text on which every runner fails, a trusted one too, ends alone', async () => {
    const { hub, url } = await startHub();
    const texts = Array.from({ length: 20 }, (_, index) =>
      index === 7 ? 'poison' : `fine ${index}`,
    );
    const results = Promise.all(texts.map((text) => embed(hub, text)));
    let deaths = -1;
    let onWorkerExit: unknown;
    // Acts as the supervisor: starts a new runner after each failure.
    do {
      deaths += 1;
      const { end } = await startRunner(
        url,
        fakeEmbedder((text) => {
          if (text === 'poison') throw new Error('device lost');
          return { ok: true, vector: fakeVector(text) };
        }),
        trustedToken,
      );
      onWorkerExit = await Promise.race([end, results]);
    } while (onWorkerExit instanceof RunnerFailedError);
    const failed = (await results).flatMap((result, index) =>
      result.ok ? [] : [{ text: texts[index], ...result }],
    );
    expect(failed).toMatchObject([
      {
        text: 'poison',
        code: 'embedding_failed',
        runner: 'loop',
        message: expect.stringContaining('device lost'),
      },
    ]);
    expect(deaths).toBeLessThanOrEqual(9);
  });

  test('a runner that fails the golden texts gets no work, and the reason', async () => {
    const { hub, url, seen } = await startHub();
    const result = embed(hub, 'a');
    const liar = fakeEmbedder((text) => ({ ok: true, vector: fakeVector(`${text}!`) }));
    const stop = new AbortController();
    const refused = keepConnected({
      connect: (signal) => connectWebSocket({ url, token: tokens.shared, signal }),
      embedder: liar,
      turn: always,
      clock: systemClock,
      random: Math.random,
      name: 'liar',
      kind: 'node',
      drain: stop.signal,
      log: quiet,
    });
    await expect(refused).rejects.toMatchObject({
      closeCode: 4403,
      message: expect.stringContaining('cosine to the reference'),
    });
    expect(liar.embedded).toEqual(golden.cases.map(({ text }) => text));
    expect(hub.fleetStats()).toMatchObject({ waiting: 1, quarantined: 1 });
    expect(seen).toContain('quarantined cpu');
    await startRunner(url, fakeEmbedder(), trustedToken);
    expect(await result).toMatchObject({ ok: true, embedding: { vector: fakeVector('a') } });
  });

  test.each<[string, (vector: Float32Array) => Float32Array]>([
    ['NaN', (vector) => vector.fill(NaN)],
    ['zeros', (vector) => vector.fill(0)],
    ['a scaled vector', (vector) => vector.map((value) => value * 3)],
  ])(
    '%s from a runner that was right before: its result is refused, and it is quarantined',
    async (_, change) => {
      const { hub, url } = await startHub();
      const turned = new RawRunner(url);
      await ready(hub);
      const results = Promise.all(['a', 'b'].map((text) => embed(hub, text)));
      turned.answer(await turned.nextJob(), (text) => ({
        ok: true,
        vector: text === 'b' ? change(fakeVector(text)) : fakeVector(text),
      }));
      expect(await turned.closed).toBe(4403);
      await startRunner(url, fakeEmbedder(), trustedToken);
      expect(await results).toMatchObject(
        ['a', 'b'].map((text) => ({
          ok: true,
          embedding: { vector: fakeVector(text), provenance: { runnerName: 'loop' } },
        })),
      );
    },
  );

  test('a late answer is ignored and counted; a miscounted one ends the connection', async () => {
    const { hub, url, seen } = await startHub();
    const raw = new RawRunner(url);
    await ready(hub);
    const result = embed(hub, 'a');
    const job = await raw.nextJob();
    raw.answer({ ...job, attempt: job.attempt + 1 }, (text) => ({
      ok: true,
      vector: fakeVector(text),
    }));
    await vi.waitFor(() => expect(seen).toContain('late'), { interval: 2, timeout: 45_000 });
    raw.answer({ ...job, texts: ['a', 'b'] }, (text) => ({ ok: true, vector: fakeVector(text) }));
    expect(await raw.closed).toBe(4400);
    await startRunner(url);
    expect(await result).toMatchObject({ ok: true });
  });
});

describe('leaving', () => {
  test('a draining runner finishes its work and closes with 1000', async () => {
    const release = Promise.withResolvers<void>();
    const { hub, url, seen } = await startHub();
    const { end } = await startRunner(
      url,
      fakeEmbedder(async (text) => {
        if (text === 'slow') await release.promise;
        return { ok: true, vector: fakeVector(text) };
      }),
    );
    await ready(hub);
    const result = embed(hub, 'slow');
    await vi.waitFor(() => expect(hub.runners()[0]?.jobsInWork).toBe(1), {
      interval: 2,
      timeout: 45_000,
    });
    expect(hub.drain(hub.runners()[0]?.id ?? '')).toBe(true);
    const later = embed(hub, 'later');
    expect(hub.runners()[0]?.state).toBe('draining');
    release.resolve();
    expect(await result).toMatchObject({ ok: true });
    expect(await end).toMatchObject({ code: 1000 });
    expect(seen).not.toContain('requeued 1');
    await startRunner(url);
    expect(await later).toMatchObject({ ok: true });
  });

  test('a removed runner is disconnected at once; its texts are not blamed', async () => {
    const { hub, url } = await startHub();
    const raw = new RawRunner(url);
    await ready(hub);
    const result = embed(hub, 'a');
    await raw.nextJob();
    expect(hub.remove(hub.runners()[0]?.id ?? '')).toBe(true);
    expect(await raw.closed).toBe(1000);
    await startRunner(url);
    expect(await result).toMatchObject({ ok: true });
    expect([hub.remove('nobody'), hub.drain('nobody')]).toEqual([false, false]);
  });

  test('closing disconnects every runner with 1001, and rejects waiting texts', async () => {
    const clock = new ManualClock();
    const { hub, url } = await startHub(clock);
    const raw = new RawRunner(url);
    await ready(hub);
    const waiting = embed(hub, 'a').catch((error: unknown) => error);
    await raw.nextJob();
    await hub.close();
    expect(await raw.closed).toBe(1001);
    expect(await waiting).toMatchObject({ code: 'fleet_closed', retryable: true });
    expect(clock.sleeping).toBe(0);
  });
});
