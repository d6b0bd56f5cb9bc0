// Turns the ids of persons, sessions and events into marks: keyed hashes that tell nobody the id.

import { createHmac } from 'node:crypto';
import type { ErasureSubject } from '#core/ports.ts';

export type MarkOf = (subject: ErasureSubject) => string;

/** 32 hexadecimal digits. */
export function keyedMarks(key: Uint8Array): MarkOf {
  return ({ kind, id }) =>
    createHmac('sha256', key).update(`${kind} ${id}`).digest('hex').slice(0, 32);
}

/** A mark as a UUID of version 8, which leaves the meaning of its digits to the program. */
export const uuidOfMark = (mark: string): string =>
  `${mark.slice(0, 8)}-${mark.slice(8, 12)}-8${mark.slice(13, 16)}-8${mark.slice(17, 20)}` +
  `-${mark.slice(20, 32)}`;
