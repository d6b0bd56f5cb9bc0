// Compiles the rule of a replay by batch, and shows what it makes of an event.

import { UsageError } from '#core/errors/errors.ts';
import {
  eventTransform,
  type EventTransform,
  type TransformSpec,
} from '#core/mapping/event-transform.ts';
import { ProblemError } from '../../http/problem-document.ts';
import { previewCharsMax } from './dead-letter-operations.ts';

/** @throws ProblemError with the mistake in the rule */
export function compiledTransform(spec: TransformSpec): EventTransform {
  try {
    return eventTransform(spec);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new ProblemError({
      status: 422,
      code: 'validation_failed',
      detail: `transform: ${error.message}`,
    });
  }
}

export const previewOf = ({ before, after }: { before: Uint8Array; after: Uint8Array }) => ({
  before: Buffer.from(before).toString('utf8').slice(0, previewCharsMax),
  after: Buffer.from(after).toString('utf8').slice(0, previewCharsMax),
});
