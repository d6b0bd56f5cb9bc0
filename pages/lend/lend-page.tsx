// Lend this tab: one click to join the fleet and one to leave, what it means and costs, and what
// the tab has done.

import { Card, Notice } from '../shared/components.tsx';
import { insecurePage } from '../shared/insecure-page.ts';
import { useStore } from '../shared/observable-store.ts';
import { FleetShare } from './fleet-share.tsx';
import { LendForm, Throttle } from './lend-form.tsx';
import type { LendingEngine, LendProps } from './lending.ts';
import { OtherDevice } from './other-device.tsx';
import { Details, Figures, History, Measurements, Progress } from './runner-view.tsx';
import { headline, tone } from './state-words.ts';

export function LendPage({
  engine,
  name,
}: {
  readonly engine: LendingEngine;
  readonly name: string;
}) {
  const lending = useStore(engine.store);
  const { status, trouble, needsCredential, phase } = lending;
  const isIn = phase === 'lending' || phase === 'leaving';
  return (
    <main class="stack">
      <Head engine={engine} lending={lending} />
      {!isSecureContext && <Notice tone="bad">{insecurePage}</Notice>}
      {trouble !== null && !needsCredential && isSecureContext && (
        <Notice tone={phase === 'idle' ? 'bad' : 'warn'}>{trouble}</Notice>
      )}
      {isSecureContext && !isIn && <LendForm engine={engine} lending={lending} />}
      {status?.progress && <Progress {...status.progress} />}
      {status !== null && (
        <Figures status={status}>
          <FleetShare own={status.textsEmbedded} runnerId={status.runnerId} />
        </Figures>
      )}
      {isIn && (
        <Card title="How much it may work">
          <Throttle engine={engine} lending={lending} />
        </Card>
      )}
      {status !== null && <History entries={status.history} />}
      {status === null && <Terms />}
      {status !== null && status.measured.length > 0 && <Measurements measured={status.measured} />}
      {status !== null && <Details status={status} name={name} />}
      <OtherDevice />
    </main>
  );
}

function Head({ engine, lending: { phase, status } }: LendProps) {
  const state = status?.state ?? (phase === 'asking' ? 'starting' : 'idle');
  const isIn = phase === 'lending' || phase === 'leaving';
  return (
    <header class="head" data-lending={phase}>
      <div>
        <p class={`state ${tone(state)}`} id="state" data-state={state} role="status">
          {phase === 'leaving' ? 'Finishing the work in progress' : headline(state)}
        </p>
        <h1>
          {!isIn
            ? 'Lend this tab'
            : state === 'working'
              ? 'This tab works for the fleet'
              : 'This tab is getting ready'}
        </h1>
        <p class="lead">
          {isIn
            ? 'Keep it visible: browsers slow down hidden tabs. You can leave at any time; ' +
              'another runner takes over.'
            : status !== null && status.textsEmbedded > 0
              ? 'Thank you for your help. You can lend the tab again at any time.'
              : 'It computes the vectors by which texts are found by their meaning, ' +
                'with the GPU or processor of this device.'}
        </p>
      </div>
      {phase !== 'idle' && (
        <button
          class="button"
          type="button"
          disabled={phase === 'leaving'}
          onClick={() => void engine.leave()}
        >
          {phase === 'asking' ? 'Cancel' : phase === 'leaving' ? 'Leaving…' : 'Leave the fleet'}
        </button>
      )}
    </header>
  );
}

function Terms() {
  return (
    <Card title="Before you lend it">
      <dl class="terms">
        <div>
          <dt>Why</dt>
          <dd>
            Every new product, search and event needs a vector before it can be found by its
            meaning. This is most of the work. A tab that helps shortens the wait for everybody.
          </dd>
        </div>
        <div>
          <dt>What is sent</dt>
          <dd>
            This tab gets the model once, then texts of the event stream: products and searches,
            without the ids of visitors. It sends back vectors, how fast it is, and the name of its
            browser and GPU. It reads nothing else of yours.
          </dd>
        </div>
        <div>
          <dt>What it costs</dt>
          <dd>
            Processor or GPU time up to the share that you choose, about half a gigabyte of memory,
            and battery: unplugged, it works a quarter of the time at most. It ends when you close
            the tab.
          </dd>
        </div>
      </dl>
    </Card>
  );
}
