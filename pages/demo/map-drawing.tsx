// Draws the map: a point for every product, the query with lines to its nearest products, and the
// names of those products and of the active one.

import { labelsOf, type MapPoints } from './map-geometry.ts';
import type { Hit } from './nearest-products.ts';
import type { Point } from './principal-components.ts';
import type { ListedProduct } from './product-list.ts';

export type MapDrawingProps = {
  readonly products: readonly ListedProduct[];
  readonly points: MapPoints;
  /** `null` without a query. */
  readonly query: Point | null;
  readonly hits: readonly Hit[];
  readonly active: number | null;
  readonly tintOf: (product: ListedProduct) => number;
};

/** The query has lines to this many of its nearest products. */
const linkedMax = 3;
const labelCharsMax = 28;
/** As in demo.css: the drawing is small on a phone. */
const labelSize = (): number => (matchMedia('(max-width: 40rem)').matches ? 21 : 14);

/** Draws only the children of the `svg` element. */
export function MapDrawing(props: MapDrawingProps) {
  const { products, points, query, hits, active } = props;
  const linked = hits.slice(0, linkedMax).map(({ index }) => index);
  const labelled = [...linked, ...(active === null ? [] : [active])];
  const names = new Map(labelled.map((index) => [index, clip(products[index]?.name ?? '')]));
  return (
    <>
      {query !== null &&
        linked.map((index) => {
          const point = points[index];
          return (
            point && (
              <line
                key={`line-${index}`}
                class="map-link"
                x1={query.x}
                y1={query.y}
                x2={point.x}
                y2={point.y}
              />
            )
          );
        })}
      <ProductPoints {...props} />
      {query !== null && (
        <path class="map-query" d={`M${query.x} ${query.y - 11}l9 11l-9 11l-9 -11z`} />
      )}
      {labelsOf(points, names, labelSize()).map(({ index, isLeft, x, y }) => (
        <text
          key={`label-${index}`}
          class="map-label"
          x={x}
          y={y}
          text-anchor={isLeft ? 'end' : 'start'}
          aria-hidden="true"
        >
          {names.get(index)}
        </text>
      ))}
    </>
  );
}

function ProductPoints({ products, points, query, hits, active, tintOf }: MapDrawingProps) {
  const ranks = new Map(hits.map(({ index }, rank) => [index, rank]));
  const radius = products.length > 400 ? 3.5 : products.length > 150 ? 5.5 : 8;
  return (
    <>
      {points.map((point, index) => {
        const product = products[index];
        if (point === null || product === undefined) return null;
        const rank = ranks.get(index);
        const classes = [
          'map-point',
          `tint-${tintOf(product)}`,
          ...(query !== null && rank === undefined ? ['is-far'] : []),
          ...(rank !== undefined ? ['is-hit'] : []),
          ...(index === active ? ['is-active'] : []),
        ];
        return (
          <circle
            key={index}
            class={classes.join(' ')}
            cx={point.x}
            cy={point.y}
            r={index === active || rank === 0 ? radius + 3 : radius}
          />
        );
      })}
    </>
  );
}

/** Never cuts a character in two. */
const clip = (name: string): string =>
  name.length > labelCharsMax
    ? `${name.slice(0, labelCharsMax - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
    : name;
