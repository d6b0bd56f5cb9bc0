// Shows the list as a map: products of similar meaning stand together, the query stands among the
// products nearest to it, and the product under the pointer is described.

import { useMemo } from 'preact/hooks';
import { categoriesOf, type Category } from './categories.ts';
import { formatScore, plural } from './format-figures.ts';
import { MapDrawing } from './map-drawing.tsx';
import {
  isDirection,
  mapHeight,
  mapWidth,
  neighbourTowards,
  productAt,
  type MapPoints,
} from './map-geometry.ts';
import type { Hit } from './nearest-products.ts';
import type { ListedProduct } from './product-list.ts';
import { useMapLayout } from './use-map-layout.ts';
import type { Workbench } from './workbench.ts';

export type MapPanelProps = {
  readonly bench: Workbench;
  /** The product that the person looks at, here or in the results. */
  readonly active: number | null;
  readonly onActive: (index: number | null) => void;
  /** The person chose a product: search for similar ones. */
  readonly onPick: (index: number) => void;
};

/** The longest distance from the pointer to a product that it points at, in the drawing's units. */
const reach = 26;

export function MapPanel({ bench, active, onActive, onPick }: MapPanelProps) {
  const { products, vectors, queryVector, hits } = bench;
  const { categories, tintOf } = useMemo(() => categoriesOf(products), [products]);
  const { points, pointOf } = useMapLayout(products, vectors);
  const pointCount = points.filter((point) => point !== null).length;
  return (
    <figure class="map">
      <svg
        viewBox={`0 0 ${mapWidth} ${mapHeight}`}
        tabindex={0}
        role="application"
        aria-roledescription="map"
        aria-label={
          `Map of ${plural(pointCount, 'product')} by meaning. ` +
          'Arrow keys move from product to product, Enter searches for similar ones.'
        }
        {...handlersOf({ points, active, onActive, onPick })}
      >
        <MapDrawing
          products={products}
          points={points}
          query={queryVector === null || hits.length === 0 ? null : pointOf(queryVector)}
          hits={hits}
          active={active}
          tintOf={tintOf}
        />
      </svg>
      <figcaption>
        <p class="map-detail" aria-live="polite">
          <Detail
            product={active === null ? undefined : products[active]}
            hit={hits.find(({ index }) => index === active)}
            isEmpty={pointCount === 0}
          />
        </p>
        {categories.length > 1 && <Legend categories={categories} />}
      </figcaption>
    </figure>
  );
}

/** Pointer and keys choose the active product; a click or Enter picks it. */
function handlersOf({
  points,
  active,
  onActive,
  onPick,
}: Omit<MapPanelProps, 'bench'> & { readonly points: MapPoints }) {
  const onPointer = (event: PointerEvent & { currentTarget: SVGSVGElement }): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const scale = mapWidth / box.width;
    const pointer = { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
    onActive(productAt(points, pointer, reach));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isDirection(event.key)) onActive(neighbourTowards(points, active, event.key));
    else if ((event.key === 'Enter' || event.key === ' ') && active !== null) onPick(active);
    else if (event.key === 'Escape') onActive(null);
    else return;
    event.preventDefault();
  };
  return {
    onPointerMove: onPointer,
    onPointerDown: onPointer,
    onPointerLeave: () => onActive(null),
    onClick: () => {
      if (active !== null) onPick(active);
    },
    onKeyDown,
  };
}

function Detail({
  product,
  hit,
  isEmpty,
}: {
  readonly product: ListedProduct | undefined;
  readonly hit: Hit | undefined;
  readonly isEmpty: boolean;
}) {
  if (product === undefined)
    return isEmpty
      ? 'Every product becomes a point here; products of similar meaning end up side by side.'
      : 'Point at a product to see it, or choose it to search for similar ones.';
  return (
    <>
      <strong>{product.name}</strong>
      {product.category !== null && <> · {product.category}</>}
      {product.description !== null && <> · {product.description}</>}
      {hit && <> · {formatScore(hit.score)}</>}
    </>
  );
}

function Legend({ categories }: { readonly categories: readonly Category[] }) {
  return (
    <ul class="legend" aria-label="Categories">
      {categories.map(({ name, count, tint }) => (
        <li key={name}>
          <span class={`dot tint-${tint}`} aria-hidden="true" />
          {name} <span class="quiet">{count}</span>
        </li>
      ))}
    </ul>
  );
}
