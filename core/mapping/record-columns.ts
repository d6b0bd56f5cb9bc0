// Reads the columns of a mapping from a record: members of its JSON value, and what the record says
// beside it.

import type { LogRecord } from '#core/ports.ts';
import { memberText } from './member-text.ts';
import { bytesText, keyId, keyMember } from './record-key.ts';

/** The record around a value. */
export type RecordFacts = Pick<LogRecord, 'key' | 'headers' | 'timestamp'> & {
  readonly topic: string;
};
export type ColumnReader = (value: unknown, record: RecordFacts | null) => string;

const ofRecord: Readonly<Record<string, (record: RecordFacts) => string>> = {
  'record:topic': ({ topic }) => topic,
  'record:key': ({ key }) => bytesText(key),
  'record:key_id': ({ key }) => keyId(key),
  'record:time': ({ timestamp }) => new Date(timestamp).toISOString(),
};
const headerPrefix = 'header:';
const keyPrefix = 'record:key.';

/** Whether a template reads something beside the value. */
export const isAboutRecord = (template: string): boolean => /\{(record|header):/.test(template);

/**
 * `record:topic`, `record:key`, `record:key_id` (see `keyId`), `record:key.MEMBER`, `record:time`
 * and `header:NAME` are of the record, and empty without one. Anything else is a member of the
 * value.
 */
export function columnReader(name: string): ColumnReader {
  const fact = Object.hasOwn(ofRecord, name) ? ofRecord[name] : undefined;
  if (fact !== undefined) return (_value, record) => (record === null ? '' : fact(record));
  if (name.startsWith(keyPrefix)) {
    const of = keyMember(name.slice(keyPrefix.length));
    return (_value, record) => (record === null ? '' : of(record.key));
  }
  if (!name.startsWith(headerPrefix)) return memberText(name);
  const header = name.slice(headerPrefix.length);
  return (_value, record) =>
    record !== null && Object.hasOwn(record.headers, header)
      ? bytesText(record.headers[header])
      : '';
}
