// The reference provenance store: finds and withholds what one runner session has embedded.

import type { ProvenanceStore, SessionMark, SessionWork } from '#core/ports.ts';
import { bareText, type MemoryText } from './memory-records.ts';

export function createMemoryProvenance(texts: ReadonlyMap<string, MemoryText>): ProvenanceStore {
  const marks = new Map<string, SessionMark>();
  const found = (isFound: (text: MemoryText) => boolean, limit: number) =>
    texts.values().filter(isFound).take(limit).map(bareText).toArray();

  return {
    async mark(mark) {
      marks.set(mark.runnerSession, mark);
    },
    async unmark(runnerSession) {
      marks.delete(runnerSession);
    },
    async marks() {
      return [...marks.values()];
    },
    async embeddedBy(work, limit) {
      return found((text) => isWorkOf(text, work), limit);
    },
    async withhold(work) {
      for (const text of texts.values()) if (isWorkOf(text, work)) text.isWithheld = true;
    },
    async withheld(limit) {
      return found(({ isWithheld }) => isWithheld, limit);
    },
    async textsAfter(after, limit) {
      const later = [...texts.values()].map(bareText).filter(({ id }) => id > (after ?? ''));
      return later.toSorted((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
    },
    async embeddings(textIds) {
      const stored = textIds.flatMap((id) => texts.get(id) ?? []);
      return new Map(
        stored
          .filter(({ isWithheld }) => !isWithheld)
          .map(({ record: { id, embedding } }) => [
            id,
            { ...embedding, vector: embedding.vector.slice() },
          ]),
      );
    },
  };
}

function isWorkOf(text: MemoryText, { runnerSession, since }: SessionWork): boolean {
  const { provenance } = text.record.embedding;
  return (
    !text.isWithheld && provenance.runnerSession === runnerSession && provenance.embeddedAt >= since
  );
}
