// Reads what a gateway writes to its log from now on: warnings for a person, and its last words
// when it died.

import { closeSync, openSync, readSync, statSync } from 'node:fs';

export type LogReader = {
  /** Messages of level warn and above that are new; the same message once only. */
  warnings(): readonly string[];
  /** The last line that says something, as a person would read it; `null` for an empty log. */
  lastWords(): string | null;
};

const bytesPerLook = 1 << 20;
const warn = 40;
const differentMax = 20;

/** The log is one JSON object per line (pino); a line that is not JSON is taken as it is. */
export function createLogReader(path: string): LogReader {
  let position = statSync(path).size;
  let rest = '';
  let last: string | null = null;
  const told = new Set<string>();

  const fresh = (): readonly string[] => {
    const buffer = Buffer.alloc(bytesPerLook);
    const file = openSync(path, 'r');
    let size: number;
    try {
      size = readSync(file, buffer, 0, bytesPerLook, position);
    } finally {
      closeSync(file);
    }
    position += size;
    const lines = (rest + buffer.toString('utf8', 0, size)).split('\n');
    rest = (lines.pop() ?? '').slice(0, bytesPerLook);
    // Around a stack trace, the line that is not indented says what happened; Node's version comes
    // last.
    return lines.filter((line) => /^\S/.test(line) && !/^Node\.js v\d/.test(line));
  };

  const warnings = (): readonly string[] => {
    const found: string[] = [];
    for (const line of fresh()) {
      const { level, message } = readLine(line);
      last = message;
      if (level < warn || told.has(message) || told.size >= differentMax) continue;
      told.add(message);
      found.push(message);
    }
    return found;
  };

  return {
    warnings,
    lastWords() {
      for (let before = -1; before !== position;) {
        before = position;
        warnings();
      }
      return rest.trim() === '' ? last : readLine(rest).message;
    },
  };
}

function readLine(line: string): { readonly level: number; readonly message: string } {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === 'object' && entry !== null && 'level' in entry && 'msg' in entry) {
      const error =
        'err' in entry &&
        typeof entry.err === 'object' &&
        entry.err !== null &&
        'message' in entry.err
          ? `: ${String(entry.err.message)}`
          : '';
      return { level: Number(entry.level), message: `${String(entry.msg)}${error}` };
    }
  } catch {
    // Not an entry of the log but plain output, such as a one-line error before the log was open.
  }
  return { level: 0, message: line.trim() };
}
