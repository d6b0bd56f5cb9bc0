// The read side of the store: searches, texts with their vectors, events and counts.

import type { DatabaseSync } from 'node:sqlite';
import type { VectorCopy } from '../vectors/vector-copy.ts';
import { type CatalogueReads, createCatalogueReads } from './catalogue-tables.ts';
import { Statements } from './database.ts';
import { createErasureReads, type ErasureReads } from './erasure-tables.ts';
import { createEventReads, type EventReads } from './event-reads.ts';
import { createFunnelReads, type FunnelReads } from './funnel-reads.ts';
import { createNeighbourReads, type NeighbourReads } from './neighbour-reads.ts';
import { createRunnerBlockReads, type RunnerBlockReads } from './runner-block-tables.ts';
import { createSearchRuleReads, type SearchRuleReads } from './search-rule-rows.ts';
import { createTextReads, type TextReads } from './text-reads.ts';
import { createTextSearch, type TextSearch } from './text-search.ts';

export type StoreReads = TextSearch &
  TextReads &
  EventReads &
  FunnelReads &
  NeighbourReads &
  ErasureReads &
  CatalogueReads &
  SearchRuleReads &
  RunnerBlockReads;

/** @param copy `null`: a search whose filter is not selective reads all vectors. */
export function createStoreReads(
  database: DatabaseSync,
  dimensions: number,
  copy: VectorCopy | null,
): StoreReads {
  const statements = new Statements(database, 64);
  const texts = {
    ...createTextSearch(database, statements, copy),
    ...createTextReads(database, dimensions),
  };
  return {
    ...texts,
    ...createEventReads(database, statements),
    ...createFunnelReads(statements),
    ...createNeighbourReads(database, statements, texts, dimensions),
    ...createErasureReads(database),
    ...createRunnerBlockReads(database),
    ...createCatalogueReads(database),
    ...createSearchRuleReads(database),
  };
}
