// Makes what a hostile file wrote safe to show: it must not steer a terminal.

export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
