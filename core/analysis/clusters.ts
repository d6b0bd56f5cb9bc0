// Puts vectors that are near each other into one cluster, in one pass and without a number of
// clusters to guess.

import { cosine } from '#core/vectors/vector.ts';

export type Cluster<T> = {
  /** The first of its members. */ readonly leader: T;
  readonly members: readonly T[];
};

/**
 * Leader clustering (Hartigan, "Clustering Algorithms", 1975): each item joins the most similar
 * leader when that is at least `similarityMin` (a cosine), else it leads a cluster of its own. So
 * put the most important items first. Work: items × clusters.
 */
export function clustersOf<T extends { readonly vector: Float32Array }>(
  items: readonly T[],
  similarityMin: number,
): readonly Cluster<T>[] {
  const clusters: { readonly leader: T; readonly members: T[] }[] = [];
  for (const item of items) {
    let nearest: (typeof clusters)[number] | null = null;
    let similarity = similarityMin;
    for (const cluster of clusters) {
      const found = cosine(cluster.leader.vector, item.vector);
      if (found < similarity || (nearest !== null && found === similarity)) continue;
      nearest = cluster;
      similarity = found;
    }
    if (nearest === null) clusters.push({ leader: item, members: [item] });
    else nearest.members.push(item);
  }
  return clusters;
}
