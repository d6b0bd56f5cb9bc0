// Wraps words for people into lines.

/** Lines of at most `columnsMax` characters; a longer word has its own line. */
export function wrappedLines(words: string, columnsMax: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && longer.length > columnsMax) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
