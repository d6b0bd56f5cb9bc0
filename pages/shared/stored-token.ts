// Stores the runner token for a reload of this tab, and for nothing else.

const storageKey = 'vectorstream-runner-token';

/** `null` when this tab has none. */
export const storedToken = (): string | null => sessionStorage.getItem(storageKey);

export function storeToken(token: string): void {
  sessionStorage.setItem(storageKey, token);
}

/** After a refusal: a reload then asks for another token. */
export function forgetToken(): void {
  sessionStorage.removeItem(storageKey);
}
