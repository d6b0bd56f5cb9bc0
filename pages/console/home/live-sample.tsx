// The newest searchable events: those that are stored, and then a sample of the stream, slow enough
// to be read.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { LiveMessage } from '../../../client/client.ts';
import { Card, Empty } from '../../shared/components.tsx';
import { eventTypeName, subjectOf } from '../event-words.ts';
import { latencyText } from '../rates.ts';
import type { Session } from '../session.ts';
import { useOnce } from '../use-gateway.ts';
import { newestRows, rowOf, shownMax, type Row } from './sample-rows.ts';

type Sample = Extract<LiveMessage, { readonly type: 'sample' }>;

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
  const taken = useRef<Sample | null>(null);
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [isPaused, setPaused] = useState(false);
  const stored = useOnce(session, (signal) => newestStored(session, signal));
  useEffect(() => {
    if (isPaused) return undefined;
    const take = (): void => {
      const { current } = latest;
      if (current === null || current === taken.current) return;
      taken.current = current;
      const { at, data, id } = current;
      const row = rowOf(at, data.event, data.latency_ms, id);
      setRows((before) => newestRows([...before, row]));
    };
    const timer = setInterval(take, everyMs);
    return () => clearInterval(timer);
  }, [isPaused]);
  useEffect(() => {
    if (!isPaused && stored !== null) setRows((before) => newestRows([...before, ...stored]));
  }, [isPaused, stored]);
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
      {stored === null && rows.length === 0 && (
        <p class="quiet" role="status">
          Reading the newest events…
        </p>
      )}
      {stored?.length === 0 && rows.length === 0 && (
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

async function newestStored(session: Session, signal: AbortSignal): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const { id, ingested_at: at, event } of session.client.events.list(
    { limit: shownMax },
    { signal },
  )) {
    rows.push(rowOf(at, event, null, id));
    if (rows.length === shownMax) break;
  }
  return rows;
}
