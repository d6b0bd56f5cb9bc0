// Reads server-sent events (the WHATWG stream format) from bytes, however they are cut.

/** `id` is the last one that the stream has named, as the format prescribes. */
export type ServerSentEvent = { readonly id: string; readonly data: string };

/**
 * The bound of one event, in UTF-16 code units. Without it, a stream without blank lines fills
 * memory.
 */
const eventCharsMax = 16 * 2 ** 20;

/** Ends with the stream. Reads only on demand. */
export async function* serverSentEvents(
  bytes: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const reader = bytes.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  let id = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      for (let end = text.search(blankLine); end >= 0; end = text.search(blankLine)) {
        const fields = fieldsOf(text.slice(0, end));
        text = text.slice(end).replace(blankLine, '');
        id = fields.get('id')?.at(-1) ?? id;
        const data = fields.get('data');
        if (data !== undefined) yield { id, data: data.join('\n') };
      }
      if (text.length > eventCharsMax)
        throw new Error(`A server-sent event is longer than ${eventCharsMax} characters.`);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const blankLine = /\r\n\r\n|\n\n|\r\r/;

/** `id: 7` and `id:7` are the same; a line that begins with a colon is a comment. */
function fieldsOf(event: string): ReadonlyMap<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of event.split(/\r\n|\n|\r/)) {
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (name === '') continue;
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
  return fields;
}
