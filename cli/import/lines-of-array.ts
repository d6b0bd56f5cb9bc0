// Turns a JSON array into a line for each of its items, while it is read.

/** `[{` at the beginning; a CSV may begin with a bracket, too. */
const arrayStart = /^(\u00ef\u00bb\u00bf)?\s*\[\s*[{\]]/;
const startBytes = 4_096;

const [quote, backslash, comma, newline, carriageReturn, space] = Buffer.from('"\\,\n\r ');
const opening: readonly number[] = [...Buffer.from('[{')];
const closing: readonly number[] = [...Buffer.from(']}')];

/**
 * Any other bytes pass as they are. Items that are not JSON fail later, each for itself. The bytes
 * are changed in place and keep their number: brackets and line ends become blanks, and the commas
 * between items line ends.
 */
export async function* linesOfArray(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const state = { depth: 0, inString: false, isEscaped: false };
  let isArray: boolean | null = null;
  for await (const chunk of bytes) {
    isArray ??= arrayStart.test(chunk.subarray(0, startBytes).toString('latin1'));
    if (isArray) splitItems(chunk, state);
    yield chunk;
  }
}

type State = { depth: number; inString: boolean; isEscaped: boolean };

function splitItems(chunk: Buffer, state: State): void {
  for (let at = 0; at < chunk.length; at += 1) {
    const byte = chunk[at] ?? 0;
    if (state.inString) {
      if (state.isEscaped) state.isEscaped = false;
      else if (byte === backslash) state.isEscaped = true;
      else if (byte === quote) state.inString = false;
    } else if (byte === quote) state.inString = true;
    else if (byte === newline || byte === carriageReturn) chunk[at] = space ?? 0;
    else if (opening.includes(byte)) {
      state.depth += 1;
      if (state.depth === 1) chunk[at] = space ?? 0;
    } else if (closing.includes(byte)) {
      state.depth -= 1;
      if (state.depth === 0) chunk[at] = space ?? 0;
    } else if (byte === comma && state.depth === 1) chunk[at] = newline ?? 0;
  }
}
