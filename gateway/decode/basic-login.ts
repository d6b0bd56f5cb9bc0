// Writes a user name and a password as HTTP's basic authentication has them.

/** The value of the header `Authorization`. */
export const basicLogin = (username: string, password: string | null): string =>
  `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
