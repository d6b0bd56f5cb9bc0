// Removes control characters from the text of a file, so that it cannot control a terminal.

export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
