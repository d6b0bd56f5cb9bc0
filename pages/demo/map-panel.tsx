// The list as a map: products of like meaning stand together, the query stands among its nearest,
// and every point tells its name.

import { useMemo } from 'preact/hooks';
import { categoriesOf } from './categories.ts';
import { counted, score } from './format-figures.ts';
import {
  isDirection,
  labelPlaces,
  mapHeight,
  mapWidth,
  neighbourTowards,
  productAt,
  useLayout,
} from './map-layout.ts';
import type { Workbench } from './workbench.ts';

export type MapPanelProps = {
  readonly bench: Workbench;
  /** The product that the person looks at, here or in the results. */
  readonly active: number | null;
  readonly onActive: (index: number | null) => void;
  /** A product was chosen: search for what is like it. */
  readonly onPick: (index: number) => void;
};

const linkedMax = 3;

export function MapPanel({ bench, active, onActive, onPick }: MapPanelProps) {
  const { products, vectors, queryVector, hits } = bench;
  const { categories, tintOf } = useMemo(() => categoriesOf(products), [products]);
  const { places, placeOf } = useLayout(products, vectors);
  const query = queryVector === null || hits.length === 0 ? null : placeOf(queryVector);
  const linked = hits.slice(0, linkedMax);
  const ranks = new Map(hits.map(({ index }, rank) => [index, rank]));
  const radius = products.length > 400 ? 3.5 : products.length > 150 ? 5.5 : 8;
  const shown = places.filter((place) => place !== null).length;

  const pointer = (event: PointerEvent & { currentTarget: SVGSVGElement }): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const scale = mapWidth / box.width;
    onActive(
      productAt(
        places,
        { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale },
        26,
      ),
    );
  };
  const key = (event: KeyboardEvent): void => {
    if (isDirection(event.key)) onActive(neighbourTowards(places, active, event.key));
    else if ((event.key === 'Enter' || event.key === ' ') && active !== null) onPick(active);
    else if (event.key === 'Escape') onActive(null);
    else return;
    event.preventDefault();
  };

  const labelled = [
    ...new Set([...linked.map(({ index }) => index), ...(active === null ? [] : [active])]),
  ];
  const product = active === null ? undefined : products[active];
  const hit = hits.find(({ index }) => index === active);
  return (
    <figure class="map">
      <svg
        viewBox={`0 0 ${mapWidth} ${mapHeight}`}
        tabindex={0}
        role="application"
        aria-roledescription="map"
        aria-label={`Map of ${counted(shown, 'product')} by meaning. Arrow keys go from product to product, Enter searches for what is like it.`}
        onPointerMove={pointer}
        onPointerDown={pointer}
        onPointerLeave={() => onActive(null)}
        onClick={() => {
          if (active !== null) onPick(active);
        }}
        onKeyDown={key}
      >
        {query !== null &&
          linked.map(({ index }) => {
            const place = places[index];
            return (
              place && (
                <line
                  key={`line-${index}`}
                  class="map-link"
                  x1={query.x}
                  y1={query.y}
                  x2={place.x}
                  y2={place.y}
                />
              )
            );
          })}
        {places.map((place, index) => {
          const listed = products[index];
          if (place === null || listed === undefined) return null;
          const rank = ranks.get(index);
          const state = `${query !== null && rank === undefined ? ' is-far' : ''}${rank !== undefined ? ' is-hit' : ''}${index === active ? ' is-active' : ''}`;
          return (
            <circle
              key={index}
              class={`map-point tint-${tintOf(listed)}${state}`}
              cx={place.x}
              cy={place.y}
              r={index === active || rank === 0 ? radius + 3 : radius}
            />
          );
        })}
        {query !== null && (
          <path class="map-query" d={`M${query.x} ${query.y - 11}l9 11l-9 11l-9 -11z`} />
        )}
        {labelPlaces(places, labelled).map(({ index, isLeft, x, y }) => (
          <text
            key={`label-${index}`}
            class="map-label"
            x={x}
            y={y}
            text-anchor={isLeft ? 'end' : 'start'}
            aria-hidden="true"
          >
            {clip(products[index]?.name ?? '')}
          </text>
        ))}
      </svg>
      <figcaption>
        <p class="map-detail" aria-live="polite">
          {product === undefined ? (
            shown === 0 ? (
              'Every product becomes a point here; what means the same ends up side by side.'
            ) : (
              'Point at a product, or choose one to search for what is like it.'
            )
          ) : (
            <>
              <strong>{product.name}</strong>
              {product.category !== null && <> · {product.category}</>}
              {product.description !== null && <> · {product.description}</>}
              {hit && <> · {score(hit.score)}</>}
            </>
          )}
        </p>
        {categories.length > 1 && (
          <ul class="legend" aria-label="Categories">
            {categories.map(({ name, count, tint }) => (
              <li key={name}>
                <span class={`dot tint-${tint}`} aria-hidden="true" />
                {name} <span class="quiet">{count}</span>
              </li>
            ))}
          </ul>
        )}
      </figcaption>
    </figure>
  );
}

const labelCharsMax = 28;

const clip = (name: string): string =>
  name.length > labelCharsMax
    ? `${name.slice(0, labelCharsMax - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
    : name;
