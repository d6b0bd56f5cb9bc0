// One hit: its product, why it matched, what visitors did, and what is near it.

import { useState } from 'preact/hooks';
import type { SearchResult } from '../../../client/client.ts';
import { formatCount, formatPrice } from '../../shared/format.ts';
import { eventTypeName } from '../event-words.ts';
import type { Session } from '../session.ts';
import { useOnce } from '../use-gateway.ts';
import { shownPicture } from './picture-address.ts';
import { Picture } from './picture.tsx';
import { whyMatched } from './why-matched.ts';

type Hit = SearchResult['hits'][number];

export function HitRow({
  session,
  hit,
  query,
  pictureOrigins,
}: {
  readonly session: Session;
  readonly hit: Hit;
  readonly query: string;
  readonly pictureOrigins: readonly string[];
}) {
  const { product, text, events } = hit;
  const [isOpen, setOpen] = useState(false);
  const name = product?.name ?? `“${text}”`;
  return (
    <li class="card hit">
      <div class="hit-head">
        <Picture name={name} address={shownPicture(product?.image, pictureOrigins)} />
        <h2>{name}</h2>
        <span class="hit-price">{product === null ? '' : formatPrice(product.price)}</span>
      </div>
      <p class="quiet">{product?.description ?? product?.category ?? 'A search by a visitor'}</p>
      <p class="hit-why">{whyMatched(query, hit)}</p>
      <p class="hit-events">
        {Object.entries(events.by_type)
          .toSorted(([, a], [, b]) => b - a)
          .map(([type, count]) => (
            <span key={type} class={`tag is-${type}`}>
              {eventTypeName(type)} <b>{formatCount(count)}</b>
            </span>
          ))}
      </p>
      {product !== null && (
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>Similar, and bought together</summary>
          {isOpen && <Neighbours session={session} productId={product.id} />}
        </details>
      )}
    </li>
  );
}

type Product = NonNullable<Hit['product']>;

function Neighbours({
  session,
  productId,
}: {
  readonly session: Session;
  readonly productId: string;
}) {
  const similar = useOnce(session, async (signal) => {
    const { items } = await session.client.similar(productId, { limit: 5 }, { signal });
    return items.flatMap(({ product }) => product ?? []);
  });
  const bought = useOnce(session, async (signal) => {
    const query = { kind: 'bought_together', limit: 5 } as const;
    const { items } = await session.client.related(productId, query, { signal });
    return items.map(({ product }) => product);
  });
  return (
    <div class="neighbours">
      <NameList title="Similar" items={similar} none="Nothing similar is stored." />
      <NameList title="Bought together" items={bought} none="Nobody bought it with another yet." />
    </div>
  );
}

function NameList({
  title,
  items,
  none,
}: {
  readonly title: string;
  readonly items: readonly Product[] | null;
  readonly none: string;
}) {
  return (
    <div>
      <h3>{title}</h3>
      {items === null && <p class="quiet">Asking…</p>}
      {items?.length === 0 && <p class="quiet">{none}</p>}
      <ul>
        {items?.map(({ id, name }) => (
          <li key={id}>{name}</li>
        ))}
      </ul>
    </div>
  );
}
