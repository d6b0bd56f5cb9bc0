// Groups similar vectors into clusters in one pass, without a given number of clusters.

import { cosine } from '#core/vectors/vector.ts';

export type Cluster<T> = {
  /** Its first member. */
  readonly leader: T;
  readonly members: readonly T[];
};

/**
 * Leader clustering (Hartigan, "Clustering Algorithms", 1975): each item joins the most similar
 * leader if the similarity (a cosine) is at least `similarityMin`, else it leads a new cluster. So
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
