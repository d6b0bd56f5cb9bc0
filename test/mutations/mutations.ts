// Bugs to plant on purpose, each a plausible bug of this program, and the test that must notice it.

export type Mutation = {
  /** The wrong behaviour. */
  readonly bug: string;
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly test: string;
};

export const mutations: readonly Mutation[] = [
  {
    bug: 'an event is settled before it is stored',
    file: 'core/pipeline/process-delivery.ts',
    test: 'test/core/pipeline.test.ts',
    find: 'const parts = readRecord(',
    replace: "delivery.settle({ status: 'stored' });\n  const parts = readRecord(",
  },
  {
    bug: 'an event is settled before the sink has its record',
    file: 'core/pipeline/process-delivery.ts',
    test: 'test/core/told-changes.test.ts',
    find: 'await tell?.(',
    replace: 'void tell?.(',
  },
  {
    bug: 'the head of a partition is committed one too far',
    file: 'core/pipeline/ledger.ts',
    test: 'test/core/ledger.test.ts',
    find: 'return this.#span.peek() ?? this.#next;',
    replace:
      'const first = this.#span.peek();\n    return first === undefined ? this.#next : first + 1;',
  },
  {
    bug: 'what was settled under a revoked assignment is still committed',
    file: 'core/pipeline/assignment.ts',
    test: 'test/core/assignment.test.ts',
    find: 'return held?.epoch === epoch ? held.ledger : undefined;',
    replace: 'return held?.ledger;',
  },
  {
    bug: 'a dead letter is counted and not written',
    file: 'core/pipeline/process-delivery.ts',
    test: 'test/core/pipeline.test.ts',
    find: 'await writeDeadLetter(deadLetter);',
    replace: "if (deadLetter.reason !== 'not_json') await writeDeadLetter(deadLetter);",
  },
  {
    bug: 'an event gets a random id, so that a replay makes a second copy',
    file: 'core/event/event-id.ts',
    test: 'test/core/parse-event.test.ts',
    find: 'rawId : uuidV5(rawId)',
    replace: 'rawId : crypto.randomUUID()',
  },
  {
    bug: 'an older version of an event replaces a newer one',
    file: 'core/memory/memory-records.ts',
    test: 'test/core/memory-store.test.ts',
    find: 'old.event.timestamp >= record.event.timestamp',
    replace: 'old.event.timestamp === record.event.timestamp',
  },
  {
    bug: 'a late answer of an older attempt is accepted',
    file: 'core/fleet/fleet.ts',
    test: 'test/core/fleet.test.ts',
    find: 'job.jobId === jobId && job.attempt === attempt',
    replace: 'job.jobId === jobId',
  },
  {
    bug: "every text gets its neighbour's vector",
    file: 'core/protocol/job-result-frame.ts',
    test: 'test/core/wire.test.ts',
    find: 'at += dimensions * 4;\n    problem',
    replace:
      'at += at + dimensions * 4 < frame.length - dimensions * 4 ? dimensions * 4 : 0;' +
      '\n    problem',
  },
  {
    bug: 'a vector with NaN passes as real',
    file: 'core/vectors/vector.ts',
    test: 'test/core/vector.test.ts',
    find: 'if (!Number.isFinite(squares))',
    replace: 'if (squares === Infinity)',
  },
  {
    bug: 'a runner works before its golden check',
    file: 'core/protocol/gateway-session.ts',
    test: 'test/core/session.test.ts',
    find: "{ do: 'join', hello }",
    replace: "{ do: 'join', hello }, { do: 'serve' }",
  },
  {
    bug: 'a runner goes on with a model that has thrown',
    file: 'core/protocol/runner-loop.ts',
    test: 'test/core/runner-loop.test.ts',
    find: "await this.#leave(closeCode.runnerFailed, 'the model session failed');\n      throw new",
    replace:
      "return job.texts.map(() => ({ ok: false, code: 'failed', message }));\n      throw new",
  },
  {
    bug: 'a text that could not be embedded counts as stored',
    file: 'core/pipeline/known-texts.ts',
    test: 'test/core/known-texts.test.ts',
    find: 'if (this.#options.succeeded(result)) ',
    replace: '',
  },
  {
    bug: 'one bad item takes its whole batch with it',
    file: 'core/pipeline/bisecting-write.ts',
    test: 'test/core/pipeline.test.ts',
    find: 'if (items.length === 1) return [{ status',
    replace:
      'if (items.length > 0)\n      return items.map(() => ' +
      "({ status: 'rejected' as const, message: error.message }));\n    " +
      'if (items.length === 1) return [{ status',
  },
  {
    bug: 'a text that kills runners is retried for ever',
    file: 'core/fleet/failure-policy.ts',
    test: 'test/core/fleet.test.ts',
    find: 'if (failuresAlone < attemptsAloneMax) return false;',
    replace: 'if (failuresAlone < Infinity) return false;',
  },
  {
    bug: 'a write that Qdrant has received, not applied, counts as applied',
    file: 'gateway/qdrant/applied-write.ts',
    test: 'test/adapters/qdrant-faults.test.ts',
    find: "if (status !== 'completed')",
    replace: "if (status !== 'completed' && status !== 'acknowledged')",
  },
  {
    bug: 'one name in two Unicode forms is two texts',
    file: 'core/event/text.ts',
    test: 'test/core/text.test.ts',
    find: ".normalize('NFC')",
    replace: '',
  },
  {
    bug: 'untrusted runners alone can dead-letter a good text',
    file: 'core/fleet/failure-policy.ts',
    test: 'test/core/fleet.test.ts',
    find: 'refusedBy.size >= refusingOwnersMin',
    replace: 'refusedBy.size >= 1',
  },
  {
    bug: 'a vector is stored although its runner was found wrong while the write waited',
    file: 'core/pipeline/text-writer.ts',
    test: 'test/core/text-resolver.test.ts',
    find: '!isDistrusted(provenance)',
    replace: 'isDistrusted(provenance) !== null',
  },
  {
    bug: 'a wrong runner is disconnected, but its vectors stay',
    file: 'gateway/fleet/quarantine.ts',
    test: 'test/gateway/trust.test.ts',
    find: 'if (checks !== null) provenanceLog.distrust(session.id, verifiedUntil);',
    replace: '',
  },
  {
    bug: "a wrong runner's vectors are withheld once, but not those being written then",
    file: 'core/trust/repair.ts',
    test: 'test/core/repair.test.ts',
    find: 'openUntil: now + limits.checkIntervalMs,',
    replace: 'openUntil: now,',
  },
  {
    bug: "work under a dead gateway's runners is never checked",
    file: 'core/trust/repair.ts',
    test: 'test/gateway/trust.test.ts',
    find: 'await this.#adopt();',
    replace: '',
  },
  {
    bug: "a cached query keeps a wrong runner's vector",
    file: 'gateway/fleet/query-vectors.ts',
    test: 'test/gateway/query-vectors.test.ts',
    find: '    this.#cached.clear();',
    replace: '',
  },
  {
    bug: 'a fleet that is full for seconds ends the pipeline',
    file: 'core/pipeline/pipeline.ts',
    test: 'test/core/pipeline.test.ts',
    find: 'policy: withoutEnd(limits.backoff)',
    replace: 'policy: { ...withoutEnd(limits.backoff), attemptsMax: 1 }',
  },
  {
    bug: 'more events are in flight than the limit allows',
    file: 'core/pipeline/in-flight-limit.ts',
    test: 'test/gateway/live-pipeline.test.ts',
    find: 'this.#count >= unsettledMax ||',
    replace: '',
  },
  {
    bug: 'an event is answered with 202 before it is in the log',
    file: 'gateway/ingest/intake.ts',
    test: 'test/gateway/ingest.test.ts',
    find: 'if (records.length > 0) await sink.append(records);',
    replace: 'if (records.length > 0) sink.append(records).catch(() => undefined);',
  },
  {
    bug: 'the writer of the data folder answers before the transaction is committed',
    file: 'gateway/embedded/group-commit.ts',
    test: 'test/adapters/embedded-answers.test.ts',
    find: 'unanswered.set(call, run(call));',
    replace: 'call.resolve(run(call));',
  },
  {
    bug: 'an append is answered before it is synced to the disk',
    file: 'gateway/embedded/durability.ts',
    test: 'test/adapters/embedded-synced.test.ts',
    find: "'append',",
    replace: '',
  },
  {
    bug: 'retention deletes unread records of the log',
    file: 'gateway/embedded/sql/log-writes.ts',
    test: 'test/adapters/embedded-folder.test.ts',
    find: 'Math.min(unreadFrom, nextOffset - 1)',
    replace: 'nextOffset - 1',
  },
  {
    bug: 'dead letters are purged although another number was confirmed',
    file: 'gateway/api/routes/dead-letter-actions.ts',
    test: 'test/gateway/dead-letters.test.ts',
    find: 'if (confirm !== matching)',
    replace: 'if (confirm > matching)',
  },
  {
    bug: 'two concurrent replays of one dead letter both succeed',
    file: 'gateway/dead-letters/replay.ts',
    test: 'test/gateway/dead-letters.test.ts',
    find: 'for (const id of free) inProgress.add(id);',
    replace: '',
  },
  {
    bug: "a sample that differs from the trusted runner's has no consequence",
    file: 'gateway/fleet/runner-trust.ts',
    test: 'test/guarantees/simulation.test.ts',
    find: "if (verdict.is === 'wrong') return this.#foundWrong(connection, verdict.reason);",
    replace: '',
  },
];
