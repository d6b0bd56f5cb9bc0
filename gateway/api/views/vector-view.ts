// Writes a vector as the API's answers have it: as numbers, or in base64.

import { z } from '@hono/zod-openapi';
import { shortNumbers } from '#core/vectors/vector.ts';

export const vectorFormatSchema = z
  .enum(['float', 'base64'])
  .default('float')
  .openapi({ description: 'base64: the vector as little-endian float32, in base64.' });

export type VectorFormat = z.output<typeof vectorFormatSchema>;

export function vectorView(vector: Float32Array, format: VectorFormat): number[] | string {
  const { buffer, byteOffset, byteLength } = vector;
  return format === 'float'
    ? shortNumbers(vector)
    : Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
