// The read side of the store: search by both plans, vectors, events by filter and counts, each from
// one snapshot.

import type { DatabaseSync } from 'node:sqlite';
import {
  type BareText,
  type Count,
  type CountsRequest,
  type EventFilter,
  type EventType,
  eventTypes,
  type Product,
  type SearchHit,
  type SearchRequest,
  type StoreCounts,
  type StoredEvent,
} from '#core/ports.ts';
import {
  type Ranked,
  type SearchPlan,
  type SearchSpace,
  searchTexts,
} from '#core/vectors/search-plan.ts';
import type { VectorCopy } from '../vectors/vector-copy.ts';
import { countEvents } from './count-events.ts';
import { Statements } from './database.ts';
import { type Condition, conditionOf, selectiveIndex } from './event-filter.ts';
import { uuidBytes, uuidText } from './uuid-bytes.ts';

export type EventPage = {
  readonly filter: EventFilter;
  readonly limit: number;
  readonly after: { readonly timestamp: number; readonly id: string } | null;
};
export type FoundVectors = { readonly ids: readonly string[]; readonly vectors: Float32Array };

export type StoreReads = {
  search(request: SearchRequest & { readonly plan: SearchPlan }): Promise<readonly SearchHit[]>;
  texts(textIds: readonly string[]): readonly BareText[];
  /** `vectors` holds one vector after the other, in the order of `ids`. */
  vectors(textIds: readonly string[]): FoundVectors;
  events(page: EventPage): readonly StoredEvent[];
  event(id: string): StoredEvent | null;
  countsBy(request: CountsRequest): readonly Count[];
  counts(): StoreCounts;
};

/**
 * Matching events up to this many are read one by one, which is then quicker than asking text by
 * text.
 */
const eventsMax = 5_000;

const storedEvent = 'events.id, texts.id AS text_id, timestamp, ingested_at, payload FROM events';
const withText = 'JOIN texts ON texts.key = events.text';
const newestFirst = 'ORDER BY timestamp DESC, events.id DESC';

/** What is known of a text's matching events. */
type Tally = { newestAt: number; total: number; byType: Partial<Record<EventType, number>> };

/** Without a copy of the vectors every search that no filter narrows reads all of them. */
export function createStoreReads(
  database: DatabaseSync,
  dimensions: number,
  copy: VectorCopy | null,
): StoreReads {
  const statements = new Statements(database, 64);
  const textById = database.prepare('SELECT id, text, product FROM texts WHERE key = ?');
  const textByUuid = database.prepare('SELECT key, text, kind, product FROM texts WHERE id = ?');
  const vectorById = database.prepare(
    'SELECT vector FROM vectors WHERE text = (SELECT key FROM texts WHERE id = ?)',
  );
  const eventById = database.prepare(`SELECT ${storedEvent} ${withText} WHERE events.id = ?`);
  const totalOf = database.prepare('SELECT count FROM totals WHERE name = ?');

  /** Texts near the vector, and their events, under one filter. */
  const spaceOf = (vector: Float32Array, filter: EventFilter, condition: Condition) => {
    const query = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    const productsOnly = filter.eventTypes?.includes('search') !== true;
    const matching = statements.get(
      `SELECT timestamp FROM events INDEXED BY events_by_text WHERE text = ? AND ${condition.sql} ORDER BY timestamp DESC LIMIT 1`,
    );
    const tallied = statements.get(
      `SELECT event_type, count(*) AS count, max(timestamp) AS newest FROM events INDEXED BY events_by_text WHERE text = ? AND ${condition.sql} GROUP BY event_type`,
    );
    let tallies: Map<number, Tally> | null = null;

    const space: SearchSpace<number> = {
      async textsOfEvents(max) {
        const way = selectiveIndex(statements, filter, max === Infinity ? Infinity : eventsMax);
        if (way !== null || max === Infinity) {
          const from = way === null ? 'events' : `events INDEXED BY ${way.index}`;
          tallies = new Map();
          for (const row of statements
            .get(
              `SELECT text, event_type, count(*) AS count, max(timestamp) AS newest FROM ${from} WHERE ${condition.sql} GROUP BY text, event_type`,
            )
            .iterate(...condition.values)) {
            addTo(tallies, Number(row['text']), row);
          }
          return [...tallies.keys()];
        }
        return filter.categories === undefined
          ? null
          : textsOfCategories(statements, filter.categories, max);
      },
      async nearest(count, within) {
        const among = within ?? copy?.candidates(vector, count, productsOnly) ?? null;
        const rows = statements
          .get(`
          SELECT text, vec_distance_cosine(vector, ?) AS distance FROM vectors
          WHERE ${among === null ? 'true' : 'text IN (SELECT value FROM json_each(?))'} ${productsOnly ? "AND kind = 'product'" : ''} ORDER BY distance LIMIT ?
        `)
          .all(query, ...(among === null ? [] : [JSON.stringify(among)]), count);
        return rows.map((row) => ({
          text: Number(row['text']),
          score: Math.max(-1, Math.min(1, 1 - Number(row['distance']))),
        }));
      },
      async matches(texts) {
        return texts.map((text) => {
          const newestAt =
            tallies === null
              ? matching.get(text, ...condition.values)?.['timestamp']
              : tallies.get(text)?.newestAt;
          const textId = newestAt === undefined ? undefined : textById.get(text)?.['id'];
          return textId instanceof Uint8Array
            ? { textId: uuidText(textId), newestAt: Number(newestAt) }
            : null;
        });
      },
    };
    const tallyOf = (text: number): Tally | undefined => {
      if (tallies !== null) return tallies.get(text);
      const own = new Map<number, Tally>();
      for (const row of tallied.iterate(text, ...condition.values)) addTo(own, text, row);
      return own.get(text);
    };
    return { space, tallyOf };
  };

  const hitOf = (
    { text, score, textId, newestAt }: Ranked<number>,
    tally: Tally | undefined,
    condition: Condition,
  ): SearchHit[] => {
    const row = textById.get(text);
    const newest = statements
      .get(
        `SELECT ${storedEvent} INDEXED BY events_by_text ${withText} WHERE events.text = ? AND timestamp = ? AND ${condition.sql} ${newestFirst} LIMIT 1`,
      )
      .get(text, newestAt, ...condition.values);
    if (row === undefined || newest === undefined || tally === undefined) return [];
    const { total, byType } = tally;
    return [
      {
        score,
        textId,
        text: String(row['text']),
        product: productOf(row['product']),
        events: { total, byType },
        newest: eventOf(newest),
      },
    ];
  };

  const rowOf = (textId: string): Row | undefined => {
    const id = uuidBytes(textId);
    return id === null ? undefined : textByUuid.get(id);
  };
  const keysOf = (textIds: readonly string[]): readonly number[] =>
    textIds.flatMap((id) => rowOf(id)?.['key'] ?? []).map(Number);

  return {
    async search({
      vector,
      limit,
      filter,
      scoreMin = -Infinity,
      exceptTextIds = [],
      after = null,
      plan,
    }) {
      const condition = conditionOf(filter);
      database.exec('BEGIN');
      try {
        const { space, tallyOf } = spaceOf(vector, filter, condition);
        const ranked = await searchTexts(space, {
          limit,
          plan,
          scoreMin,
          except: keysOf(exceptTextIds),
          after,
        });
        return ranked.flatMap((entry) => hitOf(entry, tallyOf(entry.text), condition));
      } finally {
        database.exec('COMMIT');
      }
    },

    texts: (textIds) =>
      textIds.flatMap((id) => {
        const row = rowOf(id);
        return row === undefined
          ? []
          : [
              {
                id,
                text: String(row['text']),
                kind: row['kind'] === 'query' ? 'query' : 'product',
                product: productOf(row['product']),
              },
            ];
      }),

    vectors(textIds) {
      const found: { id: string; vector: Uint8Array }[] = [];
      for (const id of new Set(textIds)) {
        const key = uuidBytes(id);
        const vector = key === null ? undefined : vectorById.get(key)?.['vector'];
        if (vector instanceof Uint8Array) found.push({ id, vector });
      }
      const vectors = new Uint8Array(found.length * dimensions * 4);
      for (const [index, { vector }] of found.entries())
        vectors.set(vector, index * dimensions * 4);
      return { ids: found.map(({ id }) => id), vectors: new Float32Array(vectors.buffer) };
    },

    events({ filter, limit, after }) {
      const condition = conditionOf(filter);
      const before = after === null ? null : uuidBytes(after.id);
      const page =
        before === null || after === null
          ? { sql: 'true', values: [] }
          : { sql: '(timestamp, events.id) < (?, ?)', values: [after.timestamp, before] };
      // With many matches the newest are met soon in order of time; with few it is quicker to find
      // them all and sort.
      const index = selectiveIndex(statements, filter, eventsMax)?.index ?? 'events_by_time';
      return statements
        .get(
          `SELECT ${storedEvent} INDEXED BY ${index} ${withText} WHERE ${condition.sql} AND ${page.sql} ${newestFirst} LIMIT ?`,
        )
        .all(...condition.values, ...page.values, limit)
        .map(eventOf);
    },

    event(id) {
      const key = uuidBytes(id);
      const row = key === null ? undefined : eventById.get(key);
      return row === undefined ? null : eventOf(row);
    },

    countsBy: (request) => countEvents(statements, request),

    counts() {
      return {
        texts: Number(totalOf.get('texts')?.['count']),
        events: Number(totalOf.get('events')?.['count']),
      };
    },
  };
}

/**
 * The texts that have events in these categories, by jumping in the index from each text to the
 * next: as many steps as texts, however many events they have. `null` when there are more than
 * `max`.
 */
function textsOfCategories(
  statements: Statements,
  categories: readonly string[],
  max: number,
): readonly number[] | null {
  const next = statements.get(
    'SELECT text FROM events INDEXED BY events_by_category WHERE category = ? AND text > ? ORDER BY text LIMIT 1',
  );
  const texts = new Set<number>();
  for (const category of categories) {
    for (
      let row = next.get(category, -1);
      row !== undefined;
      row = next.get(category, Number(row['text']))
    ) {
      texts.add(Number(row['text']));
      if (texts.size > max) return null;
    }
  }
  return [...texts];
}

type Row = Readonly<Record<string, unknown>>;

function addTo(tallies: Map<number, Tally>, text: number, row: Row): void {
  const tally = tallies.get(text) ?? { newestAt: -Infinity, total: 0, byType: {} };
  tallies.set(text, tally);
  const count = Number(row['count']);
  tally.total += count;
  tally.newestAt = Math.max(tally.newestAt, Number(row['newest']));
  const type = eventTypes.find((known) => known === row['event_type']);
  if (type !== undefined) tally.byType[type] = count;
}

function productOf(json: unknown): Product | null {
  return typeof json === 'string' ? JSON.parse(json) : null;
}

function eventOf(row: Row): StoredEvent {
  return {
    id: idOf(row['id']),
    textId: idOf(row['text_id']),
    timestamp: Number(row['timestamp']),
    ingestedAt: Number(row['ingested_at']),
    payload: String(row['payload']),
  };
}

function idOf(bytes: unknown): string {
  return bytes instanceof Uint8Array ? uuidText(bytes) : '';
}
