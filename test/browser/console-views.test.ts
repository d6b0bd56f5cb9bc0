// What the console's views compute: a search in an address, why a hit matched, what is new, and
// dead letters by cause.

import { describe, expect, test } from 'vitest';
import { createClient, type DeadLetter, type SearchResult } from '../../client/client.ts';
import type { DeadLetterBatchDone } from '../../gateway/api/routes/dead-letter-operations.ts';
import { exampleDeadLetter } from '../../gateway/api/routes/dead-letter-view.ts';
import { exampleHit } from '../../gateway/api/routes/hits.ts';
import {
  filterOf as filterOfGroup,
  scopesOf,
} from '../../pages/console/dead-letters/cause-plan.ts';
import {
  groupsOf,
  shownOf,
  whenceText,
} from '../../pages/console/dead-letters/dead-letter-groups.ts';
import { failingLines } from '../../pages/console/dead-letters/failing-lines.ts';
import { readable } from '../../pages/console/dead-letters/readable-json.ts';
import {
  dryRunText,
  progressText,
  replayCause,
  replayedText,
} from '../../pages/console/dead-letters/replay-cause.ts';
import { newHits, withNewest } from '../../pages/console/search/live-hits.ts';
import {
  formatInitial,
  originsIn,
  shownPicture,
} from '../../pages/console/search/picture-address.ts';
import {
  addressOf,
  filterOf,
  priceTrouble,
  searchIn,
  type SearchState,
} from '../../pages/console/search/search-address.ts';
import { fallbackText, sharedWords, whyMatched } from '../../pages/console/search/why-matched.ts';
import { Session } from '../../pages/console/session.ts';

const search: SearchState = {
  query: 'gift & more',
  types: ['view', 'purchase'],
  categories: ['Toys, Games'],
  priceMin: '5',
  priceMax: '19.90',
  since: '24h',
  sort: 'price_asc',
};

/** An answer with these hits, each with a number of matching events. */
const result = (...hits: readonly (readonly [id: string, total: number])[]): SearchResult => ({
  hits: hits.map(([id, total]) => ({
    ...exampleHit,
    text_id: id,
    events: { total, by_type: {} },
  })),
  next_cursor: null,
  query_id: 'q',
  took_ms: 1,
  as_of: '2026-01-31T12:00:00.000Z',
});

describe('a search', () => {
  test('survives in the address of the page', () => {
    expect(searchIn(addressOf(search))).toEqual(search);
    expect(addressOf(searchIn(''))).toBe('');
    expect(searchIn('?type=click').types).toEqual(['click']);
    expect(searchIn('?since=ever&sort=best&q=x')).toEqual(searchIn('?q=x'));
  });

  test('becomes the filter of the API; an empty one filters nothing', () => {
    const now = Date.parse('2026-01-31T12:00:00Z');
    expect(filterOf(search, now)).toEqual({
      since: '2026-01-30T12:00:00.000Z',
      event_type: ['view', 'purchase'],
      category: ['Toys, Games'],
      price_min: 5,
      price_max: 19.9,
    });
    expect(filterOf(searchIn('?q=x'), now)).toEqual({});
    expect(filterOf(searchIn('?q=x&max=19,90'), now)).toEqual({ price_max: 19.9 });
  });

  test('says what is wrong with its prices', () => {
    expect(priceTrouble(search)).toBeNull();
    expect(priceTrouble({ ...search, priceMin: '30' })).toContain('above the highest');
    for (const priceMax of ['cheap', '1,000', '1.000,50', 'Infinity'])
      expect(priceTrouble({ ...search, priceMax })).toContain('a number');
    expect(priceTrouble({ ...search, priceMax: '19,9' })).toBeNull();
  });

  test('shows newer counts of each hit in its place, and counts the hits that are new', () => {
    const shown = result(['a', 1], ['b', 1]);
    const newer = result(['c', 1], ['b', 2]);
    expect(withNewest(shown, newer)).toEqual(result(['a', 1], ['b', 2]));
    expect(newHits(shown, newer)).toBe(1);
    expect(newHits(newer, newer)).toBe(0);
  });

  test('shows pictures only from where the content policy of the page allows them', () => {
    const policy = "default-src 'none'; img-src 'self' https://pictures.shop.example; font-src x";
    const origins = originsIn(policy);
    expect(origins).toEqual(['https://pictures.shop.example']);
    expect(originsIn("img-src 'self'; font-src https://a.example")).toEqual([]);
    const picture = 'https://pictures.shop.example/1.jpg';
    expect(shownPicture(picture, origins)).toBe(picture);
    for (const other of ['https://elsewhere.example/1.jpg', 'javascript:1', '', null, undefined])
      expect(shownPicture(other, origins)).toBeNull();
    expect(formatInitial('“émile” clock')).toBe('É');
  });

  test('names the words that a hit shares with it, but no word that says nothing', () => {
    expect(sharedWords('Warm coat for the mountains', 'A warm jacket for mountain walks')).toEqual([
      'warm',
    ]);
    expect(sharedWords('keeps me dry', 'Drizzle Shell')).toEqual([]);
  });

  test.each([
    ['Found by meaning', { score: 0.3, matched: ['meaning'] }],
    ['Found by the word “music”', { score: 0.6, matched: ['words'] }],
    ['Found by meaning, and by the word “music”', { score: 0.9, matched: ['meaning', 'words'] }],
    ['Exact match of its name', { score: 1, matched: ['words', 'meaning'] }],
    ['Exact match of its id', { score: 1, matched: ['id'] }],
  ] as const)('says of a hit “%s”', (why, { score, matched }) => {
    const hit = { score, matched: [...matched], text: 'A music box' };
    expect(whyMatched('gift with Music', hit)).toBe(why);
  });

  test('says that meaning was left out, and why', () => {
    expect(fallbackText('no_runner')).toBe(
      'These are hits by words only: no runner is ready to compare meanings.',
    );
    expect(fallbackText('other_code')).toContain('(other_code)');
  });
});

const deadLetter = (changes: Partial<DeadLetter>): DeadLetter => ({
  ...exampleDeadLetter,
  origin: { ...exampleDeadLetter.origin },
  base64: [],
  ...changes,
});

const at = (time: string): string => new Date(time).toLocaleTimeString('en-GB');

/** Field and id of the dead letter that is shown, and how many are listed with it. */
function of(deadLetters: readonly DeadLetter[], pinned: DeadLetter | null, isChanged: boolean) {
  const shown = shownOf(groupsOf(deadLetters), pinned, isChanged);
  return shown && [shown.group.field, shown.deadLetter.id, shown.group.deadLetters.length];
}

describe('dead letters', () => {
  test('of one field are one cause, whatever the values; the largest comes first', () => {
    const groups = groupsOf([
      deadLetter({ id: '1', field: 'user_id', message: 'user_id: got nothing' }),
      deadLetter({ id: '2', message: 'product.price: got "39,90 €"' }),
      deadLetter({ id: '3', message: 'product.price: got true' }),
    ]);
    expect(groups.map(({ field, deadLetters }) => [field, deadLetters.length])).toEqual([
      ['product.price', 2],
      ['user_id', 1],
    ]);
  });

  test('of a cause say when they failed, and where they came from', () => {
    const [newer, older] = ['2026-01-31T12:00:05.000Z', '2026-01-31T11:00:00.000Z'];
    const origin = { topic: 'shop', partition: 0, offset: 1 };
    const [both] = groupsOf([
      deadLetter({ id: '1', failed_at: newer, origin }),
      deadLetter({ id: '2', failed_at: older, origin: { ...origin, topic: 'till' } }),
    ]);
    const [single] = groupsOf([deadLetter({ failed_at: newer, origin })]);
    expect([both, single].map((group) => group && whenceText(group))).toEqual([
      `${at(newer)} back to ${at(older)}, from shop, till`,
      `${at(newer)}, from shop`,
    ]);
  });

  test('by producer and by hour: the largest producer and the newest hour come first', () => {
    const origin = { topic: 'shop', partition: 0, offset: 1 };
    const [now, before] = ['2026-01-31T12:10:00.000Z', '2026-01-31T11:00:00.000Z'];
    const deadLetters = [
      deadLetter({ id: '1', failed_at: now, headers: { 'x-collected-by': 'page' }, origin }),
      deadLetter({ id: '2', failed_at: now, origin }),
      deadLetter({ id: '3', failed_at: before, origin, field: 'user_id' }),
    ];
    expect(groupsOf(deadLetters, 'producer').map(({ section, field }) => [section, field])).toEqual(
      [
        ['shop', 'product.price'],
        ['shop', 'user_id'],
        ['page', 'product.price'],
      ],
    );
    const hours = groupsOf(deadLetters, 'time');
    expect(hours.map(({ deadLetters: { length } }) => length)).toEqual([2, 1]);
    const [newest] = hours;
    const { since = '', until = '', text } = newest ? filterOfGroup(newest, 'cause', '') : {};
    expect(text).toBe('product.price: ');
    expect(Date.parse(until) - Date.parse(since)).toBe(3_600_000);
    expect(since <= now && now < until).toBe(true);
    // What a person looks at stays, however the list is ordered.
    const [pinned = null] = deadLetters;
    expect(shownOf(groupsOf(deadLetters, 'producer'), pinned, false, 'producer')).toMatchObject({
      group: { section: 'page' },
      deadLetter: { id: '1' },
    });
  });

  test('that a text was searched for can be acted on alone', () => {
    const [group] = groupsOf([deadLetter({})]);
    expect(group && scopesOf(group, 'till-7').map(([scope]) => scope)).toEqual([
      'found',
      'cause',
      'kind',
    ]);
    expect(group && filterOfGroup(group, 'found', 'till-7')).toEqual({
      reason: 'invalid_event',
      state: 'open',
      text: 'till-7',
    });
  });

  test('of a whole event are one cause when only quoted values differ', () => {
    const whole = { reason: 'not_json', field: null } as const;
    expect(
      groupsOf([
        deadLetter({ ...whole, message: "event: unexpected token 'v' at position 210" }),
        deadLetter({ ...whole, message: "event: unexpected token 'x' at position 3" }),
        deadLetter({ ...whole, message: 'event: bytes that are not UTF-8' }),
      ]),
    ).toHaveLength(2);
  });

  test('show the failing field among its lines, and none that is elsewhere', () => {
    const event = { other: { price: 1 }, product: { id: 'p', price: '39,90 €' }, price: 2 };
    const text = JSON.stringify(event, null, 2);
    expect(failingLines(text, 'product.price')).toEqual({
      before: '    "id": "p",',
      failing: '    "price": "39,90 €"',
      after: '  },',
    });
    expect(failingLines(text, 'price')?.failing).toBe('  "price": 2');
    expect(failingLines(text, 'other.id')).toBeNull();
    expect(failingLines('not JSON', 'price')).toBeNull();
    expect(failingLines(`{\n  "a": "${'u'.repeat(999)}"\n}`, 'a')?.failing.length).toBe(201);
  });

  test('are shown with indentation when they are JSON, and as they are otherwise', () => {
    expect(readable('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(readable('{"a":')).toBe('{"a":');
    const nested = { a: [1, 'x: {,}"\\', [], {}, [[]], { b: null }], c: {}, d: [{ e: -1.5e-7 }] };
    expect(readable(JSON.stringify(nested))).toBe(JSON.stringify(nested, null, 2));
    const deep = '['.repeat(500) + ']'.repeat(500);
    expect(readable(deep)).toBe(deep);
  });

  test('are shown with the digits and letters that were sent', () => {
    expect(readable('{"id":2103807459595387724,"price":1.10,"id":"\\u00e9"}')).toBe(
      '{\n  "id": 2103807459595387724,\n  "price": 1.10,\n  "id": "\\u00e9"\n}',
    );
  });

  test('that a person looks at or changes stay while others arrive', () => {
    const [price, user] = [{ field: 'product.price' }, { field: 'user_id', message: 'user_id: x' }];
    const old = deadLetter({ id: '1', ...user, failed_at: '2026-01-31T12:00:00.000Z' });
    const newer = deadLetter({ id: '2', ...user, failed_at: '2026-01-31T12:00:01.000Z' });
    const many = ['3', '4', '5'].map((id) => deadLetter({ id, ...price }));
    expect(of([old], null, false)).toEqual(['user_id', '1', 1]);
    expect(of([...many, newer, old], old, false)).toEqual(['user_id', '1', 2]);
    // It is not among the newest any more, or somebody else has replayed it.
    expect(of([...many, newer], old, true)).toEqual(['user_id', '1', 2]);
    expect(of(many, old, true)).toEqual(['user_id', '1', 1]);
    expect(of([...many, newer], old, false)).toEqual(['user_id', '2', 1]);
    expect(of(many, old, false)).toEqual(['product.price', '3', 3]);
    expect(of([], old, false)).toBeNull();
  });
});

describe('a replay of a cause', () => {
  const filter = { reason: 'not_json', state: 'open' } as const;
  const part = {
    dry_run: false,
    matching: null,
    replayed: 0,
    refused: 0,
    ids: [],
    refusals: [],
    next_cursor: null,
    preview: [],
    trouble: null,
  };

  /** Replays with these answers of the gateway; also tells the cursors and the progress. */
  async function replaying(
    answers: readonly (Partial<DeadLetterBatchDone> | Error)[],
    isDry = false,
  ) {
    const left = [...answers];
    const cursors: unknown[] = [];
    const progress: string[] = [];
    const told = new Session({
      url: 'http://127.0.0.1:1',
      secret: { read: () => null, write: () => undefined, forget: () => undefined },
      now: () => 0,
      connect: (options) =>
        createClient({
          ...options,
          fetch: async (_, init) => {
            const body = typeof init.body === 'string' ? init.body : '';
            const asked: { readonly cursor?: string } = JSON.parse(body);
            cursors.push(asked.cursor);
            const answer = left.shift();
            if (answer === undefined || answer instanceof Error) throw answer ?? new Error('more');
            return Response.json({ ...part, ...answer });
          },
        }),
    });
    const done = await replayCause(told, { filter, isDry }, (soFar) =>
      progress.push(progressText(soFar, 1240)),
    );
    return { done, cursors, progress };
  }

  test('takes as many calls as it needs, and sums what they did', async () => {
    const refusals = [{ id: 'x', code: 'still_invalid', detail: 'No price.' }] as const;
    const { done, cursors, progress } = await replaying([
      { replayed: 700, next_cursor: 'a' },
      { replayed: 500, refused: 40, refusals: [...refusals], next_cursor: 'b' },
      {},
    ]);
    expect(cursors).toEqual([undefined, 'a', 'b']);
    expect(progress).toEqual(['700 of 1,240…', '1,240 of 1,240…', '1,240 of 1,240…']);
    expect(replayedText(done)).toBe(
      '1,200 replayed: they are in the log again. 40 were refused and stay here. ' +
        'The first: No price.',
    );
  });

  test('keeps the first count of a dry run', async () => {
    const { done } = await replaying(
      [
        { matching: 1240, replayed: 1000, next_cursor: 'a' },
        { matching: 240, replayed: 240 },
      ],
      true,
    );
    expect(dryRunText(done)).toBe(
      'Of 1,240, 1,240 can be replayed unchanged and 0 would fail again.',
    );
  });

  test('ends at the first trouble, and tells what was done before it', async () => {
    const ended = await replaying([{ replayed: 3, next_cursor: 'a', trouble: 'The log is full.' }]);
    expect(replayedText(ended.done)).toContain('3 replayed');
    expect(replayedText(ended.done)).toContain('It ended early: The log is full.');
    const cut = await replaying([{ replayed: 3, next_cursor: 'a' }, new TypeError('cut')]);
    expect(replayedText(cut.done)).toContain('It ended early: The gateway does not answer.');
    await expect(replaying([new TypeError('cut')])).rejects.toThrow('got no complete answer');
  });
});
