// The address of the gateway, from that of the page or worker: it may be served below a path, such
// as https://shop.example/search.

/** Pages are one level below it, and scripts in its folder `assets`. Without a slash at its end. */
export const gatewayAddress = (): string =>
  location.origin + location.pathname.replace(/\/(assets\/)?[^/]*$/, '');
