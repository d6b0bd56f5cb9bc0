// Lets a person edit the list of products, says what was left out of it, and shows how far it is
// embedded.

import type { EmbedderInfo } from '#core/ports.ts';
import { formatCount } from '../shared/format.ts';
import { adapterName, deviceName } from './describe-session.ts';
import { formatFigure, formatMegabytes, plural } from './format-figures.ts';
import { productCharsMax, productsMax, type ProductList } from './product-list.ts';
import type { Workbench } from './workbench.ts';

export type ListPanelProps = {
  readonly bench: Workbench;
  readonly list: ProductList;
  readonly onText: (text: string) => void;
  readonly onSample: () => void;
  readonly onEmbed: () => void;
};

const bounds = `Up to ${formatCount(productsMax)} products of ${productCharsMax} characters each.`;

export function ListPanel({ bench, list, onText, onSample, onEmbed }: ListPanelProps) {
  const { products, notes, kept } = list;
  const isBusy = bench.phase === 'loading' || bench.phase === 'embedding';
  return (
    <section class="card" aria-labelledby="list-title">
      <h2 id="list-title">Your products</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onEmbed();
        }}
      >
        <div class="label-row">
          <label for="list">One per line</label>
          <span>
            <button type="button" class="link" onClick={onSample}>
              Sample
            </button>{' '}
            <button type="button" class="link" disabled={kept === ''} onClick={() => onText('')}>
              Clear
            </button>
          </span>
        </div>
        <textarea
          id="list"
          spellcheck={false}
          wrap="off"
          value={kept}
          aria-describedby="list-help list-notes"
          onInput={({ currentTarget }) => onText(currentTarget.value)}
        />
        <p id="list-help" class="hint">
          <code>name, category, description</code>: the name alone is enough, and you can paste
          cells from a spreadsheet. {bounds}
        </p>
        <ul id="list-notes" class="notes" role="status">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
          {products.length === 0 && <li>The list is empty: type a product, or use the sample.</li>}
        </ul>
        <div class="actions">
          <button
            type="submit"
            class="button is-primary"
            disabled={products.length === 0 || isBusy}
          >
            Embed {plural(products.length, 'product')}
          </button>
        </div>
      </form>
      <Progress bench={bench} />
    </section>
  );
}

/** Shows what the session does at present, and how fast. */
function Progress({ bench }: { readonly bench: Workbench }) {
  const { phase, progress, session, products, trouble } = bench;
  return (
    <div class="progress">
      <p role="status" data-phase={phase}>
        {statusText(bench)}
      </p>
      {phase === 'loading' && <LoadingProgress progress={progress} />}
      {phase === 'embedding' && (
        <progress
          aria-label="Products embedded"
          max={products.length}
          value={embeddedCount(bench)}
        />
      )}
      {trouble !== null && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {session !== null && <SessionFacts session={session} speed={bench.speed} />}
    </div>
  );
}

function LoadingProgress({ progress }: Pick<Workbench, 'progress'>) {
  if (progress === null)
    return (
      <>
        <progress aria-label="Model loaded" max={1} />
        <p class="hint">Starting a worker</p>
      </>
    );
  const { loadedBytes, totalBytes, cached } = progress;
  return (
    <>
      <progress aria-label="Model loaded" max={totalBytes} value={loadedBytes} />
      <p class="hint">
        {formatMegabytes(loadedBytes)} of {formatMegabytes(totalBytes)} MB
        {cached && ', stored by an earlier visit'}
      </p>
    </>
  );
}

function SessionFacts({
  session,
  speed,
}: {
  readonly session: EmbedderInfo;
  readonly speed: Workbench['speed'];
}) {
  return (
    <dl class="facts">
      <div>
        <dt>Speed</dt>
        <dd>
          {speed === null ? (
            '–'
          ) : (
            <>
              <b>{formatFigure(speed.textsPerSecond)}</b> texts/s
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Per text</dt>
        <dd>
          {speed === null ? (
            '–'
          ) : (
            <>
              <b>{formatFigure(speed.msPerText)}</b> ms
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Runs on</dt>
        <dd>
          <b>{deviceName(session.device)}</b> {session.dtype}
        </dd>
      </div>
      <div class="is-wide">
        <dt>Adapter</dt>
        <dd>{adapterName(session)}</dd>
      </div>
    </dl>
  );
}

const embeddedCount = ({ vectors }: Workbench): number =>
  vectors.filter((vector) => vector !== null).length;

function statusText(bench: Workbench): string {
  const { phase, products, refused } = bench;
  const embedded = `${plural(embeddedCount(bench), 'product')} embedded`;
  return {
    idle: 'Nothing is embedded yet. The first time, the model is downloaded and stored.',
    loading: 'Loading the model and checking its vectors…',
    embedding: `Embedding ${plural(products.length, 'product')}…`,
    ready: `${embedded}${refused > 0 ? `, ${refused} refused by the model` : ''}. Search away.`,
    failed: 'No model could be started here.',
  }[phase];
}
