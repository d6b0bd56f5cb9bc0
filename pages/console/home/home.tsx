// Home: is the gateway well, how fast is it, what happens now, and how to begin.

import { useRef, useState } from 'preact/hooks';
import type { HealthView, LiveMessage, Stats, StatsHistory } from '../../../client/client.ts';
import { Figure, Status } from '../../shared/components.tsx';
import { formatCount, formatRate } from '../../shared/format.ts';
import { useStore } from '../../shared/observable-store.ts';
import {
  catchUpText,
  durationText,
  latencyText,
  ratesOf,
  withReading,
  type Reading,
} from '../rates.ts';
import type { Session } from '../session.ts';
import { useFeed, usePolled } from '../use-gateway.ts';
import { DeadLetterCauses } from './dead-letter-causes.tsx';
import { FirstSteps } from './first-steps.tsx';
import { FleetSpeed } from './fleet-speed.tsx';
import { Generator } from './generator.tsx';
import { HistoryCharts, type RangeSeconds } from './history-charts.tsx';
import { LiveSample } from './live-sample.tsx';
import { headlineOf, partSentences } from './part-sentences.ts';

type Sample = Extract<LiveMessage, { readonly type: 'sample' }>;

/** Health is published when its causes change; the counts in its sentences change oftener. */
const healthEveryMs = 5000;

export function Home({ session }: { readonly session: Session }) {
  const [stats, setStats] = useState<Stats | null>(null);
  const [health, setHealth] = useState<HealthView | null>(null);
  const [readings, setReadings] = useState<readonly Reading[]>([]);
  const [newest, setNewest] = useState<Sample | null>(null);
  const [seconds, setSeconds] = useState<RangeSeconds>(300);
  useFeed(session, ['stats', 'health', 'sample'], (message) => {
    if (message.type === 'sample') setNewest(message);
    if (message.type === 'health') setHealth(message.data);
    if (message.type !== 'stats') return;
    setStats(message.data);
    setReadings((before) => withReading(before, Date.parse(message.at), message.data));
  });
  usePolled(
    session,
    async (signal) => setHealth(await session.client.health.get({ signal })),
    healthEveryMs,
  );
  const history = usePolled(
    session,
    (signal) => session.client.statsHistory({ seconds }, { signal }),
    seconds > 300 ? 15_000 : 2000,
    [seconds],
  );
  const { link } = useStore(session.store);
  // What a newcomer reads stays where it is when the first events are stored.
  const beganEmpty = useRef(false);
  beganEmpty.current ||= stats?.store?.events === 0;

  return (
    <div class="stack">
      <Health health={health} isLost={link === 'lost'} />
      <Figures stats={stats} readings={readings} history={history} />
      {stats?.generator && <Generator session={session} state={stats.generator} />}
      {beganEmpty.current && <FirstSteps session={session} isOpen />}
      <HistoryCharts history={history} seconds={seconds} onSeconds={setSeconds} />
      <div class="columns">
        <LiveSample session={session} newest={newest} />
        <div class="stack">
          <FleetSpeed runners={stats?.runners ?? null} />
          <DeadLetterCauses session={session} />
        </div>
      </div>
      {stats !== null && !beganEmpty.current && <FirstSteps session={session} isOpen={false} />}
    </div>
  );
}

function Health({
  health,
  isLost,
}: {
  readonly health: HealthView | null;
  readonly isLost: boolean;
}) {
  if (health === null)
    return (
      <div class="health">
        <h1>Asking the gateway…</h1>
      </div>
    );
  const parts = partSentences(health);
  const { tone, text } = headlineOf(parts, isLost);
  return (
    <section class="health" aria-label="Health">
      <div class="health-head">
        <h1>
          <Status tone={tone}>{text}</Status>
        </h1>
        {!isLost && <p class="quiet">up for {durationText(health.uptime_seconds)}</p>}
      </div>
      <ul class="parts">
        {parts.map(({ name, tone: each, sentence, advice }) => (
          <li key={name}>
            <Status tone={each}>{name}</Status>
            <p>
              {sentence}
              {advice !== null && ` ${advice}`}{' '}
              {each === 'bad' && <a href="docs/operations.md">Runbook</a>}
            </p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Figures({
  stats,
  readings,
  history,
}: {
  readonly stats: Stats | null;
  readonly readings: readonly Reading[];
  readonly history: StatsHistory | null;
}) {
  const rates = ratesOf(readings);
  return (
    <dl class="card figure-row">
      <Figure
        label="Events in"
        value={rates === null ? '–' : formatRate(rates.received)}
        unit="/s"
        note={rates === null ? 'measuring' : `${formatRate(rates.stored)} /s made searchable`}
      />
      <Figure label="Event to searchable" {...searchableText(history, stats)} />
      <Figure label="Waiting" value={known(stats?.events.lag)} note={catchUpText(readings)} />
      <Figure
        label="Searchable events"
        value={known(stats?.store?.events)}
        note={`about ${known(stats?.store?.texts)} distinct texts`}
      />
      <Figure
        label="Dead letters"
        value={known(stats?.dead_letters?.open)}
        note="open, by cause below"
      />
    </dl>
  );
}

/** Of the last minute; while nothing is stored, since the start. */
function searchableText(
  history: StatsHistory | null,
  stats: Stats | null,
): { readonly value: string; readonly note: string } {
  if (history === null || stats === null) return { value: '–', note: 'measuring' };
  const last = history.last_minute ?? stats.latency_ms;
  if (last.p50 === 0) return { value: '–', note: 'nothing was stored yet' };
  return {
    value: latencyText(last.p50),
    note:
      `p95 ${latencyText(last.p95)}, p99 ${latencyText(last.p99)}` +
      (history.last_minute === null ? '; since the start, nothing now' : ''),
  };
}

const known = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : formatCount(value);
