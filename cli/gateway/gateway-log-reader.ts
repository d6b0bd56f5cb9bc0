// Reads what a gateway appends to its log: warnings for a person, and the last message of a gateway
// that died.

import { closeSync, openSync, readSync, statSync } from 'node:fs';

export type GatewayLogReader = {
  /** New messages of level warn and above; each message once. */
  warnings(): readonly string[];
  /** The last line with a message, as a person would read it; `null` when nothing was appended. */
  lastMessage(): string | null;
};

const bytesPerRead = 1 << 20;
const warn = 40;
const distinctMax = 20;

/** The log has one JSON object per line (pino). A line that is not JSON is a message itself. */
export function createGatewayLogReader(path: string): GatewayLogReader {
  let position = statSync(path).size;
  let rest = '';
  let last: string | null = null;
  const reported = new Set<string>();

  const newLines = (): readonly string[] => {
    const buffer = Buffer.alloc(bytesPerRead);
    const file = openSync(path, 'r');
    let size: number;
    try {
      size = readSync(file, buffer, 0, bytesPerRead, position);
    } finally {
      closeSync(file);
    }
    position += size;
    const lines = (rest + buffer.toString('utf8', 0, size)).split('\n');
    rest = (lines.pop() ?? '').slice(0, bytesPerRead);
    // The line without indentation in a stack trace says what happened. Node's version follows it.
    return lines.filter((line) => /^\S/.test(line) && !/^Node\.js v\d/.test(line));
  };

  const warnings = (): readonly string[] => {
    const found: string[] = [];
    for (const line of newLines()) {
      const { level, message } = parseLine(line);
      last = message;
      if (level < warn || reported.has(message) || reported.size >= distinctMax) continue;
      reported.add(message);
      found.push(message);
    }
    return found;
  };

  return {
    warnings,
    lastMessage() {
      for (let before = -1; before !== position;) {
        before = position;
        warnings();
      }
      return rest.trim() === '' ? last : parseLine(rest).message;
    },
  };
}

function parseLine(line: string): { readonly level: number; readonly message: string } {
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
    // Plain output, such as the one-line error of a gateway that could not open its log.
  }
  return { level: 0, message: line.trim() };
}
