// The newest searchable events: those that are stored, and then a sample of the stream, slow enough
// to be read.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { LiveMessage } from '../../../client/client.ts';
import { Card, Empty } from '../../shared/components.tsx';
import { eventTypeName, subjectOf } from '../event-words.ts';
import { latencyText } from '../rates.ts';
import type { Session } from '../session.ts';
import { useOnce } from '../use-gateway.ts';

type Sample = Extract<LiveMessage, { readonly type: 'sample' }>;
type Row = {
  readonly id: string;
  /** ISO. */
  readonly at: string;
  readonly event: Readonly<Record<string, unknown>>;
  /** `null`: it was stored before this page was opened. */
  readonly latencyMs: number | null;
};

const shownMax = 8;
const everyMs = 700;

export function LiveSample({
  session,
  newest,
}: {
  readonly session: Session;
  readonly newest: Sample | null;
}) {
  const latest = useRef(newest);
  latest.current = newest;
  const [shown, setShown] = useState<readonly Row[]>([]);
  const [isPaused, setPaused] = useState(false);
  const stored = useOnce(session, (signal) => newestStored(session, signal));
  useEffect(() => {
    if (isPaused) return undefined;
    const take = (): void => {
      const { current } = latest;
      if (current !== null)
        setShown((before) =>
          before[0]?.id === current.id ? before : [rowOf(current), ...before].slice(0, shownMax),
        );
    };
    const timer = setInterval(take, everyMs);
    return () => clearInterval(timer);
  }, [isPaused]);
  const rows = [...shown, ...(stored ?? [])].slice(0, shownMax);
  return (
    <Card
      title="Newest searchable events"
      class="live"
      aside={
        <button class="link" type="button" onClick={() => setPaused(!isPaused)}>
          {isPaused ? 'Go on' : 'Pause'}
        </button>
      }
    >
      {stored !== null && rows.length === 0 && (
        <Empty title="No event is stored yet.">
          <p>Each one appears here at about the time when a search can find it.</p>
        </Empty>
      )}
      <ol class="samples">
        {rows.map((row) => (
          <SampleRow key={row.id} row={row} />
        ))}
      </ol>
    </Card>
  );
}

function SampleRow({ row: { at, event, latencyMs } }: { readonly row: Row }) {
  const type = String(event['event_type']);
  return (
    <li class={latencyMs === null ? '' : 'is-new'}>
      <time dateTime={at}>{new Date(at).toLocaleTimeString('en-GB')}</time>
      <span class={`tag is-${type}`}>{eventTypeName(type)}</span>
      <span class="sample-name">{subjectOf(event)}</span>
      <span class="sample-latency">{latencyMs === null ? '' : latencyText(latencyMs)}</span>
    </li>
  );
}

const rowOf = ({ id, at, data }: Sample): Row => ({
  id,
  at,
  event: data.event,
  latencyMs: data.latency_ms,
});

async function newestStored(session: Session, signal: AbortSignal): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const { id, ingested_at: at, event } of session.client.events.list(
    { limit: shownMax },
    { signal },
  )) {
    rows.push({ id, at, event, latencyMs: null });
    if (rows.length === shownMax) break;
  }
  return rows;
}
