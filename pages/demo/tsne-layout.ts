// Lays vectors out on a plane so that neighbours stay neighbours: t-SNE, a step at a time, so that
// a page can draw it as it settles.

import { fitProjection, type Point } from './principal-components.ts';

/**
 * How many neighbours a point is held by, softly (the perplexity of van der Maaten and Hinton
 * 2008), and the most it looks at.
 */
const perplexity = 8;
const neighboursMax = 3 * perplexity;
/**
 * Steps from the last vector that came until the map rests; at first, attraction is exaggerated so
 * that groups find together.
 */
const stepsToRest = 300;
const exaggeratedSteps = 80;
const exaggeration = 4;
/**
 * Of the distances between the points at the start: small, so that attraction can sort them out
 * first.
 */
const startScale = 0.01;

/** By which a difference of similarity is multiplied at most. */
const sharpnessMax = 4096;

type Neighbour = { readonly index: number; readonly similarity: number };
type Edge = { readonly from: number; readonly to: number; readonly weight: number };

/**
 * Unit vectors of one dimension, as they come. A step costs about points² / 2 small additions: 3 ms
 * for 1,000. The same vectors in the same portions give the same map.
 */
export class NeighbourMap {
  readonly #vectors: Float32Array[] = [];
  /** Of each vector its nearest others, nearest first. */
  readonly #neighbours: Neighbour[][] = [];
  #edges: readonly Edge[] = [];
  #x: number[] = [];
  #y: number[] = [];
  #speedX: number[] = [];
  #speedY: number[] = [];
  #stepsLeft = 0;

  /** One per vector, in order of their coming. The scale is the map's own. */
  get points(): readonly Point[] {
    return this.#x.map((x, index) => ({ x, y: this.#y[index] ?? 0 }));
  }

  get isAtRest(): boolean {
    return this.#stepsLeft === 0;
  }

  /** Throws RangeError when dimensions differ. */
  add(vectors: readonly Float32Array[]): void {
    if (vectors.length === 0) return;
    const project = this.#vectors.length === 0 ? fitProjection(vectors) : null;
    for (const vector of vectors) {
      const index = this.#vectors.length;
      const start = project === null ? this.place(vector) : project(vector);
      const scale = project === null ? 1 : startScale;
      // Two of the same place would never part: forces between them have no direction.
      const nudge = 1e-4 * startScale;
      this.#x.push(start.x * scale + nudge * Math.cos(index));
      this.#y.push(start.y * scale + nudge * Math.sin(index));
      this.#meet(vector, index);
    }
    this.#speedX = this.#x.map(() => 0);
    this.#speedY = this.#x.map(() => 0);
    this.#edges = edgesOf(this.#neighbours);
    this.#stepsLeft = this.#vectors.length > 1 ? stepsToRest : 0;
  }

  /**
   * Where a vector that is not on the map belongs: among its nearest there, by likeness. The origin
   * on an empty map.
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

  /** Everyone pushes everyone apart, and neighbours pull each other together. */
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
    return this.#vectors
      .map((other, index) => ({ index, similarity: likeness(vector, other) }))
      .toSorted((a, b) => b.similarity - a.similarity)
      .slice(0, neighboursMax);
  }

  /** Makes a vector and those that are there neighbours where they are near. */
  #meet(vector: Float32Array, index: number): void {
    this.#neighbours.push([]);
    this.#vectors.forEach((other, otherIndex) => {
      const similarity = likeness(vector, other);
      insert(this.#neighbours[index], { index: otherIndex, similarity });
      insert(this.#neighbours[otherIndex], { index, similarity });
    });
    this.#vectors.push(vector);
  }
}

function insert(list: Neighbour[] | undefined, neighbour: Neighbour): void {
  if (
    list === undefined ||
    (list.length === neighboursMax && neighbour.similarity <= (list.at(-1)?.similarity ?? -1))
  )
    return;
  const at = list.findIndex(({ similarity }) => similarity < neighbour.similarity);
  list.splice(at === -1 ? list.length : at, 0, neighbour);
  if (list.length > neighboursMax) list.pop();
}

/** How strongly neighbours pull each other, in both directions; all weights together are 1. */
function edgesOf(neighbours: readonly (readonly Neighbour[])[]): Edge[] {
  const weights = new Map<number, Edge>();
  const share = 1 / (2 * neighbours.length);
  const add = (from: number, to: number, weight: number): void => {
    const key = from * neighbours.length + to;
    weights.set(key, { from, to, weight: (weights.get(key)?.weight ?? 0) + weight });
  };
  neighbours.forEach((list, from) => {
    const bonds = bondsOf(list.map(({ similarity }) => similarity));
    list.forEach(({ index: to }, position) => {
      add(from, to, share * (bonds[position] ?? 0));
      add(to, from, share * (bonds[position] ?? 0));
    });
  });
  return [...weights.values()];
}

/**
 * Softmax of the similarities, nearest first, so sharp that its entropy is that of `perplexity`
 * equal neighbours.
 */
function bondsOf(similarities: readonly number[]): number[] {
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
    // Entropy of the softmax: log of its sum, less the mean exponent.
    if (Math.log(total) - (sharpness * weighted) / total > wanted) low = sharpness;
    else high = sharpness;
  }
  const parts = similarities.map((similarity) => Math.exp((similarity - best) * low));
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}

function likeness(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(
      `Cannot lay out a vector of ${a.length} dimensions with one of ${b.length}.`,
    );
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
