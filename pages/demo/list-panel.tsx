// The list to embed: typed, pasted or the sample, with what was left out of it, and a button that
// says what it will do.

import { counted, figure, megabytes } from './format-figures.ts';
import { productCharsMax, productsMax, spell, type ProductList } from './product-list.ts';
import { nameOf, placeOf, type Workbench } from './workbench.ts';

export type ListPanelProps = {
  readonly bench: Workbench;
  readonly list: ProductList;
  readonly onText: (text: string) => void;
  readonly onSample: () => void;
  readonly onEmbed: () => void;
};

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
          <code>name, category, description</code>: the name is enough, and cells pasted from a
          spreadsheet will do. Up to {spell(productsMax)} products of {productCharsMax} characters.
        </p>
        <ul id="list-notes" class="notes" role="status">
          {notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
          {products.length === 0 && <li>The list is empty: type a product, or take the sample.</li>}
        </ul>
        <div class="actions">
          <button
            type="submit"
            class="button is-primary"
            disabled={products.length === 0 || isBusy}
          >
            Embed {counted(products.length, 'product')}
          </button>
        </div>
      </form>
      <Progress bench={bench} />
    </section>
  );
}

/** What the session does now, and how fast. */
function Progress({ bench }: { readonly bench: Workbench }) {
  const { phase, progress, session, speed, vectors, products, refused, trouble } = bench;
  const done = vectors.filter((vector) => vector !== null).length;
  const said = {
    idle: 'Nothing is embedded yet. The first time, the model is downloaded and kept.',
    loading: 'Loading the model and checking its vectors…',
    embedding: `Embedding ${counted(products.length, 'product')}…`,
    ready: `${counted(done, 'product')} embedded${refused > 0 ? `, ${refused} refused by the model` : ''}. Search away.`,
    failed: 'No model could be started here.',
  }[phase];
  return (
    <div class="progress">
      <p role="status" data-phase={phase}>
        {said}
      </p>
      {phase === 'loading' && (
        <>
          <progress
            aria-label="Model loaded"
            max={progress?.totalBytes ?? 1}
            value={progress === null ? undefined : progress.loadedBytes}
          />
          <p class="hint">
            {progress === null
              ? 'Starting a worker'
              : `${megabytes(progress.loadedBytes)} of ${megabytes(progress.totalBytes)} MB${progress.cached ? ', kept from an earlier visit' : ''}`}
          </p>
        </>
      )}
      {phase === 'embedding' && (
        <progress aria-label="Products embedded" max={products.length} value={done} />
      )}
      {trouble !== null && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {session !== null && (
        <dl class="facts">
          <div>
            <dt>Speed</dt>
            <dd>
              {speed === null ? (
                '–'
              ) : (
                <>
                  <b>{figure(speed.textsPerSecond)}</b> texts/s
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
                  <b>{figure(speed.msPerText)}</b> ms
                </>
              )}
            </dd>
          </div>
          <div>
            <dt>Runs on</dt>
            <dd>
              <b>{nameOf(session.device)}</b> {session.dtype}
            </dd>
          </div>
          <div class="is-wide">
            <dt>Adapter</dt>
            <dd>{placeOf(session)}</dd>
          </div>
        </dl>
      )}
    </div>
  );
}
