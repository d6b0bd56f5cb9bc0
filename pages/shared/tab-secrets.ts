// Stores a secret for a reload of this tab, and for nothing else.

export type TabSecret = {
  /** `null` when this tab has none. */
  read(): string | null;
  write(secret: string): void;
  /** Removes a secret that was refused: a reload then asks for another one. */
  forget(): void;
};

export const runnerToken = tabSecret('vectorstream-runner-token');
export const apiKey = tabSecret('vectorstream-api-key');

function tabSecret(name: string): TabSecret {
  return {
    read: () => ifAllowed(() => sessionStorage.getItem(name)),
    write: (secret) => void ifAllowed(() => sessionStorage.setItem(name, secret)),
    forget: () => void ifAllowed(() => sessionStorage.removeItem(name)),
  };
}

/** A browser that refuses storage throws: a reload then asks again. */
function ifAllowed<T>(use: () => T): T | null {
  try {
    return use();
  } catch {
    return null;
  }
}
