// What PUT /search/rules takes, and GET answers.

import { z } from '@hono/zod-openapi';
import { productShape } from '#core/event/event-schema.ts';
import { plainWordsOf } from '#core/vectors/lexical/fold-text.ts';
import { queryKey } from '#core/vectors/shop/rules-by-query.ts';

const rulesMax = 1_000;
const termsMax = 20;
const termWordsMax = 8;
/** Each pinned product that a query does not find costs some reads. */
const pinsMax = 10;
const productsMax = 100;

const termSchema = z
  .string()
  .max(100)
  .refine((term) => {
    const { length } = plainWordsOf(term);
    return length > 0 && length <= termWordsMax;
  }, `is not a term: give 1 to ${termWordsMax} words`);

const termsSchema = z.array(termSchema).min(1).max(termsMax);

const synonymsSchema = z
  .strictObject({
    terms: termsSchema.openapi({
      description: 'Words, or a few words in a row. A query with one of them finds the others too.',
    }),
    also_find: termsSchema.optional().openapi({
      description: 'One way: a query with one of the terms also finds these, and not the reverse.',
    }),
  })
  .refine(
    ({ terms, also_find: also }) =>
      also !== undefined || new Set(terms.map((term) => queryKey(term))).size > 1,
    'terms: give at least two different ones, or also_find',
  );

const productId = z
  .string()
  .min(1)
  .max(256)
  .refine(
    (id) => productShape.id.safeParse(id).success,
    'is not the id of a product: give 1 to 256 visible characters',
  );

const queryRuleSchema = z
  .strictObject({
    query: z
      .string()
      .max(200)
      .refine((query) => queryKey(query) !== '', 'has no word')
      .openapi({
        description:
          'The whole query. Case, accents and signs do not matter: `T-Shirt` is `t shirt`.',
      }),
    pin: z.array(productId).max(pinsMax).default([]).openapi({
      description: 'Ids of products that come first, in this order, if they match the filter.',
    }),
    hide: z.array(productId).max(productsMax).default([]).openapi({
      description: 'Ids of products that are left out.',
    }),
    boost: z
      .array(
        z.strictObject({
          product_id: productId,
          factor: z.number().min(0.01).max(100).openapi({
            description: 'Multiplies the score; below 1, the product moves down.',
          }),
        }),
      )
      .max(productsMax)
      .default([]),
  })
  .superRefine(({ pin, hide, boost }, context) => {
    const ids = [...pin, ...hide, ...boost.map(({ product_id: id }) => id)];
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice !== undefined)
      context.addIssue({ code: 'custom', message: `names the product ${twice} twice` });
  });

export const exampleRules = {
  synonyms: [{ terms: ['sofa', 'couch'] }, { terms: ['trainers'], also_find: ['running shoes'] }],
  queries: [
    {
      query: 'kettle',
      pin: ['p-1042'],
      hide: ['p-7'],
      boost: [{ product_id: 'p-3', factor: 2 }],
    },
  ],
};

const ruleFields = {
  synonyms: z.array(synonymsSchema).max(rulesMax).default([]),
  queries: z
    .array(queryRuleSchema)
    .max(rulesMax)
    .default([])
    .superRefine((rules, context) => {
      const first = new Map<string, number>();
      for (const [index, { query }] of rules.entries()) {
        const key = queryKey(query);
        const same = first.get(key);
        if (same === undefined) first.set(key, index);
        else
          context.addIssue({
            code: 'custom',
            path: [index, 'query'],
            message: `is the same query as that of rule ${same}: put both into one`,
          });
      }
    }),
};

export const rulesSchema = z
  .strictObject(ruleFields)
  .openapi('SearchRules', { example: exampleRules });

// Not an extension of the strict schema above, which allows no further member.
export const storedRulesSchema = z
  .object({
    ...ruleFields,
    updated_at: z.iso.datetime().nullable().openapi({
      description: 'When they were put; null when there are none yet.',
    }),
  })
  .openapi('StoredSearchRules', {
    example: { ...exampleRules, updated_at: '2026-01-31T12:00:00.000Z' },
  });

export type SearchRulesInput = z.input<typeof rulesSchema>;
export type SearchRulesView = z.output<typeof storedRulesSchema>;
