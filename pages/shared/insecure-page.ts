// What a page says that came over plain HTTP from another machine, where browsers withhold what it
// needs.

export const insecurePage =
  'This page came over plain HTTP from another machine. Browsers give such a page no WebGPU, no ' +
  'threads, no storage and no way to check files: open it with https://, or on the machine of ' +
  'the gateway as http://localhost. For whoever runs the gateway: npm run certificate makes a ' +
  'certificate for a local network.';
