// What simulated producers send: events of few products in few versions, so that they collide, and
// bad records.

import type { LogRecord } from '#core/ports.ts';

/** `poison`: a valid event whose text kills runners. */
export type Sent = {
  readonly kind: 'valid' | 'not-json' | 'bad-price' | 'poison';
  readonly event: number;
  readonly version: number;
};

export const startsAt = Date.UTC(2026, 10, 23, 12);
const encode = (text: string) => new TextEncoder().encode(text);

export const idOf = ({ kind, event }: Sent): string => `${kind}-${event}`;
export const timestampOf = ({ version }: Sent): number => startsAt - 3_600_000 + version * 1_000;
const textOf = ({ kind, event }: Sent): string =>
  kind === 'poison' ? `poison ${event % 3}` : `product ${event % 8}`;

export function recordOf(sent: Sent): LogRecord {
  const { kind, event, version } = sent;
  const name = textOf(sent);
  const value =
    kind === 'not-json'
      ? `{"event_id": ${event}.${version}`
      : JSON.stringify({
          event_id: idOf(sent),
          timestamp: new Date(timestampOf(sent)).toISOString(),
          user_id: `u${event}`,
          session_id: 's',
          event_type: 'view',
          product: { id: name, name, price: kind === 'bad-price' ? -1 : 5 },
        });
  return { key: encode(idOf(sent)), value: encode(value), headers: {}, timestamp: startsAt };
}
