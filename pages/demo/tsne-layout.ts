// Lays vectors out on a plane so that neighbours stay neighbours: t-SNE (van der Maaten and Hinton
// 2008), one step at a time, so that a page can draw it while it settles.

import { at } from '#core/errors/assert.ts';
import { fitProjection, type Point } from './principal-components.ts';

/** About how many neighbours attract a point. */
const perplexity = 8;
/** All neighbours that can attract a point at all. */
const neighboursMax = 3 * perplexity;
/** Steps from the last added vector until the map rests. */
const stepsToRest = 300;
/** Attraction is exaggerated in the first steps, so that groups find each other. */
const exaggeratedSteps = 80;
const exaggeration = 4;
/** The first points are placed close together, so that attraction can sort them first. */
const startScale = 0.01;
/** The largest factor on a difference of similarity. */
const sharpnessMax = 4096;

type Neighbour = { readonly index: number; readonly similarity: number };
/** A vector, and the vectors most similar to it, most similar first. */
type Node = { readonly vector: Float32Array; readonly neighbours: Neighbour[] };
type Edge = { readonly from: number; readonly to: number; readonly weight: number };

/**
 * Takes unit vectors of equal dimensions, all at once or in batches. The same vectors in the same
 * batches give the same map. A step computes about points² / 2 forces: 3 ms for 1,000 points.
 */
export class TsneLayout {
  readonly #nodes: Node[] = [];
  #edges: readonly Edge[] = [];
  #x: number[] = [];
  #y: number[] = [];
  #speedX: number[] = [];
  #speedY: number[] = [];
  #stepsLeft = 0;

  /** One per vector, in the order in which they were added. The scale is arbitrary. */
  get points(): readonly Point[] {
    return this.#x.map((x, index) => ({ x, y: this.#y[index] ?? 0 }));
  }

  get isAtRest(): boolean {
    return this.#stepsLeft === 0;
  }

  /** @throws RangeError when dimensions differ */
  add(vectors: readonly Float32Array[]): void {
    if (vectors.length === 0) return;
    const project = this.#nodes.length === 0 ? fitProjection(vectors) : null;
    for (const vector of vectors) {
      const index = this.#nodes.length;
      const start = project === null ? this.place(vector) : project(vector);
      const scale = project === null ? 1 : startScale;
      // Two points in the same place would never part: the force between them has no direction.
      const nudge = 1e-4 * startScale;
      this.#x.push(start.x * scale + nudge * Math.cos(index));
      this.#y.push(start.y * scale + nudge * Math.sin(index));
      this.#connect(vector);
    }
    this.#speedX = this.#x.map(() => 0);
    this.#speedY = this.#x.map(() => 0);
    this.#edges = edgesOf(this.#nodes);
    this.#stepsLeft = this.#nodes.length > 1 ? stepsToRest : 0;
  }

  /**
   * Where a vector that is not on the map belongs: between its three nearest, weighted by
   * similarity. The origin on an empty map.
   */
  place(vector: Float32Array): Point {
    const nearest = this.#nearest(vector).slice(0, 3);
    const best = nearest[0]?.similarity ?? 0;
    let x = 0,
      y = 0,
      total = 0;
    for (const { index, similarity } of nearest) {
      const weight = Math.exp((similarity - best) * 8);
      x += weight * (this.#x[index] ?? 0);
      y += weight * (this.#y[index] ?? 0);
      total += weight;
    }
    return total === 0 ? { x: 0, y: 0 } : { x: x / total, y: y / total };
  }

  /** Moves every point once; no effect at rest. */
  step(): void {
    if (this.#stepsLeft === 0) return;
    const isEarly = stepsToRest - this.#stepsLeft < exaggeratedSteps;
    this.#stepsLeft -= 1;
    const { forceX, forceY } = this.#forces(isEarly ? exaggeration : 1);
    const momentum = isEarly ? 0.5 : 0.8;
    const rate = 4 * Math.max(5, this.#x.length / 48);
    for (let i = 0; i < this.#x.length; i++) {
      const speedX = momentum * (this.#speedX[i] ?? 0) + rate * (forceX[i] ?? 0);
      const speedY = momentum * (this.#speedY[i] ?? 0) + rate * (forceY[i] ?? 0);
      this.#speedX[i] = speedX;
      this.#speedY[i] = speedY;
      this.#x[i] = (this.#x[i] ?? 0) + speedX;
      this.#y[i] = (this.#y[i] ?? 0) + speedY;
    }
  }

  /** All points repel each other, and neighbours attract each other, `pull` times as strongly. */
  #forces(pull: number): { forceX: Float64Array; forceY: Float64Array } {
    const count = this.#x.length;
    const [x, y] = [Float64Array.from(this.#x), Float64Array.from(this.#y)];
    const [forceX, forceY] = [new Float64Array(count), new Float64Array(count)];
    let total = 0;
    for (let i = 0; i < count; i++) {
      for (let j = i + 1; j < count; j++) {
        const dx = (x[i] ?? 0) - (x[j] ?? 0),
          dy = (y[i] ?? 0) - (y[j] ?? 0);
        const near = 1 / (1 + dx * dx + dy * dy);
        total += 2 * near;
        const push = near * near;
        forceX[i] = (forceX[i] ?? 0) + push * dx;
        forceY[i] = (forceY[i] ?? 0) + push * dy;
        forceX[j] = (forceX[j] ?? 0) - push * dx;
        forceY[j] = (forceY[j] ?? 0) - push * dy;
      }
    }
    for (let i = 0; i < count; i++) {
      forceX[i] = (forceX[i] ?? 0) / total;
      forceY[i] = (forceY[i] ?? 0) / total;
    }
    for (const { from, to, weight } of this.#edges) {
      const dx = (x[from] ?? 0) - (x[to] ?? 0),
        dy = (y[from] ?? 0) - (y[to] ?? 0);
      const force = (pull * weight) / (1 + dx * dx + dy * dy);
      forceX[from] = (forceX[from] ?? 0) - force * dx;
      forceY[from] = (forceY[from] ?? 0) - force * dy;
    }
    return { forceX, forceY };
  }

  #nearest(vector: Float32Array): Neighbour[] {
    return this.#nodes
      .map((other, index) => ({ index, similarity: cosine(vector, other.vector) }))
      .toSorted((a, b) => b.similarity - a.similarity)
      .slice(0, neighboursMax);
  }

  /** Finds the neighbours of a new vector, and makes it a neighbour of those it is near to. */
  #connect(vector: Float32Array): void {
    const index = this.#nodes.length;
    const neighbours: Neighbour[] = [];
    this.#nodes.forEach((other, otherIndex) => {
      const similarity = cosine(vector, other.vector);
      insert(neighbours, { index: otherIndex, similarity });
      insert(other.neighbours, { index, similarity });
    });
    this.#nodes.push({ vector, neighbours });
  }
}

/** Inserts in order of similarity, and keeps the nearest `neighboursMax`. */
function insert(list: Neighbour[], neighbour: Neighbour): void {
  const last = list.at(-1);
  const isFull = list.length === neighboursMax;
  if (isFull && last !== undefined && neighbour.similarity <= last.similarity) return;
  const position = list.findIndex(({ similarity }) => similarity < neighbour.similarity);
  list.splice(position === -1 ? list.length : position, 0, neighbour);
  if (list.length > neighboursMax) list.pop();
}

/** How strongly neighbours attract each other, in both directions. The weights add up to 1. */
function edgesOf(nodes: readonly Node[]): Edge[] {
  const weights = new Map<number, Edge>();
  const share = 1 / (2 * nodes.length);
  const add = (from: number, to: number, weight: number): void => {
    const key = from * nodes.length + to;
    weights.set(key, { from, to, weight: (weights.get(key)?.weight ?? 0) + weight });
  };
  nodes.forEach(({ neighbours }, from) => {
    const strengths = softmaxOf(neighbours.map(({ similarity }) => similarity));
    neighbours.forEach(({ index: to }, position) => {
      const weight = share * at(strengths, position);
      add(from, to, weight);
      add(to, from, weight);
    });
  });
  return [...weights.values()];
}

/**
 * The softmax of the similarities, nearest first, with the sharpness at which its entropy is that
 * of `perplexity` equal neighbours.
 */
function softmaxOf(similarities: readonly number[]): number[] {
  const best = similarities[0] ?? 0;
  const wanted = Math.log(Math.min(perplexity, Math.max(1, similarities.length / 3)));
  let low = 0,
    high = sharpnessMax;
  while (high - low > sharpnessMax / 2 ** 16) {
    const sharpness = (low + high) / 2;
    let total = 0,
      weighted = 0;
    for (const similarity of similarities) {
      const part = Math.exp((similarity - best) * sharpness);
      total += part;
      weighted += part * (similarity - best);
    }
    // The entropy of the softmax is the logarithm of its sum, minus the mean exponent.
    if (Math.log(total) - (sharpness * weighted) / total > wanted) low = sharpness;
    else high = sharpness;
  }
  const parts = similarities.map((similarity) => Math.exp((similarity - best) * low));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}

/** The cosine of unit vectors. @throws RangeError when dimensions differ */
function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(
      `Cannot lay out a vector of ${a.length} dimensions with one of ${b.length}.`,
    );
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
