// Starts the console: one page whose view follows from its path.

import { render } from 'preact';
import type { FunctionComponent } from 'preact';
import { Notice } from '../shared/components.tsx';
import { gatewayAddress } from '../shared/gateway-address.ts';
import { apiKey } from '../shared/tab-secrets.ts';
import { ConsoleFrame, titleOf, type ViewPath } from './console-frame.tsx';
import { Session } from './session.ts';

type View = FunctionComponent<{ readonly session: Session }>;

/** Each is loaded only where it is shown. */
const views: Readonly<Record<ViewPath, () => Promise<View>>> = {
  '': async () => (await import('./home/home.tsx')).Home,
  search: async () => (await import('./search/search.tsx')).Search,
  fleet: async () => (await import('./fleet/fleet.tsx')).Fleet,
  'dead-letters': async () => (await import('./dead-letters/dead-letters.tsx')).DeadLetters,
};

/** In place of a view whose files did not arrive. */
const NotLoaded: View = () => (
  <Notice tone="bad">
    This view did not load: the gateway does not answer, or was updated meanwhile.{' '}
    <button class="link" type="button" onClick={() => location.reload()}>
      Load it again
    </button>
  </Notice>
);

const last = location.pathname.split('/').at(-1) ?? '';
const isView = (path: string): path is ViewPath => Object.hasOwn(views, path);
const here = isView(last) ? last : '';
const session = new Session({ url: gatewayAddress(), secret: apiKey, now: () => Date.now() });
const View = await views[here]().catch(() => NotLoaded);
document.title = titleOf(here);
const app = document.getElementById('app') ?? document.body;
app.replaceChildren();
render(
  <ConsoleFrame session={session} here={here}>
    <View session={session} />
  </ConsoleFrame>,
  app,
);
