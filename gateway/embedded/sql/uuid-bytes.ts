// Stores a UUID as its 16 bytes: less than half of its text, in the same order.

import { isUuid } from '#core/event/uuid.ts';

/** `null` when `text` is not a UUID. */
export function uuidBytes(text: string): Uint8Array | null {
  return isUuid(text) ? Buffer.from(text.replaceAll('-', ''), 'hex') : null;
}

/** The lower-case text of 16 bytes. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return (
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-` +
    `${hex.slice(16, 20)}-${hex.slice(20)}`
  );
}
