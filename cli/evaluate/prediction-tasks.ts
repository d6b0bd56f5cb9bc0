// Makes the predictions to test on a log: the rest of a basket, a user's next new products, and the
// next click.

import type { VisitorRef } from '#core/analysis/visitor.ts';
import type { EventLog, LoggedEvent } from './read-log.ts';

export type Case = {
  readonly visitor: VisitorRef;
  /** Products that are right answers. */
  readonly wanted: ReadonlySet<string>;
};

export const taskNames = ['rest of a basket', 'next new products', 'next click'] as const;
export type Task = {
  readonly name: (typeof taskNames)[number];
  readonly cases: readonly Case[];
  /** The events so far of sessions that are still open, by session id. */
  readonly visits: ReadonlyMap<string, readonly LoggedEvent[]>;
};

export type Split = { readonly training: EventLog; readonly later: readonly LoggedEvent[] };

/** The newest share of the sessions is predicted from the older ones. */
export function splitInTime(log: EventLog, share: number): Split {
  const ends = [...sessionsOf(log.events).values()].map((events) => events.at(-1)?.timestamp ?? 0);
  const cut = ends.toSorted((a, b) => a - b)[Math.floor(ends.length * (1 - share))] ?? Infinity;
  return splitAt(log, cut);
}

function splitAt({ events, products }: EventLog, cut: number): Split {
  const isLater = new Set(
    [...sessionsOf(events)]
      .filter(([, touches]) => (touches.at(-1)?.timestamp ?? 0) >= cut)
      .map(([id]) => id),
  );
  return {
    training: { events: events.filter(({ sessionId }) => !isLater.has(sessionId)), products },
    later: events.filter(({ sessionId }) => isLater.has(sessionId)),
  };
}

/** Tasks that the log has cases for, `casesMax` each, spread evenly over the later sessions. */
export function tasksOf({ training, later }: Split, casesMax: number): readonly Task[] {
  const sessions = [...sessionsOf(later).values()];
  const bought = sessions.filter((events) => events.some(isPurchase));
  const known = knownProducts(training.events);
  const clicks = spread(
    sessions.filter((events) => !events.some(isPurchase)).flatMap(nextClicks),
    casesMax,
  );
  const none = new Map<string, never>();
  return [
    { name: taskNames[0], cases: spread(bought.flatMap(restOfBasket), casesMax), visits: none },
    {
      name: taskNames[1],
      cases: spread(
        bought.flatMap((events) => nextNew(events, known)),
        casesMax,
      ),
      visits: none,
    },
    {
      name: taskNames[2],
      cases: clicks.map(({ id, next }) => ({
        visitor: { sessionId: id },
        wanted: new Set([next]),
      })),
      visits: new Map(clicks.map(({ id, before }) => [id, before])),
    },
  ].filter(({ cases }) => cases.length > 0);
}

const isPurchase = ({ eventType }: LoggedEvent): boolean => eventType === 'purchase';

function restOfBasket(events: readonly LoggedEvent[]): readonly Case[] {
  const products = [...new Set(events.filter(isPurchase).map(({ productId }) => productId))];
  if (products.length < 2) return [];
  const half = Math.ceil(products.length / 2);
  return [
    {
      visitor: { productIds: products.slice(0, half).slice(-100) },
      wanted: new Set(products.slice(half)),
    },
  ];
}

function nextNew(
  events: readonly LoggedEvent[],
  known: ReadonlyMap<string, ReadonlySet<string>>,
): readonly Case[] {
  const userId = events[0]?.userId ?? '';
  const earlier = known.get(userId);
  if (earlier === undefined) return [];
  const wanted = new Set(
    events
      .filter(isPurchase)
      .map(({ productId }) => productId)
      .filter((id) => !earlier.has(id)),
  );
  return wanted.size === 0 ? [] : [{ visitor: { userId }, wanted }];
}

type Click = {
  readonly id: string;
  /** Newest first. */
  readonly before: readonly LoggedEvent[];
  readonly next: string;
};

function nextClicks(events: readonly LoggedEvent[]): readonly Click[] {
  return events.slice(1).map(({ sessionId, productId }, index) => ({
    id: `${sessionId} after ${index + 1}`,
    before: events.slice(0, index + 1).toReversed(),
    next: productId,
  }));
}

function knownProducts(events: readonly LoggedEvent[]): ReadonlyMap<string, ReadonlySet<string>> {
  const known = new Map<string, Set<string>>();
  for (const { userId, productId } of events)
    known.set(userId, (known.get(userId) ?? new Set()).add(productId));
  return known;
}

function sessionsOf(events: readonly LoggedEvent[]): ReadonlyMap<string, LoggedEvent[]> {
  const sessions = new Map<string, LoggedEvent[]>();
  for (const event of events) {
    const session = sessions.get(event.sessionId);
    if (session === undefined) sessions.set(event.sessionId, [event]);
    else session.push(event);
  }
  return sessions;
}

function spread<T>(items: readonly T[], max: number): readonly T[] {
  if (items.length <= max) return items;
  return Array.from({ length: max }, (_, n) => items[Math.floor((n * items.length) / max)]).filter(
    (item) => item !== undefined,
  );
}
