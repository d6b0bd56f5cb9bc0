// The picture of a product, if the gateway's settings allow its host; else the first letter of its
// name.

import { useState } from 'preact/hooks';
import { formatInitial } from './picture-address.ts';

const size = 56;

export function Picture({
  name,
  address,
}: {
  readonly name: string;
  /** `null`: there is none, or it may not be shown. */
  readonly address: string | null;
}) {
  const [missing, setMissing] = useState<string | null>(null);
  return address === null || address === missing ? (
    <span class="picture" aria-hidden="true">
      {formatInitial(name)}
    </span>
  ) : (
    <img
      class="picture"
      src={address}
      alt=""
      width={size}
      height={size}
      loading="lazy"
      decoding="async"
      onError={() => setMissing(address)}
    />
  );
}
