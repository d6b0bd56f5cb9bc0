// A process that prepares a model from Hugging Face in a folder. Model code runs here, so a crash
// ends only this process.

import { writeSync } from 'node:fs';
import { z } from 'zod';
import { UsageError, VectorStreamError } from '#core/errors/errors.ts';
import { prepareHuggingFaceModel } from './download-model.ts';
import { createHuggingFaceApi } from './hugging-face-api.ts';
import { createLog } from './node-runner-log.ts';
import { yieldToOthers } from './priority.ts';

const requestSchema = z.strictObject({
  model: z.strictObject({ id: z.string(), revision: z.string() }),
  folder: z.string(),
  dtypes: z.array(z.string()),
  logLevel: z.string(),
  /** `auto`: pretty on a terminal. */
  logFormat: z.enum(['auto', 'pretty', 'json']),
});

// The parent process has ended, perhaps before this line runs.
process.on('disconnect', () => process.exit(1));
if (!process.connected) process.exit(1);

const { logLevel, logFormat, ...request } = requestSchema.parse(JSON.parse(process.argv[2] ?? ''));
yieldToOthers();
const log = createLog({
  level: logLevel,
  format: logFormat === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'json') : logFormat,
  fields: {},
});
try {
  const { HF_ENDPOINT: endpoint, HF_TOKEN: token } = process.env;
  await prepareHuggingFaceModel(
    request,
    createHuggingFaceApi({ endpoint: endpoint || 'https://huggingface.co', token: token || null }),
    log,
  );
  process.exit(0);
} catch (error) {
  // The parent reports the last line of this process's standard error.
  writeSync(2, `\n${oneLine(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}

function oneLine(error: unknown): string {
  if (error instanceof VectorStreamError) return error.message;
  // An error of the file system, such as ENOSPC or EACCES, already says what and where.
  const message =
    error instanceof Error
      ? 'code' in error
        ? error.message
        : (error.stack ?? error.message)
      : String(error);
  const reason = message.replaceAll(/\s+/g, ' ');
  return `The model ${request.model.id} cannot be stored in ${request.folder}: ${reason}`;
}
