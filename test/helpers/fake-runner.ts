// A runner of the fake model on a real socket; the test chooses every vector.

import { WebSocket } from 'ws';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import { encodeMessage, parseGatewayMessage, subprotocol } from '#core/protocol/wire.ts';
import { identity } from './fake-model.ts';

export type FakeRunner = {
  /** Texts of every job, the golden check first. */
  readonly jobs: readonly (readonly string[])[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  leave(): void;
};

export type FakeRunnerOptions = {
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly textsPerSecond?: number;
  /** One per text of a job, in order; `null`: it refuses that text, or does not answer at all. */
  readonly vectors: (
    texts: readonly string[],
    job: number,
  ) => readonly (Float32Array | null)[] | null;
};

export function joinFakeRunner({
  url,
  token,
  name,
  textsPerSecond = 1000,
  vectors,
}: FakeRunnerOptions): FakeRunner {
  const socket = new WebSocket(url, subprotocol, { headers: { authorization: `Bearer ${token}` } });
  const jobs: (readonly string[])[] = [];
  socket.on('open', () =>
    socket.send(
      encodeMessage({
        type: 'runner-hello',
        protocol: 1,
        name,
        kind: 'browser',
        device: 'wasm',
        adapter: '',
        softwareAdapter: false,
        dtype: 'fp32',
        ...identity,
        textsPerSecond,
        limits: { textsPerJobMax: 512 },
      }),
    ),
  );
  socket.on('message', (data) => {
    if (!Buffer.isBuffer(data)) return;
    const message = parseGatewayMessage(data.toString());
    if (message.type === 'gateway-heartbeat')
      socket.send(encodeMessage({ type: 'runner-heartbeat' }));
    if (message.type !== 'job-assign') return;
    jobs.push(message.texts);
    const answer = vectors(message.texts, jobs.length - 1);
    if (answer === null) return;
    const outcomes = answer.map((vector) =>
      vector === null
        ? { ok: false as const, code: 'refused', message: 'This runner refuses the text.' }
        : { ok: true as const, vector },
    );
    socket.send(
      encodeJobResult({
        jobId: message.jobId,
        attempt: message.attempt,
        outcomes,
        timings: { queuedMs: 0, embedMs: 0 },
      }),
    );
  });
  // After a refusal before the upgrade, `closed` gives 1006.
  socket.on('error', () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return { jobs, closed, leave: () => socket.close(1000) };
}
