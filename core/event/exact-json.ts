// Reads JSON without losing digits: a number that a 64-bit float cannot hold stays as it was
// written, and `JSON.stringify` writes it so again.

/**
 * A number in its own digits: the object that `JSON.rawJSON` makes. `JSON.stringify` writes it as a
 * number.
 */
export type ExactNumber = { readonly rawJSON: string };

// Standard since ES2026, and not in TypeScript's own types.
const rawJson: ((digits: string) => ExactNumber) | undefined = Reflect.get(JSON, 'rawJSON');
const isRawJson: ((value: unknown) => boolean) | undefined = Reflect.get(JSON, 'isRawJSON');

/** Every number of up to 15 digits survives a 64-bit float. */
const longDigits = 16;

/**
 * As `JSON.parse`, except that a number of 16 digits or more is an `ExactNumber` where a 64-bit
 * float would be written in other digits:
 *
 *     [2103807459595387724, 9007199254740991, 0.1]
 *       → [{ rawJSON: '2103807459595387724' }, 9007199254740991, 0.1]
 *
 * Reading exactly is several times slower, so only texts with such a run of digits are read so. A
 * runtime without `JSON.rawJSON` (Safari before 18.4, Firefox before 135) rounds.
 *
 * @throws SyntaxError when the text is not JSON
 */
export function parseExactly(json: string): unknown {
  if (!hasLongDigits(json) || rawJson === undefined) return JSON.parse(json);
  try {
    return JSON.parse(json, keepDigits);
  } catch (error) {
    // Unlike `JSON.parse` alone, the exact reader recurses. Whoever limits the nesting refuses such
    // a depth, and finds it in the plain value too.
    if (error instanceof RangeError) return JSON.parse(json);
    throw error;
  }
}

export function isExactNumber(value: unknown): value is ExactNumber {
  return typeof value === 'object' && isRawJson?.(value) === true;
}

/** The digits of a whole number of 16 digits or more; `null` for any other value. */
export function longWholeNumber(value: unknown): string | null {
  const digits = isExactNumber(value)
    ? value.rawJSON
    : typeof value === 'number'
      ? String(value)
      : '';
  return digits.length >= longDigits && /^-?\d{16,}$/.test(digits) ? digits : null;
}

function keepDigits(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  const isLost =
    typeof value === 'number' &&
    source !== undefined &&
    source !== String(value) &&
    // A number beyond the range of a float stays infinite, so that it is refused as such.
    Number.isFinite(value) &&
    hasLongDigits(source);
  return isLost ? rawJson?.(source) : value;
}

/**
 * Whether 16 characters in a row are digits, or digits and points. Such a run covers one of every
 * 16th characters, so only these are looked at.
 */
function hasLongDigits(text: string): boolean {
  for (let at = longDigits - 1; at < text.length; at += longDigits) {
    if (!isDigitOrPoint(text.charCodeAt(at))) continue;
    let from = at;
    while (isDigitOrPoint(text.charCodeAt(from - 1))) from -= 1;
    let to = at + 1;
    while (isDigitOrPoint(text.charCodeAt(to))) to += 1;
    if (to - from >= longDigits) return true;
  }
  return false;
}

/** False outside the text, where the code is NaN. */
const isDigitOrPoint = (code: number): boolean => (code >= 0x30 && code <= 0x39) || code === 0x2e;

export type Members = Readonly<Record<string, unknown>>;

/** Whether a parsed value is an object with members: no list, and no number kept as its digits. */
export function isMembers(value: unknown): value is Members {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value)
  );
}
