// The design system on one page: its tokens, and every building block in each of its states.

import { useState } from 'preact/hooks';
import {
  Bars,
  Card,
  Choice,
  Choices,
  CopyLine,
  Empty,
  Figure,
  Notice,
  Status,
  type Tone,
} from '../shared/components.tsx';
import { QrCode } from '../shared/qr-code.tsx';
import { TimeChart } from '../shared/time-chart.tsx';
import { colours, forms } from './design-tokens.ts';

export function DesignPage() {
  return (
    <main>
      <h1>Design system</h1>
      <p class="lead">
        What the pages are made of: quiet, readable, light and dark, for a mouse, a keyboard and a
        screen reader, from 360 pixels up.
      </p>
      <div class="stack">
        <Tokens />
        <div class="shown">
          <Words />
          <Actions />
          <Fields />
          <Chosen />
          <Amounts />
          <Copied />
        </div>
        <Chart />
        <Rows />
      </div>
    </main>
  );
}

function Tokens() {
  return (
    <Card title="Tokens">
      <ul class="samples">
        {Object.entries(colours).map(([name, purpose]) => (
          <li key={name}>
            <span class="sample" style={{ background: `var(${name})` }} />
            <code>{name}</code>
            <span class="cell-note">{purpose}</span>
          </li>
        ))}
        {Object.entries(forms).map(([name, purpose]) => (
          <li key={name}>
            <span
              class="sample"
              style={{ [name === '--shadow' ? 'boxShadow' : 'borderRadius']: `var(${name})` }}
            />
            <code>{name}</code>
            <span class="cell-note">{purpose}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const tones: readonly (readonly [Tone, string])[] = [
  ['good', 'Ready'],
  ['busy', 'Being checked'],
  ['warn', 'Leaving'],
  ['bad', 'In quarantine'],
  ['none', 'Not in the fleet'],
];

function Words() {
  return (
    <Card title="Card, Status, Notice, Empty" aside={<span class="total">aside</span>}>
      <p class="actions">
        {tones.map(([tone, text]) => (
          <Status key={tone} tone={tone}>
            {text}
          </Status>
        ))}
      </p>
      <Notice tone="good">Replayed: the event is in the log again.</Notice>
      <Notice tone="warn">These are hits by words only: no runner is ready.</Notice>
      <Notice tone="bad">The gateway does not answer.</Notice>
      <Notice tone="none">The model is loading.</Notice>
      <Empty title="No event is stored yet.">
        <p>Each one appears here when a search can find it.</p>
      </Empty>
    </Card>
  );
}

function Actions() {
  return (
    <Card title="Buttons and links">
      <p class="actions">
        <button class="button is-primary" type="button">
          Lend this tab
        </button>
        <button class="button" type="button">
          Make a link
        </button>
        <button class="button" type="button" disabled>
          Disabled
        </button>
      </p>
      <p class="actions">
        <button class="button is-small" type="button">
          Drain
        </button>
        <button class="button is-small is-danger" type="button">
          Purge 12
        </button>
        <button class="link" type="button">
          Pause
        </button>
        <a href="docs">API reference</a>
      </p>
    </Card>
  );
}

function Fields() {
  return (
    <Card title="Fields">
      <div class="stack">
        <label>
          Name
          <input type="text" placeholder="such as a-friends-laptop" aria-describedby="name-help" />
        </label>
        <p class="hint" id="name-help">
          How the fleet calls this tab.
        </p>
        <label>
          Event
          <textarea rows={3}>{'{ "event_id": "e-1" }'}</textarea>
        </label>
        <label>
          Share
          <input type="range" min={5} max={100} />
        </label>
        <p class="trouble">A price is a number, such as 19.90 or 1000.</p>
        <progress aria-label="Progress" max={10} value={4} />
      </div>
    </Card>
  );
}

const ranges = [
  [60, '1 min'],
  [300, '5 min'],
  [3600, '1 h'],
] as const;
const categories = [
  ['toys', 'Toys & Games (7)'],
  ['kitchen', 'Kitchen (15)'],
] as const;

function Chosen() {
  const [range, setRange] = useState<number>(300);
  const [chosen, setChosen] = useState<readonly ('toys' | 'kitchen')[]>(['toys']);
  return (
    <Card title="Choice, Choices">
      <div class="stack">
        <p>
          <Choice label="Range" name="range" options={ranges} value={range} onChange={setRange} />
        </p>
        <Choices label="Category" options={categories} chosen={chosen} onChange={setChosen} />
      </div>
    </Card>
  );
}

function Amounts() {
  return (
    <Card title="Figure, Bars">
      <div class="stack">
        <dl class="figure-row">
          <Figure label="Events in" value="512" unit="/s" note="511 /s made searchable" />
          <Figure label="Event to searchable" value="41 ms" note="p95 180 ms" />
        </dl>
        <Bars
          bars={[
            { key: 'cpu', label: 'Processor q8 × 2', value: 120, text: '120 texts/s' },
            { key: 'gpu', label: 'WebGPU fp16', value: 40, text: '40 texts/s' },
          ]}
        />
      </div>
    </Card>
  );
}

function Copied() {
  return (
    <Card title="CopyLine, QrCode">
      <div class="stack">
        <CopyLine text="npm run generate -- --count 10000" />
        <QrCode text="https://search.example/lend" label="A link to lend a tab" />
      </div>
    </Card>
  );
}

const steps = Array.from({ length: 60 }, (_, index) => index);
const start = Date.UTC(2026, 0, 31, 12) / 1000;

function Chart() {
  return (
    <Card title="TimeChart">
      <TimeChart
        times={steps.map((step) => start + 5 * step)}
        lines={[
          { label: 'in', color: '--line-2', values: steps.map((step) => 50 + (step % 12) * 4) },
          {
            label: 'searchable',
            color: '--line-1',
            values: steps.map((step) => 45 + ((step + 3) % 12) * 4),
            isFilled: true,
          },
        ]}
        format={String}
        topMin={4}
      />
    </Card>
  );
}

function Rows() {
  return (
    <div class="card table-frame" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>
            <th scope="col">Runner</th>
            <th scope="col">State</th>
            <th scope="col" class="is-number">
              Texts/s
            </th>
          </tr>
        </thead>
        <tbody>
          {tones.slice(0, 2).map(([tone, text], index) => (
            <tr key={tone}>
              <th scope="row">
                box-{index + 1}
                <span class="cell-note">node, trusted</span>
              </th>
              <td data-label="State">
                <Status tone={tone}>{text}</Status>
              </td>
              <td class="is-number" data-label="Texts/s">
                {120 - index}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
