// Bodies are read whole or not at all, each and all of them together within their bounds.
import { expect, test } from 'vitest';
import { BodyReader } from '../../gateway/ingest/read-body.ts';

const request = (body: BodyInit, headers: Record<string, string> = {}) => new Request('http://x/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit);
/** Comes in chunks, without a Content-Length; then goes on, ends or breaks. */
const stream = (chunks: readonly number[], then: 'ends' | 'breaks') => new ReadableStream<Uint8Array>({
  start(controller) {
    for (const length of chunks) controller.enqueue(new Uint8Array(length));
    if (then === 'ends') controller.close();
    else controller.error(new Error('reset'));
  },
});
const problem = (code: string, status: number) => expect.objectContaining({ problem: expect.objectContaining({ code, status }) });

test('a body within the bound is read whole', async () => {
  const reader = new BodyReader({ bytesMax: 10, bytesMaxTogether: 10 });
  using body = await reader.read(request('0123456789'));
  expect(new TextDecoder().decode(body.bytes)).toBe('0123456789');
  using none = await reader.read(new Request('http://x/', { method: 'POST' }));
  expect(none.bytes).toHaveLength(0);
});

test('one that is larger is refused, by its length before it is read', async () => {
  const reader = new BodyReader({ bytesMax: 10, bytesMaxTogether: 100 });
  const declared = request(stream([1], 'breaks'), { 'content-length': '11' });
  await expect(reader.read(declared)).rejects.toEqual(problem('body_too_large', 413));
  expect(declared.bodyUsed).toBe(false);
  await expect(reader.read(request(stream([6, 6], 'ends')))).rejects.toEqual(problem('body_too_large', 413));
});

test('all in hand share a bound, and have room again when one is done, refused or broken off', async () => {
  const reader = new BodyReader({ bytesMax: 10, bytesMaxTogether: 15 });
  {
    using first = await reader.read(request(stream([5, 5], 'ends')));
    expect(first.bytes).toHaveLength(10);
    await expect(reader.read(request(stream([6], 'ends')))).rejects.toEqual(problem('too_many_bodies', 429));
    await expect(reader.read(request(stream([5], 'breaks')))).rejects.toEqual(problem('body_incomplete', 400));
    using second = await reader.read(request(stream([5], 'ends')));
    expect(second.bytes).toHaveLength(5);
  }
  using largest = await reader.read(request(stream([10], 'ends')));
  expect(largest.bytes).toHaveLength(10);
});
