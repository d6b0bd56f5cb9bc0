// Counts how many sessions get from a view to a cart to a purchase. Adapters supply the events.
//
//     session 1   view, add_to_cart, purchase     3 steps
//     session 2   view, view, purchase            1 step: what was not in the cart is not counted
//     session 3   view, add_to_cart               2 steps, and a cart left behind
//
// A session takes a step when it has taken the one before, at the same time or earlier. With `by:
// query`, its touches belong to its last search before them.

import type { EventType, Funnel, FunnelGroup, FunnelRequest, FunnelTouch } from '#core/ports.ts';

type By = FunnelRequest['by'] | 'all';

type Session = {
  newestAt: number;
  query: string | null;
  /** Products in the cart, each with the group under which it was put there. */
  readonly cart: Map<string, string>;
  readonly groups: Map<string, Progress>;
};

type Progress = {
  /** How many steps of view, add_to_cart and purchase were taken. */
  steps: number;
  hasSearched: boolean;
  /** Nothing was touched since the last search. */
  isWaiting: boolean;
};

const everything = '';

type Step = 'view' | 'cart' | 'purchase' | null;
type StepOf = (type: EventType) => Step;
const numberOf = { view: 1, cart: 2, purchase: 3 } as const;

function stepsOf({ view, cart, purchase }: FunnelRequest['places']): StepOf {
  const steps = new Map<EventType, Step>([
    ...view.map((type) => [type, 'view'] as const),
    ...cart.map((type) => [type, 'cart'] as const),
    ...purchase.map((type) => [type, 'purchase'] as const),
  ]);
  return (type) => steps.get(type) ?? null;
}

/** Of two events in one millisecond, the one with the lower rank comes first. */
function rankOf(type: EventType, stepOf: StepOf): number {
  if (type === 'search') return 0;
  if (type === 'remove_from_cart') return 4;
  const step = stepOf(type);
  return step === null ? 2 : { view: 1, cart: 3, purchase: 5 }[step];
}

/** @param touches the newest events of the range, `eventsMax` at most, in any order */
export function funnelOf(touches: readonly FunnelTouch[], request: FunnelRequest): Funnel {
  const stepOf = stepsOf(request.places);
  const inOrder = touches.toSorted(
    (a, b) =>
      a.timestamp - b.timestamp || rankOf(a.eventType, stepOf) - rankOf(b.eventType, stepOf),
  );
  const all = sessionsOf(inOrder, 'all', stepOf);
  const size = ({ searched, viewed }: FunnelGroup): number =>
    request.by === 'query' ? searched : viewed;
  return {
    total: countsOf(all, request.idleSince).get(everything) ?? emptyGroup(everything),
    groups: [...countsOf(sessionsOf(inOrder, request.by, stepOf), request.idleSince).values()]
      .toSorted((a, b) => size(b) - size(a) || (a.key < b.key ? -1 : 1))
      .slice(0, request.limit),
    sessions: all.size,
    events: touches.length,
    oldestAt: inOrder[0]?.timestamp ?? null,
  };
}

function sessionsOf(
  touches: readonly FunnelTouch[],
  by: By,
  stepOf: StepOf,
): ReadonlyMap<string, Session> {
  const sessions = new Map<string, Session>();
  for (const touch of touches) {
    let session = sessions.get(touch.sessionId);
    if (session === undefined) {
      session = { newestAt: 0, query: null, cart: new Map(), groups: new Map() };
      sessions.set(touch.sessionId, session);
    }
    session.newestAt = touch.timestamp;
    follow(session, touch, by, stepOf(touch.eventType));
  }
  return sessions;
}

function follow(session: Session, touch: FunnelTouch, by: By, step: Step): void {
  const { eventType, productId } = touch;
  if (eventType === 'search') session.query = touch.textId;
  if (productId !== null && (eventType === 'remove_from_cart' || step === 'purchase'))
    session.cart.delete(productId);
  const key = keyOf(session, touch, by);
  if (key === null) return;
  let progress = session.groups.get(key);
  if (progress === undefined) {
    progress = { steps: 0, hasSearched: false, isWaiting: false };
    session.groups.set(key, progress);
  }
  progress.isWaiting = eventType === 'search';
  progress.hasSearched ||= eventType === 'search';
  if (step !== null && numberOf[step] === progress.steps + 1) progress.steps += 1;
  if (step === 'cart' && productId !== null) session.cart.set(productId, key);
}

function keyOf(
  { query }: Session,
  { eventType, productId, category }: FunnelTouch,
  by: By,
): string | null {
  if (by === 'all') return everything;
  if (by === 'query') return query;
  if (eventType === 'search') return null;
  return by === 'product' ? productId : category;
}

function countsOf(
  sessions: ReadonlyMap<string, Session>,
  idleSince: number,
): ReadonlyMap<string, FunnelGroup> {
  const groups = new Map<string, FunnelGroup>();
  for (const { newestAt, cart, groups: found } of sessions.values()) {
    // Who was active just now may still buy, or touch what was searched.
    const isOver = newestAt < idleSince;
    const left = new Set(isOver ? cart.values() : []);
    for (const [key, { steps, hasSearched, isWaiting }] of found) {
      const group = groups.get(key) ?? emptyGroup(key);
      groups.set(key, {
        key,
        searched: group.searched + Number(hasSearched),
        untouched: group.untouched + Number(isWaiting && isOver),
        viewed: group.viewed + Number(steps >= 1),
        carted: group.carted + Number(steps >= 2),
        purchased: group.purchased + Number(steps >= 3),
        cartsLeft: group.cartsLeft + Number(left.has(key)),
      });
    }
  }
  return groups;
}

const emptyGroup = (key: string): FunnelGroup => ({
  key,
  searched: 0,
  untouched: 0,
  viewed: 0,
  carted: 0,
  purchased: 0,
  cartsLeft: 0,
});
