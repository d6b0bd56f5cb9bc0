// Starts the page that shows the design system.

import { render } from 'preact';
import { DesignPage } from './design-page.tsx';

const app = document.getElementById('app') ?? document.body;
app.replaceChildren();
render(<DesignPage />, app);
