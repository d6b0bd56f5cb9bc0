// Reads the columns of a mapping from a record: members of its JSON value, and what the record says
// beside it.

import type { LogRecord } from '#core/ports.ts';
import { memberText } from './member-text.ts';

/** The record around a value. */
export type RecordFacts = Pick<LogRecord, 'key' | 'headers' | 'timestamp'> & {
  readonly topic: string;
};
export type ColumnReader = (value: unknown, record: RecordFacts | null) => string;

const utf8 = new TextDecoder();
const textOf = (bytes: Uint8Array | null | undefined): string =>
  bytes === null || bytes === undefined ? '' : utf8.decode(bytes);

const ofRecord: Readonly<Record<string, (record: RecordFacts) => string>> = {
  'record:topic': ({ topic }) => topic,
  'record:key': ({ key }) => textOf(key),
  'record:time': ({ timestamp }) => new Date(timestamp).toISOString(),
};
const headerPrefix = 'header:';

/** Whether a template reads something beside the value. */
export const isAboutRecord = (template: string): boolean => /\{(record|header):/.test(template);

/**
 * `record:topic`, `record:key`, `record:time` and `header:NAME` are of the record, and empty
 * without one. Anything else is a member of the value.
 */
export function columnReader(name: string): ColumnReader {
  const fact = Object.hasOwn(ofRecord, name) ? ofRecord[name] : undefined;
  if (fact !== undefined) return (_value, record) => (record === null ? '' : fact(record));
  if (!name.startsWith(headerPrefix)) return memberText(name);
  const header = name.slice(headerPrefix.length);
  return (_value, record) =>
    record !== null && Object.hasOwn(record.headers, header) ? textOf(record.headers[header]) : '';
}
