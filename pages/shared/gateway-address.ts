// The address of the gateway, from that of the page or worker: it may be served below a path, such
// as https://shop.example/search.

/** The address has no slash at its end. Pages are one level below it; scripts are in `assets`. */
export const gatewayAddress = (): string =>
  location.origin + location.pathname.replace(/\/(assets\/)?[^/]*$/, '');

/** Whether only this machine reaches the page's address. */
export const isLoopbackPage = (): boolean => /^(localhost$|127\.|\[::1\])/.test(location.hostname);
