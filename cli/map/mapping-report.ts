// Reports what a mapping makes of sample records: its events, and what is passed over or turned
// away, and why.

import { readRecord } from '#core/decode/read-record.ts';
import type { Part, SentRecord } from '#core/decode/read-value.ts';
import { type EventTypes, ownEventTypes } from '#core/event/event-types.ts';
import { printable } from '#core/event/json-guard.ts';
import { eventLimits } from '#core/event/parse-event.ts';
import { noMappings, type RecordMapping } from '#core/mapping/record-mapping.ts';
import { bold, dim } from '../colours.ts';
import { count } from '../progress-bar.ts';

export type SampleRecord = SentRecord;
export type MappingReport = {
  readonly records: number;
  /** Records of which nothing is turned away. */
  readonly read: number;
  /** The number of events by type. */
  readonly events: ReadonlyMap<string, number>;
  readonly passedOver: number;
  /** The number of deletes by what they delete. */
  readonly deletes: ReadonlyMap<string, number>;
  /** Records turned away, by reason; `first` is the number of the first record, from 1. */
  readonly turnedAway: ReadonlyMap<string, { readonly count: number; readonly first: number }>;
  /** Payloads of the first events. */
  readonly examples: readonly string[];
};

const examplesMax = 2;
const reasonsMax = 10;

export function reportOf(
  records: readonly SampleRecord[],
  tried: readonly RecordMapping[],
  now: number,
  types: EventTypes = ownEventTypes,
): MappingReport {
  const limits = { ...eventLimits, types };
  const rules = { now, limits, mappings: { ...noMappings, tried } };
  const events = new Map<string, number>();
  const deletes = new Map<string, number>();
  const turnedAway = new Map<string, { count: number; first: number }>();
  const examples: string[] = [];
  let [read, passedOver] = [0, 0];
  for (const [index, record] of records.entries()) {
    const parts = readRecord(record, rules);
    if (parts.every(isRead)) read += 1;
    for (const { read: found } of parts) {
      if ('ignored' in found) passedOver += 1;
      else if ('deletes' in found) add(deletes, found.deletes.kind);
      else if ('reason' in found) {
        const entry = turnedAway.get(found.message) ?? { count: 0, first: index + 1 };
        turnedAway.set(found.message, { ...entry, count: entry.count + 1 });
      } else {
        const { eventType, payload } = found.event;
        add(events, eventType);
        if (examples.length < examplesMax) examples.push(payload);
      }
    }
  }
  return { records: records.length, read, events, deletes, passedOver, turnedAway, examples };
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

const isRead = ({ read }: Part): boolean => !('reason' in read);

/** Whether the mapping reads nine of ten records, and some hold an event. */
export const isGood = ({ records, read, events }: MappingReport): boolean =>
  events.size > 0 && read >= 0.9 * records;

export function reportText(report: MappingReport): string {
  const { records, events, deletes, passedOver, turnedAway, examples } = report;
  const away = sum([...turnedAway.values()].map((entry) => entry.count));
  const lines = [
    bold(
      `${count(records)} records: ${counted(events, 'events')}, ` +
        (deletes.size > 0 ? `${counted(deletes, 'deletes')}, ` : '') +
        `${count(passedOver)} passed over, ${count(away)} turned away`,
    ),
    ...[...turnedAway]
      .toSorted(([, a], [, b]) => b.count - a.count)
      .slice(0, reasonsMax)
      .map(([reason, entry]) => `  ${count(entry.count)} from record ${entry.first}: ${reason}`),
    ...(turnedAway.size > reasonsMax
      ? [`  and for ${turnedAway.size - reasonsMax} more reasons`]
      : []),
    ...examples.map((payload) => dim(printable(payload, Infinity))),
  ];
  return `${lines.join('\n')}\n`;
}

/** Such as `3 events (view 2, purchase 1)`. */
function counted(counts: ReadonlyMap<string, number>, what: string): string {
  const kinds = [...counts].map(([kind, number]) => `${kind} ${count(number)}`).join(', ');
  return `${count(sum([...counts.values()]))} ${what}${kinds && ` (${kinds})`}`;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
