// Keeps the runner token for a reload of this tab, and nothing else.

const storageKey = 'vectorstream-runner-token';

export const keptToken = (): string | null => sessionStorage.getItem(storageKey);

export function keepToken(token: string): void {
  sessionStorage.setItem(storageKey, token);
}

/** One that was refused: a reload asks for another. */
export function forgetToken(): void {
  sessionStorage.removeItem(storageKey);
}
