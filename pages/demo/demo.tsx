// Composes the demo page: search and map, the list beside them, and below them the comparison of
// devices and the ways from here.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { useStore } from '../shared/observable-store.ts';
import { ComparisonPanel } from './comparison-panel.tsx';
import type { ComparisonEngine } from './comparison.ts';
import { Invitation } from './invitation.tsx';
import { ListPanel } from './list-panel.tsx';
import { MapPanel } from './map-panel.tsx';
import { readProducts } from './product-list.ts';
import { sampleList } from './sample-list.ts';
import { Results, SearchField } from './search-panel.tsx';
import type { WorkbenchEngine } from './workbench.ts';

/** The wait from the last keystroke to the search. */
const searchDelayMs = 120;

export type DemoProps = {
  readonly workbench: WorkbenchEngine;
  readonly comparison: ComparisonEngine;
};

export function Demo({ workbench, comparison }: DemoProps) {
  const bench = useStore(workbench.store);
  const [list, setList] = useState(() => readProducts(sampleList));
  const [query, setQuery] = useState('');
  const [active, setActive] = useState<number | null>(null);
  const texts = useMemo(() => list.products.map((product) => product.text), [list]);

  const embed = (): void => {
    setActive(null);
    void workbench.embed(list.products);
  };
  useEffect(() => {
    const search = (): void => {
      // A search before anything is embedded is meant for the list on the page: embed it first.
      const isFirst = query.trim() !== '' && workbench.store.value.phase === 'idle';
      if (isFirst && list.products.length > 0) embed();
      void workbench.search(query);
    };
    const timer = setTimeout(search, query === '' ? 0 : searchDelayMs);
    return () => clearTimeout(timer);
  }, [query]);

  return (
    <>
      <div class="bench">
        <section class="card explore" aria-label="Search and map">
          <SearchField query={query} onQuery={setQuery} />
          <div class="explore-views">
            {bench.products.length === 0 ? (
              <Invitation isReady={list.products.length > 0} onEmbed={embed} />
            ) : (
              <MapPanel
                bench={bench}
                active={active}
                onActive={setActive}
                onPick={(index) => setQuery(bench.products[index]?.text ?? '')}
              />
            )}
            <Results bench={bench} query={query} active={active} onActive={setActive} />
          </div>
        </section>
        <ListPanel
          bench={bench}
          list={list}
          onText={(text) => setList(readProducts(text))}
          onSample={() => setList(readProducts(sampleList))}
          onEmbed={embed}
        />
      </div>
      <div class="pair">
        <ComparisonPanel engine={comparison} texts={texts} />
        <GoOn />
      </div>
    </>
  );
}

function GoOn() {
  return (
    <section class="card" aria-labelledby="go-on-title">
      <h2 id="go-on-title">From here</h2>
      <p>
        <a href="search">Search the live index</a>: the products and events that this gateway has
        received.
      </p>
      <p>
        <a href="lend">Lend this tab</a> to the gateway: it embeds new events until you leave. Your
        own list stays on this device.
      </p>
    </section>
  );
}
