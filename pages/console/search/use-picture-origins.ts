// Finds out once where pictures may come from, when the first product with a picture is found.

import { useRef } from 'preact/hooks';
import type { SearchResult } from '../../../client/client.ts';
import type { Session } from '../session.ts';
import { usePolled } from '../use-gateway.ts';
import { allowedOrigins } from './picture-address.ts';

const none: readonly string[] = [];

export function usePictureOrigins(
  session: Session,
  result: SearchResult | null,
): readonly string[] {
  const hadPictures = useRef(false);
  hadPictures.current ||= result?.hits.some(({ product }) => product?.image != null) ?? false;
  const { current: isAsked } = hadPictures;
  const ask = async (signal: AbortSignal) => (isAsked ? allowedOrigins(signal) : none);
  return usePolled(session, ask, null, [isAsked]) ?? none;
}
