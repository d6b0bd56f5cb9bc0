// What every vector store guarantees to the pipeline and to searches, whatever its engine.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '#core/memory/manual-clock.ts';
import type { BareText, EventFilter, TextRecord, VectorStore } from '#core/ports.ts';
import {
  dimensions,
  eventIdOf,
  eventRecord,
  noon,
  queryVector,
  rivalEvent,
  sessionIdOf,
  textIdOf,
  textRecord,
  unit,
} from './store-records.ts';

/** A fresh, empty store. Its clock measures how long a text has been without events. */
export type StoreHarness = AsyncDisposable & { readonly store: VectorStore };
export type MakeStore = (options: {
  readonly dimensions: number;
  readonly clock: ManualClock;
}) => Promise<StoreHarness>;

const stored = { status: 'stored' };
const superseded = { status: 'superseded' };
const graceMs = 60_000;

const inserted = (n: number, timestamp: number) => ({
  ...eventRecord(n, { timestamp }),
  insertOnly: true,
});
const withRawId = (timestamp: number, eventId: string) => eventRecord(1, { timestamp, eventId });

export function vectorStoreConformance(name: string, makeStore: MakeStore): void {
  describe(`vector store: ${name}`, () => {
    let harness: StoreHarness;
    let store: VectorStore;
    let clock: ManualClock;
    beforeEach(async () => {
      clock = new ManualClock(noon);
      harness = await makeStore({ dimensions, clock });
      ({ store } = harness);
    });
    afterEach(() => harness[Symbol.asyncDispose]());

    const forget = (ingestedBefore = 0) =>
      store.forget({ ingestedBefore, now: clock.now(), textGraceMs: graceMs });
    const searchFor = (filter: EventFilter = {}, limit = 10) =>
      store.search({ vector: queryVector, limit, filter });

    describe('texts', () => {
      it('are known, counted and searchable with their vector when the put resolves', async () => {
        expect(await store.knownTexts([textIdOf(1), textIdOf(2)])).toEqual(new Set());
        expect(await store.putTexts([textRecord(1), textRecord(2)])).toEqual([stored, stored]);
        expect(await store.putEvents([eventRecord(1, { text: 1 })])).toEqual([stored]);
        expect(await store.knownTexts([textIdOf(1), textIdOf(2), textIdOf(3)])).toEqual(
          new Set([textIdOf(1), textIdOf(2)]),
        );
        expect(await store.counts()).toEqual({ texts: 2, events: 1 });
        expect(await store.vectors([textIdOf(1), textIdOf(3)])).toEqual(
          new Map([[textIdOf(1), textRecord(1).embedding.vector]]),
        );
        expect((await searchFor()).map(({ textId }) => textId)).toEqual([textIdOf(1)]);
      });

      it('that are put again keep their id and take the new vector', async () => {
        await store.putTexts([textRecord(1)]);
        await store.putEvents([eventRecord(1, { text: 1 })]);
        const again = {
          ...textRecord(1),
          embedding: { ...textRecord(1).embedding, vector: unit(3) },
        };
        expect(await store.putTexts([again])).toEqual([stored]);
        expect(await store.counts()).toEqual({ texts: 1, events: 1 });
        expect((await store.vectors([textIdOf(1)])).get(textIdOf(1))).toEqual(unit(3));
        expect((await searchFor())[0]?.score).toBeCloseTo(queryVector[3]!, 5);
      });

      it('without a finite unit vector of the right dimension are refused, alone', async () => {
        const bad = [
          new Float32Array(dimensions),
          unit(1).with(0, NaN),
          unit(1).with(0, Infinity),
          unit(1).map((x) => x * 1.01),
          new Float32Array([1, 0]),
        ];
        const outcomes = await store.putTexts([
          textRecord(1),
          ...bad.map((vector, i) => withVector(10 + i, vector)),
          textRecord(2),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual([
          'stored',
          ...bad.map(() => 'rejected'),
          'stored',
        ]);
        expect(
          outcomes.flatMap((outcome) =>
            outcome.status === 'rejected' && /vector/.test(outcome.message) ? [outcome] : [],
          ).length,
        ).toBe(bad.length);
        expect(await store.counts()).toEqual({ texts: 2, events: 0 });
      });

      it('are read as they were put; unknown ones are left out', async () => {
        await store.putTexts([textRecord(1), textRecord(2, 'query')]);
        const { embedding: _product, ...one } = textRecord(1);
        const { embedding: _query, ...two } = textRecord(2, 'query');
        expect(await store.texts([textIdOf(1), textIdOf(2), textIdOf(3), 'not a UUID'])).toEqual(
          new Map([
            [one.id, one],
            [two.id, two],
          ]),
        );
        expect(await store.texts([])).toEqual(new Map());
      });

      it('keep their vector when the caller changes its own copy afterwards', async () => {
        const record = textRecord(1);
        await store.putTexts([record]);
        const expected = record.embedding.vector.slice();
        record.embedding.vector.fill(0);
        expect((await store.vectors([textIdOf(1)])).get(textIdOf(1))).toEqual(expected);
      });

      it('without a matching event are not found', async () => {
        await store.putTexts([textRecord(1)]);
        expect(await searchFor()).toEqual([]);
      });
    });

    describe('events', () => {
      beforeEach(() => store.putTexts([textRecord(1), textRecord(2)]));

      it('are returned as they were put', async () => {
        const record = eventRecord(1, { text: 2 });
        await store.putEvents([record]);
        const { id, timestamp, payload } = record.event;
        const expected = {
          id,
          textId: textIdOf(2),
          timestamp,
          ingestedAt: record.ingestedAt,
          payload,
        };
        expect(await store.event(id)).toEqual(expected);
        expect(await store.events({}, 10)).toEqual([expected]);
        expect(await store.event(eventIdOf(2))).toBeNull();
        expect(await store.event('not a UUID')).toBeNull();
      });

      it('that are put a second time make no second copy', async () => {
        await store.putEvents([eventRecord(1)]);
        expect(await store.putEvents([eventRecord(1), eventRecord(2)])).toEqual([
          superseded,
          stored,
        ]);
        expect((await store.counts()).events).toBe(2);
      });

      it('that may only be inserted replace nothing, in any version', async () => {
        await store.putTexts([textRecord(1)]);
        expect(await store.putEvents([inserted(1, 20), inserted(1, 30), inserted(2, 20)])).toEqual([
          stored,
          superseded,
          stored,
        ]);
        expect(await store.putEvents([inserted(1, 40)])).toEqual([superseded]);
        expect((await store.event(eventIdOf(1)))?.timestamp).toBe(20);
        expect(await store.putEvents([eventRecord(1, { timestamp: 50 }), inserted(3, 1)])).toEqual([
          stored,
          stored,
        ]);
        expect((await store.event(eventIdOf(1)))?.timestamp).toBe(50);
      });

      it('replace older versions, but not newer or equal ones, even in one call', async () => {
        expect(
          await store.putEvents([
            versionOf(10, 1),
            versionOf(9, 2),
            versionOf(10, 2),
            versionOf(11, 2),
          ]),
        ).toEqual([stored, superseded, superseded, stored]);
        expect(await store.putEvents([versionOf(10, 1)])).toEqual([superseded]);
        expect(await store.event(eventIdOf(1))).toMatchObject({
          timestamp: 11,
          textId: textIdOf(2),
        });
        expect((await searchFor()).map(({ textId, events }) => [textId, events.total])).toEqual([
          [textIdOf(2), 1],
        ]);
      });

      it('with another raw id under the same id conflict, and change nothing', async () => {
        const first = eventRecord(1, { timestamp: noon });
        const rawId = first.event.eventId;
        const conflict = { status: 'id-conflict', rawId };
        expect(await store.putEvents([first, rivalEvent(noon + 1), eventRecord(2)])).toEqual([
          stored,
          conflict,
          stored,
        ]);
        expect(
          await store.putEvents([rivalEvent(noon - 1), rivalEvent(noon), rivalEvent(noon + 2)]),
        ).toEqual([conflict, conflict, conflict]);
        expect(await store.event(eventIdOf(1))).toMatchObject({
          timestamp: noon,
          textId: textIdOf(1),
          payload: first.event.payload,
        });
        expect(await store.putEvents([eventRecord(1, { timestamp: noon + 3 })])).toEqual([stored]);
      });

      it('whose raw id is a UUID are one event in upper and lower case', async () => {
        const uuid = eventIdOf(1);
        expect(await store.putEvents([withRawId(noon, uuid.toUpperCase())])).toEqual([stored]);
        expect(await store.putEvents([withRawId(noon, uuid), withRawId(noon + 1, uuid)])).toEqual([
          superseded,
          stored,
        ]);
      });

      it('are found by their product, even when two products have the same text', async () => {
        await store.putEvents([
          eventRecord(1, { text: 1 }),
          eventRecord(2, { text: 1, productId: 'twin' }),
          eventRecord(3, { text: 2, productId: 'twin', timestamp: noon + 1 }),
        ]);
        const ids = async (productId: string) =>
          (await store.events({ productId }, 10)).map(({ id }) => id);
        expect([await ids('p1'), await ids('twin'), await ids('p2')]).toEqual([
          [eventIdOf(1)],
          [eventIdOf(3), eventIdOf(2)],
          [],
        ]);
        await store.putEvents([eventRecord(1, { text: 2, productId: 'p9', timestamp: noon + 2 })]);
        expect([await ids('p1'), await ids('p9')]).toEqual([[], [eventIdOf(1)]]);
      });

      it('whose text is not stored are refused for that, and the others are stored', async () => {
        expect(await store.putEvents([eventRecord(1, { text: 9 }), eventRecord(2)])).toEqual([
          { status: 'missing-text' },
          stored,
        ]);
        expect(await store.event(eventIdOf(1))).toBeNull();
      });

      it('may fill a whole batch, with one outcome each', async () => {
        const records = Array.from({ length: store.batchMax.events }, (_, i) => eventRecord(i));
        expect(await store.putEvents(records)).toEqual(records.map(() => stored));
        expect((await store.counts()).events).toBe(records.length);
      });

      it('and texts may come in empty batches', async () => {
        expect([
          await store.putEvents([]),
          await store.putTexts([]),
          await store.knownTexts([]),
        ]).toEqual([[], [], new Set()]);
      });

      it('are listed newest first, in pages without gaps or duplicates', async () => {
        const records = Array.from({ length: 23 }, (_, i) =>
          eventRecord(i, { timestamp: noon + Math.floor(i / 10) }),
        );
        await store.putEvents(records);
        const listed: string[] = [];
        for (
          let page = await store.events({}, 4);
          page.length > 0;
          page = await store.events({}, 4, page.at(-1))
        )
          listed.push(...page.map(({ id }) => id));
        const newestFirst = records
          .map(({ event }) => event)
          .toSorted((a, b) => b.timestamp - a.timestamp || (a.id < b.id ? 1 : -1));
        expect(listed).toEqual(newestFirst.map(({ id }) => id));
      });
    });

    describe('the work of a runner that returned wrong vectors', () => {
      const [mine, other] = [sessionIdOf(1), sessionIdOf(2)];
      beforeEach(async () => {
        await store.putTexts([
          embeddedBy(mine, noon - 1, 1),
          embeddedBy(mine, noon, 2),
          embeddedBy(mine, noon + 5, 5, 'query'),
          embeddedBy(other, noon + 9, 3),
        ]);
        await store.putEvents([
          eventRecord(1, { text: 1 }),
          eventRecord(2, { text: 2 }),
          eventRecord(3, { text: 3 }),
          eventRecord(5, { text: 5, eventType: 'search' }),
        ]);
      });

      it('is read one page after the other, in order of ids, with withheld texts', async () => {
        await store.provenanceStore.withhold({ runnerSession: mine, since: noon + 5 });
        const all = [bare(1), bare(2), bare(3), bare(5, 'query')];
        const sorted = all.toSorted((a, b) => (a.id < b.id ? -1 : 1));
        const pages: BareText[][] = [];
        do {
          const last = pages.at(-1)?.at(-1)?.id ?? null;
          pages.push([...(await store.provenanceStore.textsAfter(last, 3))]);
        } while (pages.at(-1)?.length === 3);
        expect(pages).toEqual([sorted.slice(0, 3), sorted.slice(3)]);
        const end = sorted.at(-1)?.id ?? '';
        expect(await store.provenanceStore.textsAfter(end, 3)).toEqual([]);
      });

      it('is found by session and time, until another runner embeds the text again', async () => {
        expect(
          byId(await store.provenanceStore.embeddedBy({ runnerSession: mine, since: noon }, 10)),
        ).toEqual(byId([bare(2), bare(5, 'query')]));
        expect(
          await store.provenanceStore.embeddedBy({ runnerSession: mine, since: 0 }, 2),
        ).toHaveLength(2);
        await store.putTexts([embeddedBy(other, noon + 20, 2)]);
        expect(
          await store.provenanceStore.embeddedBy({ runnerSession: mine, since: noon }, 10),
        ).toEqual([bare(5, 'query')]);
      });

      it('is hidden from every search when it is withheld; its events stay', async () => {
        await store.provenanceStore.withhold({ runnerSession: mine, since: noon });
        await store.provenanceStore.withhold({ runnerSession: mine, since: noon });
        expect(byId(await store.provenanceStore.withheld(10))).toEqual(
          byId([bare(2), bare(5, 'query')]),
        );
        expect(await store.provenanceStore.withheld(1)).toHaveLength(1);
        expect(
          await store.provenanceStore.embeddedBy({ runnerSession: mine, since: 0 }, 10),
        ).toEqual([bare(1)]);
        const ids = [1, 2, 3, 5].map(textIdOf);
        expect(await store.knownTexts(ids)).toEqual(new Set([textIdOf(1), textIdOf(3)]));
        expect([...(await store.vectors(ids)).keys()].toSorted()).toEqual(
          [textIdOf(1), textIdOf(3)].toSorted(),
        );
        for (const filter of [
          {},
          { eventTypes: ['search', 'view'] },
          { textIds: ids },
          { eventTypes: ['search'] },
        ] as const) {
          const found = (await searchFor(filter)).map(({ textId }) => textId);
          expect(found.filter((id) => id === textIdOf(2) || id === textIdOf(5))).toEqual([]);
        }
        expect((await searchFor()).map(({ textId }) => textId).toSorted()).toEqual(
          [textIdOf(1), textIdOf(3)].toSorted(),
        );
        expect(await store.putEvents([eventRecord(4, { text: 2 })])).toEqual([stored]);
        expect(await store.counts()).toEqual({ texts: 4, events: 5 });
        expect(await store.event(eventIdOf(2))).not.toBeNull();
      });

      it('is read with its provenance, without what is withheld', async () => {
        await store.provenanceStore.withhold({ runnerSession: mine, since: noon });
        const ids = [1, 2, 3, 9].map(textIdOf);
        expect(await store.provenanceStore.embeddings([...ids, 'no-uuid'])).toEqual(
          new Map([
            [textIdOf(1), embeddedBy(mine, noon - 1, 1).embedding],
            [textIdOf(3), embeddedBy(other, noon + 9, 3).embedding],
          ]),
        );
      });

      it('is searchable again once the texts are put again', async () => {
        await store.provenanceStore.withhold({ runnerSession: mine, since: noon });
        expect(
          await store.putTexts([
            embeddedBy(other, noon + 30, 2),
            embeddedBy(other, noon + 30, 5, 'query'),
          ]),
        ).toEqual([stored, stored]);
        expect(await store.provenanceStore.withheld(10)).toEqual([]);
        expect(await store.knownTexts([textIdOf(2)])).toEqual(new Set([textIdOf(2)]));
        expect((await searchFor()).map(({ textId }) => textId)).toContain(textIdOf(2));
        expect((await searchFor({ eventTypes: ['search'] })).map(({ textId }) => textId)).toEqual([
          textIdOf(5),
        ]);
        expect(await store.counts()).toEqual({ texts: 4, events: 4 });
      });

      it('is deleted like any other when nothing refers to it', async () => {
        await store.provenanceStore.withhold({ runnerSession: mine, since: 0 });
        await forget(noon + 1);
        await clock.advance(graceMs + 1);
        await forget();
        expect([await store.counts(), await store.provenanceStore.withheld(10)]).toEqual([
          { texts: 0, events: 0 },
          [],
        ]);
      });

      it('may exceed one step of the store', async () => {
        const many = Array.from({ length: 2_100 }, (_, n) => embeddedBy(mine, noon, 10 + n));
        for (let at = 0; at < many.length; at += 1_000)
          await store.putTexts(many.slice(at, at + 1_000));
        await store.provenanceStore.withhold({ runnerSession: mine, since: 0 });
        expect(
          await store.provenanceStore.embeddedBy({ runnerSession: mine, since: 0 }, 10),
        ).toEqual([]);
        expect(await store.provenanceStore.withheld(5_000)).toHaveLength(2_103);
      });

      it('is marked by session, and the latest mark counts', async () => {
        await store.provenanceStore.mark({
          runnerSession: mine,
          verifiedUntil: noon,
          renewedAt: noon,
        });
        await store.provenanceStore.mark({
          runnerSession: other,
          verifiedUntil: noon + 1,
          renewedAt: noon + 2,
        });
        await store.provenanceStore.mark({
          runnerSession: mine,
          verifiedUntil: noon + 3,
          renewedAt: noon + 4,
        });
        expect(
          (await store.provenanceStore.marks()).toSorted(
            (a, b) => a.verifiedUntil - b.verifiedUntil,
          ),
        ).toEqual([
          { runnerSession: other, verifiedUntil: noon + 1, renewedAt: noon + 2 },
          { runnerSession: mine, verifiedUntil: noon + 3, renewedAt: noon + 4 },
        ]);
        for (const session of [mine, mine, other]) await store.provenanceStore.unmark(session);
        expect(await store.provenanceStore.marks()).toEqual([]);
      });
    });

    describe('retention', () => {
      it('deletes events by ingestion time, and keeps texts that others refer to', async () => {
        await store.putTexts([textRecord(1)]);
        await store.putEvents([
          eventRecord(1, { ingestedAt: noon, timestamp: noon + 9 }),
          eventRecord(2, { ingestedAt: noon + 1, timestamp: noon - 9 }),
        ]);
        expect(await forget(noon + 1)).toMatchObject({ events: 1, texts: 0 });
        expect([await store.event(eventIdOf(1)), (await store.event(eventIdOf(2)))?.id]).toEqual([
          null,
          eventIdOf(2),
        ]);
        await clock.advance(2 * graceMs);
        expect(await forget()).toEqual({ events: 0, texts: 0, more: false });
        expect(await store.counts()).toEqual({ texts: 1, events: 1 });
      });

      it('deletes a text without events only after its grace period', async () => {
        await store.putTexts([textRecord(1), textRecord(2)]);
        await store.putEvents([
          eventRecord(1, { text: 1, ingestedAt: noon }),
          eventRecord(2, { text: 2, ingestedAt: noon + 9 }),
        ]);
        await forget(noon + 1);
        await clock.advance(graceMs);
        expect(await forget()).toMatchObject({ texts: 0 });
        await clock.advance(1);
        expect(await forget()).toMatchObject({ texts: 1 });
        expect(await store.knownTexts([textIdOf(1), textIdOf(2)])).toEqual(new Set([textIdOf(2)]));
        expect(await store.vectors([textIdOf(1)])).toEqual(new Map());
        expect(await store.putEvents([eventRecord(3, { text: 1 })])).toEqual([
          { status: 'missing-text' },
        ]);
      });

      it('keeps a text just reported as known, since its event is in flight', async () => {
        await store.putTexts([textRecord(1)]);
        await clock.advance(graceMs);
        await store.knownTexts([textIdOf(1)]);
        await clock.advance(graceMs);
        expect(await forget()).toMatchObject({ texts: 0 });
        expect(await store.putEvents([eventRecord(1, { text: 1 })])).toEqual([stored]);
        await clock.advance(2 * graceMs);
        expect(await forget()).toMatchObject({ texts: 0 });
      });

      it('deletes a text whose event never came or moved to another text', async () => {
        await store.putTexts([textRecord(1), textRecord(2), textRecord(3)]);
        await store.putEvents([eventRecord(1, { text: 1, timestamp: 1 })]);
        await store.putEvents([eventRecord(1, { text: 2, timestamp: 2 })]);
        await clock.advance(graceMs + 1);
        expect(await forget()).toMatchObject({ texts: 2 });
        expect(await store.knownTexts([1, 2, 3].map(textIdOf))).toEqual(new Set([textIdOf(2)]));
      });

      it('reports whether more is left, and ends', async () => {
        await store.putTexts([textRecord(1)]);
        for (let batch = 0; batch < 3; batch++) {
          await store.putEvents(
            Array.from({ length: store.batchMax.events }, (_, i) =>
              eventRecord(batch * store.batchMax.events + i),
            ),
          );
        }
        let events = 0;
        for (let more = true; more;) {
          const forgotten = await forget(noon + 1);
          events += forgotten.events;
          ({ more } = forgotten);
        }
        expect([events, (await store.counts()).events]).toEqual([3 * store.batchMax.events, 0]);
      });
    });
  });
}

const bare = (n: number, kind: 'product' | 'query' = 'product'): BareText => {
  const { embedding: _embedding, ...rest } = textRecord(n, kind);
  return rest;
};
const byId = (texts: readonly BareText[]) => texts.toSorted((a, b) => (a.id < b.id ? -1 : 1));

/** Text `n` as that session embedded it at that time. */
const embeddedBy = (
  runnerSession: string,
  embeddedAt: number,
  n: number,
  kind: 'product' | 'query' = 'product',
): TextRecord => {
  const record = textRecord(n, kind);
  return {
    ...record,
    embedding: {
      ...record.embedding,
      provenance: { ...record.embedding.provenance, runnerSession, embeddedAt },
    },
  };
};

const withVector = (n: number, vector: Float32Array) => ({
  ...textRecord(n),
  embedding: { ...textRecord(n).embedding, vector },
});

/** Event 1 at that time, about that text. */
const versionOf = (timestamp: number, text: number) => eventRecord(1, { text, timestamp });
