// Compiles a template such as "{brand} {category_code|last|words}" to a function of a row. Mappings
// use it to say where a field's text comes from.

import { UsageError } from '#core/errors/errors.ts';

/** The texts of a row's columns; `''` for an empty one. `Resolve` gives the indices. */
export type Row = readonly string[];
export type Template = (row: Row) => string;
/** Returns the index of a column in a row. */
export type Resolve = (column: string) => number;

const filters: Readonly<Record<string, (text: string) => string>> = {
  last: (text) => text.split('.').findLast((part) => part !== '') ?? '',
  first: (text) => text.split('.').find((part) => part !== '') ?? '',
  words: (text) => text.replace(/[._-]+/g, ' '),
  path: (text) =>
    text
      .split('.')
      .filter((part) => part !== '')
      .join(' > ')
      .replaceAll('_', ' '),
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
};

/**
 * Collapses whitespace. When all columns are empty, the text is empty: `"guest:{id}"` without an id
 * is `''`. A text without columns is a constant.
 *
 * @throws UsageError for an unclosed brace or an unknown filter
 */
export function template(text: string, resolve: Resolve): Template {
  const parts = text
    .split(/(\{[^{}]*\})/)
    .filter((part) => part !== '')
    .map((part) => {
      if (!part.startsWith('{') || !part.endsWith('}')) {
        if (/[{}]/.test(part))
          throw new UsageError(
            `"${text}": a brace is not closed; write {column} or {column|filter}`,
          );
        return { literal: part };
      }
      const [column = '', ...names] = part
        .slice(1, -1)
        .split('|')
        .map((name) => name.trim());
      if (column === '')
        throw new UsageError(`"${text}": a column's name is missing between the braces`);
      return { at: resolve(column), filters: names.map((name) => filterNamed(name, text)) };
    });
  if (!parts.some((part) => 'at' in part)) return () => text;
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && 'at' in only && only.filters?.length === 0) {
    const { at } = only;
    return (row) => collapsed(row[at] ?? '');
  }
  return (row) => {
    let filled = false;
    let result = '';
    for (const part of parts) {
      if ('literal' in part) {
        result += part.literal;
        continue;
      }
      const value = part.filters.reduce((so, filter) => filter(so), (row[part.at] ?? '').trim());
      filled ||= value !== '';
      result += value;
    }
    return filled ? collapsed(result) : '';
  };
}

/** Collapses white space. Most texts have nothing to collapse, and are returned as they are. */
function collapsed(text: string): string {
  if (isPlain(text)) return text;
  return /^\s|\s$|\s\s|[^\S ]/.test(text) ? text.replace(/\s+/g, ' ').trim() : text;
}

/** ASCII in which single spaces stand between words. */
function isPlain(text: string): boolean {
  let before = space;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < space || code > 0x7e || (code === space && before === space)) return false;
    before = code;
  }
  return before !== space || text === '';
}

const space = 0x20;

/** The first of several templates that is not empty. */
export function firstOf(texts: string | readonly string[], resolve: Resolve): Template {
  const templates = (typeof texts === 'string' ? [texts] : texts).map((text) =>
    template(text, resolve),
  );
  return (row) => {
    for (const of of templates) {
      const text = of(row);
      if (text !== '') return text;
    }
    return '';
  };
}

function filterNamed(name: string, text: string): (value: string) => string {
  const filter = Object.hasOwn(filters, name) ? filters[name] : undefined;
  if (filter === undefined)
    throw new UsageError(
      `"${text}": there is no filter "${name}"; there are ${Object.keys(filters).join(', ')}`,
    );
  return filter;
}
