// The reference of the store of search rules.

import type { SearchRules, SearchRuleStore } from '#core/ports.ts';

export function createMemorySearchRules(): SearchRuleStore {
  let stored: SearchRules | null = null;
  return {
    async put(rules) {
      if (stored === null || stored.updatedAt < rules.updatedAt) stored = rules;
    },
    get: async () => stored,
  };
}
