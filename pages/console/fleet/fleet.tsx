// Fleet: every runner, how fast and how right it is, and how to take one out.

import { useEffect, useState } from 'preact/hooks';
import type { LiveMessage } from '../../../client/client.ts';
import { Empty, Figure, Notice } from '../../shared/components.tsx';
import { formatCount, formatRate } from '../../shared/format.ts';
import type { Session } from '../session.ts';
import { useFeed, usePolled } from '../use-gateway.ts';
import { useKept } from '../use-kept.ts';
import type { Act, RunnerView } from './fleet-types.ts';
import { JoinLink } from './join-link.tsx';
import { withLook, workOf, type Histories } from './runner-history.ts';
import { RunnerRow } from './runner-row.tsx';

/** States change with a message; the counts of each runner change oftener. */
const everyMs = 2000;

export function Fleet({ session }: { readonly session: Session }) {
  const [changes, setChanges] = useState(0);
  const [told, setTold] = useState<{ readonly isBad: boolean; readonly text: string } | null>(null);
  const [histories, setHistories] = useState<Histories>(new Map());
  const [history, setHistory] = useState<readonly string[]>([]);
  useFeed(session, ['runner'], (message) => {
    if (message.type !== 'runner') return;
    setChanges((count) => count + 1);
    const line = lineOf(message);
    if (line !== null) setHistory((before) => [line, ...before].slice(0, historyMax));
  });
  const runners = usePolled(session, (signal) => session.client.runners.list({ signal }), everyMs, [
    changes,
  ]);
  useEffect(() => {
    if (runners !== null) setHistories((before) => withLook(before, runners, Date.now()));
  }, [runners]);
  const act: Act = async (done, action) => {
    try {
      await action();
      setTold({ isBad: false, text: done });
      setChanges((count) => count + 1);
    } catch (error) {
      setTold({ isBad: true, text: session.explain(error) });
    }
  };
  return (
    <div class="stack">
      <div class="health-head">
        <h1>Fleet</h1>
        <p class="quiet">
          Runners turn texts into vectors. Each one first proves that it is right.
        </p>
      </div>
      <Figures runners={runners} />
      {told !== null && <Notice tone={told.isBad ? 'bad' : 'good'}>{told.text}</Notice>}
      {runners === null && (
        <p class="quiet" role="status">
          Asking for the runners…
        </p>
      )}
      {runners?.length === 0 && (
        <Empty title="No runner is connected.">
          <p>
            New texts wait until there is one, and searches find by words only.{' '}
            <a href="lend">Lend this tab</a>, or run <code>npm run runner</code> on any machine that
            reaches this gateway.
          </p>
        </Empty>
      )}
      {runners !== null && runners.length > 0 && (
        <RunnerTable {...{ runners, histories, session, act }} />
      )}
      <JoinLink session={session} />
      {history.length > 0 && (
        <section class="card" aria-label="What happened">
          <header class="card-head">
            <h2>Since you opened this page</h2>
          </header>
          <ol class="lines">
            {history.map((line, index) => (
              <li key={`${line} ${history.length - index}`}>{line}</li>
            ))}
          </ol>
        </section>
      )}
    </div>
  );
}

function Figures({ runners }: { readonly runners: readonly RunnerView[] | null }) {
  const ready = runners?.filter(({ state }) => state === 'ready') ?? [];
  return (
    <dl class="card figure-row">
      <Figure
        label="Ready"
        value={runners === null ? '–' : `${ready.length}`}
        note={`of ${runners?.length ?? '–'} shown`}
      />
      <Figure
        label="Speed"
        value={sumOf(ready, 'texts_per_second')}
        unit="texts/s"
        note={slowestText(ready)}
      />
      <Figure label="Jobs in work" value={sumOf(runners ?? [], 'jobs_in_work')} />
      <Figure label="Vectors made" value={sumOf(runners ?? [], 'texts_embedded')} />
    </dl>
  );
}

const columns = [
  ['Runner', ''],
  ['State', ''],
  ['Device', ''],
  ['Texts/s', 'is-number'],
  ['Vectors', 'is-number'],
  ['In work', 'is-number'],
  ['Agreement', 'is-number'],
] as const;

function RunnerTable({
  runners,
  histories,
  session,
  act,
}: {
  readonly runners: readonly RunnerView[];
  readonly histories: Histories;
  readonly session: Session;
  readonly act: Act;
}) {
  // A runner that comes back after an outage has a new id.
  const [reasons, keepReason] = useKept<string>();
  const sameName = Map.groupBy(runners, ({ name }) => name);
  const keyOf = ({ id, name }: RunnerView): string =>
    sameName.get(name)?.length === 1 ? name : id;
  const total = runners.reduce((sum, { texts_embedded: texts }) => sum + texts, 0);
  const most = Math.max(0, ...[...histories.values()].flatMap(workOf));
  const fastest = Math.max(0, ...runners.map(({ texts_per_second: speed }) => speed));
  return (
    <div class="card table-frame" tabIndex={0} role="region" aria-label="Runners">
      <table>
        <thead>
          <tr>
            {columns.map(([name, look]) => (
              <th key={name} scope="col" class={look}>
                {name}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {runners.map((runner) => (
            <RunnerRow
              key={runner.id}
              looks={histories.get(runner.id) ?? []}
              reason={reasons.get(keyOf(runner)) ?? null}
              onReason={(reason) => keepReason(keyOf(runner), reason)}
              {...{ runner, fastest, most, total, session, act }}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const historyMax = 12;

const sumOf = (
  runners: readonly RunnerView[],
  member: 'texts_per_second' | 'jobs_in_work' | 'texts_embedded',
): string => {
  const sum = runners.reduce((total, runner) => total + runner[member], 0);
  return member === 'texts_per_second' ? formatRate(sum) : formatCount(sum);
};

/** Which runner is slow; '' where there is nothing to compare. */
function slowestText(ready: readonly RunnerView[]): string {
  const [slowest, next] = ready.toSorted((a, b) => a.texts_per_second - b.texts_per_second);
  if (slowest === undefined || next === undefined) return '';
  return `slowest: ${slowest.name}, ${formatRate(slowest.texts_per_second)}`;
}

function lineOf(message: Extract<LiveMessage, { readonly type: 'runner' }>): string | null {
  const { at, data } = message;
  if (data.change === 'all') return null;
  const time = new Date(at).toLocaleTimeString('en-GB');
  if (data.change === 'left') return `${time}  A runner left (${data.runner.id.slice(0, 8)}).`;
  const { name, state } = data.runner;
  return data.change === 'joined'
    ? `${time}  ${name} joined.`
    : `${time}  ${name} is ${state === 'ready' ? 'ready' : state}.`;
}
