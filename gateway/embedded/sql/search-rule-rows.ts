// Keeps the search rules in `vectorstream.db`: one row of the table `meta`.

import type { DatabaseSync } from 'node:sqlite';
import type { SearchRules } from '#core/ports.ts';
import { storedJson } from './sqlite-errors.ts';

export type SearchRuleWrites = { putSearchRules(rules: SearchRules): void };
export type SearchRuleReads = { searchRules(): SearchRules | null };

export function createSearchRuleWrites(database: DatabaseSync): SearchRuleWrites {
  const put = database.prepare(`
    INSERT INTO meta (name, value) VALUES ('search_rules', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
    WHERE excluded.value ->> 'updatedAt' > value ->> 'updatedAt'`);
  return {
    putSearchRules(rules) {
      put.run(JSON.stringify(rules));
    },
  };
}

export function createSearchRuleReads(database: DatabaseSync): SearchRuleReads {
  const get = database.prepare("SELECT value FROM meta WHERE name = 'search_rules'");
  return {
    searchRules() {
      const json = get.get()?.['value'];
      return typeof json === 'string' ? storedJson(json, 'the search rules') : null;
    },
  };
}
