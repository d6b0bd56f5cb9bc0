// Finds what the sessions most like a visitor's went on to touch: nearest neighbours by session
// (V-SKNN: Ludewig and Jannach 2018; VMIS-kNN: Kersbergen et al. 2022), from the newest events of a
// store.
//
//     likeness of a session   Σ weights of the visitor's products that it touched × freshness
//     freshness               1 − fading share × (1 − 2^(−age / half-life))
//     score of a product      Σ likeness / √(products of the session)   over sessions with it
//
// Age counts from the newest session found, so that an imported old log gives the same answer. The
// root limits the weight of long sessions: they touch many products, so each one means less.
// Adapters supply the look-ups.

import type { NeighbourRequest } from '#core/ports.ts';

export type SessionTouch = { readonly sessionId: string; readonly timestamp: number };
export type ProductTouch = { readonly productId: string; readonly timestamp: number };

export type NeighbourSpace<Touch extends ProductTouch> = {
  /** For each product in order: its newest touches by `touchTypes`, `touchesPerProduct` at most. */
  touchesOfProducts(productIds: readonly string[]): Promise<readonly (readonly SessionTouch[])[]>;
  /**
   * For each session in order: its newest touches by `touchTypes` that match the filter,
   * `touchesPerSession` at most, newest first.
   */
  touchesOfSessions(sessionIds: readonly string[]): Promise<readonly (readonly Touch[])[]>;
};

export type Neighbour<Touch> = {
  readonly score: number;
  readonly sessions: number;
  readonly ledBy: string;
  /** Its newest touch in the sessions used. */
  readonly newest: Touch;
};

export type Neighbours<Touch> = {
  /** Neighbours by descending score, then product id. */
  readonly ranked: readonly Neighbour<Touch>[];
  /** How many sessions were used. */
  readonly sessions: number;
  /** How many products they touched, summed over the sessions. */
  readonly touches: number;
};

type Session = {
  readonly id: string;
  newestAt: number;
  /** When it first touched one of the visitor's products, as far as read. */
  firstAt: number;
  weight: number;
  /** The visitor's product with the largest weight in it. */
  ledBy: string;
  ledWeight: number;
};

export async function sessionNeighbours<Touch extends ProductTouch>(
  space: NeighbourSpace<Touch>,
  request: NeighbourRequest,
): Promise<Neighbours<Touch>> {
  const touches = await space.touchesOfProducts(request.touched.map(({ productId }) => productId));
  const sessions = alikeSessions(touches, request);
  if (sessions.length === 0) return { ranked: [], sessions: 0, touches: 0 };
  const found = await space.touchesOfSessions(sessions.map(({ id }) => id));
  return { ...scored(sessions, found, request), sessions: sessions.length };
}

function alikeSessions(
  touches: readonly (readonly SessionTouch[])[],
  request: NeighbourRequest,
): readonly Session[] {
  const except = new Set(request.exceptSessionIds);
  const sessions = new Map<string, Session>();
  for (const [index, { productId, weight }] of request.touched.entries()) {
    const counted = new Set<string>();
    for (const { sessionId, timestamp } of touches[index] ?? []) {
      if (except.has(sessionId)) continue;
      let session = sessions.get(sessionId);
      if (session === undefined) {
        session = {
          id: sessionId,
          newestAt: timestamp,
          firstAt: timestamp,
          weight: 0,
          ledBy: productId,
          ledWeight: 0,
        };
        sessions.set(sessionId, session);
      }
      session.newestAt = Math.max(session.newestAt, timestamp);
      session.firstAt = Math.min(session.firstAt, timestamp);
      if (counted.has(sessionId)) continue;
      counted.add(sessionId);
      session.weight += weight;
      if (weight > session.ledWeight) {
        session.ledBy = productId;
        session.ledWeight = weight;
      }
    }
  }
  const all = [...sessions.values()];
  const now = all.reduce((latest, { newestAt }) => Math.max(latest, newestAt), -Infinity);
  for (const session of all) session.weight *= freshness(now - session.newestAt, request);
  return all
    .toSorted((a, b) => b.weight - a.weight || b.newestAt - a.newestAt || (a.id < b.id ? -1 : 1))
    .slice(0, request.sessionsMax);
}

function freshness(
  ageMs: number,
  { fadingShare, halfLifeMs }: Pick<NeighbourRequest, 'fadingShare' | 'halfLifeMs'>,
): number {
  return 1 - fadingShare * (1 - 2 ** (-ageMs / halfLifeMs));
}

function scored<Touch extends ProductTouch>(
  sessions: readonly Session[],
  found: readonly (readonly Touch[])[],
  { limit, onlyLater }: NeighbourRequest,
): Omit<Neighbours<Touch>, 'sessions'> {
  type Tally = { score: number; sessions: number; newest: Touch; led: Map<string, number> };
  const tallies = new Map<string, Tally>();
  for (const [index, session] of sessions.entries()) {
    const products = new Map<string, Touch>();
    for (const touch of found[index] ?? [])
      if (!products.has(touch.productId)) products.set(touch.productId, touch);
    const share = session.weight / Math.sqrt(products.size);
    for (const [productId, touch] of products) {
      if (onlyLater && touch.timestamp <= session.firstAt) continue;
      const tally = tallies.get(productId);
      if (tally === undefined) {
        const led = new Map([[session.ledBy, share]]);
        tallies.set(productId, { score: share, sessions: 1, newest: touch, led });
        continue;
      }
      tally.score += share;
      tally.sessions += 1;
      tally.led.set(session.ledBy, (tally.led.get(session.ledBy) ?? 0) + share);
      if (touch.timestamp > tally.newest.timestamp) tally.newest = touch;
    }
  }
  const all = [...tallies.values()];
  const ranked = all
    .filter(({ score }) => score > 0)
    .toSorted((a, b) => b.score - a.score || (a.newest.productId < b.newest.productId ? -1 : 1))
    .slice(0, limit)
    .map(({ score, sessions: count, newest, led }) => ({
      score,
      sessions: count,
      newest,
      ledBy: largest(led),
    }));
  return { ranked, touches: all.reduce((sum, tally) => sum + tally.sessions, 0) };
}

function largest(shares: ReadonlyMap<string, number>): string {
  let best = '';
  let most = -Infinity;
  for (const [id, share] of shares)
    if (share > most) {
      best = id;
      most = share;
    }
  return best;
}
