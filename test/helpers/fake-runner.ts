// A runner of the fake model on a real socket: the test chooses every vector, or every frame.

import { WebSocket } from 'ws';
import type { EmbedOutcome } from '#core/ports.ts';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import {
  encodeMessage,
  parseGatewayMessage,
  subprotocol,
  type JobAssign,
} from '#core/protocol/wire.ts';
import { identity } from './fake-model.ts';

export type ConnectedRunner = {
  /** Every job, the golden check first. */
  readonly jobs: readonly JobAssign[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  leave(): void;
};

/** What a runner knows and can do when a job comes. */
export type Taken = {
  readonly job: JobAssign;
  /** Jobs that it got before, the golden check first. */
  readonly earlier: readonly JobAssign[];
  /** `null`: it refuses that text. */
  readonly answer: (vectorOf: (text: string, at: number) => Float32Array | null) => void;
  readonly send: (frame: Uint8Array) => void;
};
export type Behaviour = (taken: Taken) => void;

export type ConnectedRunnerOptions = {
  /** Of `/runners/connect`. */
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly textsPerSecond?: number;
  readonly modelRevision?: string;
  readonly behaviour: Behaviour;
};

export const resultOf = (
  { jobId, attempt }: Pick<JobAssign, 'jobId' | 'attempt'>,
  vectors: readonly (Float32Array | null)[],
): Uint8Array =>
  encodeJobResult({
    jobId,
    attempt,
    outcomes: vectors.map((vector): EmbedOutcome =>
      vector === null
        ? { ok: false, code: 'refused', message: 'This runner refuses the text.' }
        : { ok: true, vector },
    ),
    timings: { queuedMs: 0, embedMs: 0 },
  });

export function connectFakeRunner({
  url,
  token,
  name,
  textsPerSecond = 1000,
  modelRevision = identity.modelRevision,
  behaviour,
}: ConnectedRunnerOptions): ConnectedRunner {
  const socket = new WebSocket(url, subprotocol, { headers: { authorization: `Bearer ${token}` } });
  const jobs: JobAssign[] = [];
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
        modelRevision,
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
    const earlier = [...jobs];
    jobs.push(message);
    behaviour({
      job: message,
      earlier,
      answer: (vectorOf) => socket.send(resultOf(message, message.texts.map(vectorOf))),
      send: (frame) => socket.send(frame),
    });
  });
  // After a refusal before the upgrade, `closed` gives 1006.
  socket.on('error', () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return { jobs, closed, leave: () => socket.close(1000) };
}

export type FakeRunner = Omit<ConnectedRunner, 'jobs'> & {
  /** Texts of every job, the golden check first. */
  readonly jobs: readonly (readonly string[])[];
};

export type FakeRunnerOptions = Omit<ConnectedRunnerOptions, 'behaviour' | 'modelRevision'> & {
  /** One per text of a job, in order; `null`: it refuses that text, or does not answer at all. */
  readonly vectors: (
    texts: readonly string[],
    job: number,
  ) => readonly (Float32Array | null)[] | null;
};

export function joinFakeRunner({ vectors, ...options }: FakeRunnerOptions): FakeRunner {
  const jobs: (readonly string[])[] = [];
  const runner = connectFakeRunner({
    ...options,
    behaviour({ job, send }) {
      jobs.push(job.texts);
      const answer = vectors(job.texts, jobs.length - 1);
      if (answer !== null) send(resultOf(job, answer));
    },
  });
  return { ...runner, jobs };
}
