// Decides which pictures of products this page may show: those that its content policy allows.

/** Asks for this page's own headers: they are what its browser enforces. */
export async function allowedOrigins(signal: AbortSignal): Promise<readonly string[]> {
  const response = await fetch(location.pathname, { method: 'HEAD', signal });
  return originsIn(response.headers.get('content-security-policy') ?? '');
}

/** The origins, besides this page's own, from which a policy allows pictures. */
export function originsIn(policy: string): readonly string[] {
  const sources = /(?:^|;)\s*img-src ([^;]*)/.exec(policy)?.[1] ?? '';
  return sources.split(' ').filter((source) => /^https?:\/\//.test(source));
}

/** The address of a picture that may be shown; else `null`. */
export function shownPicture(
  image: string | null | undefined,
  origins: readonly string[],
): string | null {
  const url = URL.parse(image ?? '');
  return url !== null && origins.includes(url.origin) ? url.href : null;
}

/** The first letter or digit of a name; '' without one. */
export const formatInitial = (name: string): string =>
  /[\p{L}\p{N}]/u.exec(name)?.[0].toLocaleUpperCase() ?? '';
