// A runner of the fake model that may send whatever it likes, whenever it likes.

import { WebSocket } from 'ws';
import type { EmbedOutcome } from '#core/ports.ts';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import {
  encodeMessage,
  parseGatewayMessage,
  subprotocol,
  type JobAssign,
} from '#core/protocol/wire.ts';
import { fakeVector, golden, identity } from '../../helpers/fake-model.ts';

/** What it knows when a job comes. */
export type Taken = {
  readonly job: JobAssign;
  /** Jobs that it got before, the golden check first. */
  readonly earlier: readonly JobAssign[];
  readonly answer: (vectorOf: (text: string, at: number) => Float32Array | null) => void;
  readonly send: (frame: Uint8Array) => void;
};
export type Behaviour = (taken: Taken) => void;

export type HostileRunnerOptions = {
  readonly url: string;
  readonly token: string;
  readonly name: string;
  readonly modelRevision: string;
  readonly textsPerSecond: number;
  readonly behaviour: Behaviour;
};

export type HostileRunner = {
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly jobs: readonly JobAssign[];
  leave(): void;
};

const goldenTexts = new Set(golden.cases.map(({ text }) => text));

/** Right for the golden texts, which are public. */
export const isGolden = (text: string): boolean => goldenTexts.has(text);
/** A unit vector that belongs to another text. */
export const wrongVector = (text: string): Float32Array => fakeVector(`not ${text}`);

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

export function joinHostileRunner({
  url,
  token,
  name,
  modelRevision,
  textsPerSecond,
  behaviour,
}: HostileRunnerOptions): HostileRunner {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/runners/connect`, subprotocol, {
    headers: { authorization: `Bearer ${token}` },
  });
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
    behaviour({
      job: message,
      earlier: [...jobs],
      answer: (vectorOf) => socket.send(resultOf(message, message.texts.map(vectorOf))),
      send: (frame) => socket.send(frame),
    });
    jobs.push(message);
  });
  // After a refusal before the upgrade, `closed` gives 1006.
  socket.on('error', () => undefined);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  return { closed, jobs, leave: () => socket.close(1000) };
}
