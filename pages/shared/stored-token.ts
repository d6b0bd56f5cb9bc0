// Stores the runner token for a reload of this tab, and for nothing else.

const storageKey = 'vectorstream-runner-token';

/** `null` when this tab has none. */
export const storedToken = (): string | null => ifAllowed(() => sessionStorage.getItem(storageKey));

export function storeToken(token: string): void {
  ifAllowed(() => sessionStorage.setItem(storageKey, token));
}

/** After a refusal: a reload then asks for another token. */
export function forgetToken(): void {
  ifAllowed(() => sessionStorage.removeItem(storageKey));
}

/** A browser that refuses storage throws: a reload then asks for the token again. */
function ifAllowed<T>(use: () => T): T | null {
  try {
    return use();
  } catch {
    return null;
  }
}
