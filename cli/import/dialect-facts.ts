// Says to a person how a log is written.

import type { Dialect } from './sniff.ts';

/** Names and values. */
export function dialectFacts(dialect: Dialect): (readonly [string, string])[] {
  const names: Readonly<Record<string, string>> = {
    ',': 'comma',
    ';': 'semicolon',
    '\t': 'tab',
    '|': 'bar',
    '\u0001': '\\x01',
  };
  const encoding =
    dialect.encodingDetected && dialect.encoding === 'utf-8'
      ? 'utf-8 (other lines as windows-1252)'
      : dialect.encoding;
  if (dialect.kind === 'ndjson') return [['format', `NDJSON, ${encoding}`]];
  return [
    [
      'format',
      [
        `CSV, ${names[dialect.delimiter] ?? `"${dialect.delimiter}"`}-separated`,
        dialect.quote === null ? 'no quotes' : `quote ${dialect.quote}`,
        encoding,
        ...(dialect.skipLines > 0 ? [`header in line ${dialect.skipLines + 1}`] : []),
      ].join(', '),
    ],
  ];
}
