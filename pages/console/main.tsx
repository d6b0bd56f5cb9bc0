// Starts the console: one page whose view follows from its path.

import { render } from 'preact';
import { gatewayAddress } from '../shared/gateway-address.ts';
import { apiKey } from '../shared/tab-secrets.ts';
import { ConsoleFrame } from './console-frame.tsx';
import { Home } from './home/home.tsx';
import { Session } from './session.ts';

const session = new Session({
  url: gatewayAddress(),
  secret: apiKey,
  now: () => Date.now(),
});
const app = document.getElementById('app') ?? document.body;
app.replaceChildren();
render(
  <ConsoleFrame session={session} here="">
    <Home session={session} />
  </ConsoleFrame>,
  app,
);
