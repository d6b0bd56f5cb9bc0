// The write side of the store: each text once, the newest version of each event, and no event
// without its text.

import type { DatabaseSync } from 'node:sqlite';
import { createCatalogueWrites, type CatalogueWrites } from './catalogue-tables.ts';
import { createForgetWrites, type ForgetWrites } from './delete-old-events.ts';
import { createErasureWrites, type ErasureWrites } from './erasure-tables.ts';
import { createEventWrites, type EventWrites } from './event-writes.ts';
import { createRunnerBlockWrites, type RunnerBlockWrites } from './runner-block-tables.ts';
import { createSearchRuleWrites, type SearchRuleWrites } from './search-rule-rows.ts';
import { TextReferences } from './text-references.ts';
import { createTextWrites, type TextWrites } from './text-writes.ts';
import { createWordWrites, type WordWrites } from './word-tables.ts';

export type StoreWrites = TextWrites &
  WordWrites &
  EventWrites &
  ForgetWrites &
  ErasureWrites &
  CatalogueWrites &
  SearchRuleWrites &
  RunnerBlockWrites;

export function createStoreWrites(database: DatabaseSync): StoreWrites {
  const references = new TextReferences(database);
  return {
    ...createTextWrites(database, references),
    ...createWordWrites(database),
    ...createEventWrites(database, references),
    ...createForgetWrites(database, references),
    ...createErasureWrites(database, references),
    ...createRunnerBlockWrites(database),
    ...createCatalogueWrites(database, references),
    ...createSearchRuleWrites(database),
  };
}
