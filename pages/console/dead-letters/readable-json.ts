// Lays JSON out in lines for a person, without a change to any number or string in it.

/** What is nested deeper is left as it is: its indentation alone would fill the memory. */
const depthMax = 100;
const tokens = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g;

/** JSON with indentation, its members as they were written; other text stays. */
export function readable(value: string): string {
  try {
    JSON.parse(value);
  } catch {
    return value;
  }
  let text = '';
  let depth = 0;
  let before = '';
  for (const [token] of value.matchAll(tokens)) {
    const isClosing = token === '}' || token === ']';
    const isFirst = before === '{' || before === '[';
    if (isClosing) depth -= 1;
    if (isClosing ? !isFirst : isFirst || before === ',') text += `\n${'  '.repeat(depth)}`;
    text += token === ':' ? ': ' : token;
    if (token === '{' || token === '[') depth += 1;
    if (depth > depthMax) return value;
    before = token;
  }
  return text;
}
