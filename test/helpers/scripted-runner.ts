// A runner that greets like a real one and gives the answers that a test chooses, for every kind of
// lie.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encodeJobResult } from '#core/protocol/job-result-frame.ts';
import {
  encodeMessage,
  parseGatewayMessage,
  subprotocol,
  tokenSubprotocolPrefix,
} from '#core/protocol/wire.ts';

const model = 'models/all-MiniLM-L6-v2';

export type Lie = {
  /**
   * The vectors of the golden check and of every later job, one per text unless the test lies about
   * counts.
   */
  readonly vectors: (texts: readonly string[], job: number) => readonly Float32Array[];
  /** False statements about itself in its greeting. */
  readonly hello?: Readonly<Record<string, unknown>>;
};

export type ScriptedRunner = {
  /** Texts of every job it was given, the golden check first. */
  readonly jobs: readonly (readonly string[])[];
  /** How the gateway ended the connection. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
};

/** Each has its own name, because a quarantine applies to name and address. */
let started = 0;

export function startScriptedRunner(
  url: string,
  token: string,
  { vectors, hello = {} }: Lie,
): ScriptedRunner {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/runners/connect`, [
    subprotocol,
    tokenSubprotocolPrefix + Buffer.from(token).toString('base64url'),
  ]);
  const jobs: (readonly string[])[] = [];
  socket.addEventListener('open', () =>
    socket.send(
      JSON.stringify({
        type: 'runner-hello',
        protocol: 1,
        name: `scripted-${(started += 1)}`,
        kind: 'browser',
        device: 'webgpu',
        adapter: 'none',
        softwareAdapter: false,
        dtype: 'fp32',
        modelId: 'sentence-transformers/all-MiniLM-L6-v2',
        modelRevision: createHash('sha256')
          .update(readFileSync(`${model}/manifest.json`))
          .digest('hex'),
        dimensions: 384,
        textsPerSecond: 500,
        limits: { textsPerJobMax: 64 },
        ...hello,
      }),
    ),
  );
  socket.addEventListener('message', ({ data }) => {
    const message = parseGatewayMessage(String(data));
    if (message.type === 'gateway-heartbeat')
      socket.send(encodeMessage({ type: 'runner-heartbeat' }));
    if (message.type !== 'job-assign') return;
    jobs.push(message.texts);
    const { jobId, attempt } = message;
    const outcomes = vectors(message.texts, jobs.length - 1).map((vector) => ({
      ok: true as const,
      vector,
    }));
    socket.send(
      encodeJobResult({ jobId, attempt, outcomes, timings: { queuedMs: 0, embedMs: 1 } }),
    );
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }), {
      once: true,
    });
  });
  return { jobs, closed };
}
