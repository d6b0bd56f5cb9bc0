// A process that tries one candidate and prints one line of JSON about it. A crash ends only this
// process.

import { writeSync } from 'node:fs';
import { VectorStreamError } from '#core/errors/errors.ts';
import { yieldToOthers } from './priority.ts';
import { openSession } from './proved-session.ts';
import { sessionSchema } from './session-request.ts';

const request = sessionSchema.parse(JSON.parse(process.argv[2] ?? ''));
yieldToOthers();
const candidate = { device: request.device, dtype: request.dtype };

try {
  const { embedder, golden } = await openSession(request);
  report({
    ok: true,
    candidate,
    textsPerSecond: embedder.info.textsPerSecond,
    golden,
    adapter: embedder.info.adapter,
    softwareAdapter: embedder.info.softwareAdapter,
  });
} catch (error) {
  report({
    ok: false,
    candidate,
    code: error instanceof VectorStreamError ? error.code : 'failed',
    message: error instanceof Error ? error.message : String(error),
  });
}
// Does not wait for the session's disposal, because some drivers hang in it.
process.exit(0);

function report(result: unknown): void {
  // Synchronous: `process.exit` would lose buffered output.
  writeSync(1, `${JSON.stringify(result)}\n`);
}
